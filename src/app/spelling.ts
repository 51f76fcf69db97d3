// What somebody may have meant by a misspelt name.

/** The name that is most like the given one, and how many letters it differs in; null where there are none. */
export function nearestName(
  given: string,
  names: readonly string[],
): { readonly name: string; readonly distance: number } | null {
  const ranked = names.map((name) => ({ name, distance: distanceOf(given, name) }));
  return ranked.sort((a, b) => a.distance - b.distance)[0] ?? null;
}

/** Levenshtein's distance: how many letters to insert, delete or replace. */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (row[j - 1] ?? 0) + (a[i] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
