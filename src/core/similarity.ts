// How alike two tasks are: Dice's measure over the groups of three characters in their words.
// Invariant: symmetric, from 0 (nothing in common) to 1 (the same words in any order, case and numbers aside): a task
// with other numbers is the likeliest to be solved by the same code.

/** A task as it is compared. */
export type Trigrams = ReadonlySet<string>;

/** The trigrams of a task's words; every run of digits counts as the same number. */
export function trigramsOf(task: string): Trigrams {
  const words =
    task
      .normalize("NFC")
      .toLowerCase()
      .replace(/\d+/g, "0")
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  const trigrams = new Set<string>();
  for (const word of words) {
    const padded = `  ${word} `;
    for (let at = 0; at + 3 <= padded.length; at += 1) trigrams.add(padded.slice(at, at + 3));
  }
  return trigrams;
}

/** Twice what both have over what each has. */
export function similarity(left: Trigrams, right: Trigrams): number {
  if (left.size + right.size === 0) return 0;
  let both = 0;
  for (const trigram of left) if (right.has(trigram)) both += 1;
  return (2 * both) / (left.size + right.size);
}
