// Lists in pages: each names the address of the next, by the last thing that it has.
// Invariant: whatever is added meanwhile, no page tells what an earlier one told.

/** The last of the page before: when it began, in milliseconds since 1970, and its id. */
export interface PageMark {
  readonly at: number;
  readonly id: string;
}

/** Where a page begins; undefined for the first. */
export function readBefore(text: string | undefined): PageMark | undefined {
  if (text === undefined) return undefined;
  const [at = "", id = ""] = text.split(/\.(.*)/s);
  return { at: Number(at), id };
}

/** The address of the page after `before`, of the same query. */
export function nextPage(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `${path}?${new URLSearchParams(given).toString()}`;
}
