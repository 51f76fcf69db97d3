// A place in a ledger whose writes hold several entries each: who has read up to there can go on later, anywhere.
// Invariant: after a mark comes exactly what was not read up to it, each entry once, on every node alike.
import type { Ledger } from "./core/ports.ts";

/** Up to where a ledger was read: a write's sequence, and the place of an entry in it, from 0. */
export interface Mark {
  readonly sequence: number;
  readonly index: number;
}

/** An entry and its mark. */
export interface Marked<Entry> {
  readonly entry: Entry;
  readonly mark: Mark;
}

/** A mark as text: `12.0`. */
export function markText({ sequence, index }: Mark): string {
  return `${sequence}.${index}`;
}

/** A mark from its text; null where that is none. */
export function readMark(text: string): Mark | null {
  const [, sequence, index] = /^(\d{1,15})\.(\d{1,9})$/.exec(text) ?? [];
  return sequence === undefined ? null : { sequence: Number(sequence), index: Number(index) };
}

/** What follows a mark, null for the begin: the entries of at most `limit` writes. @throws StorageError */
export async function afterMark<Entry>(
  ledger: Ledger,
  {
    name,
    mark,
    limit,
    read,
  }: {
    readonly name: string;
    readonly mark: Mark | null;
    readonly limit: number;
    readonly read: (payload: string) => readonly Entry[];
  },
): Promise<readonly Marked<Entry>[]> {
  const writes = await ledger.read(name, { from: mark?.sequence, limit: mark === null ? limit : limit + 1 });
  const entries = writes.flatMap(({ sequence, payload }) =>
    read(payload).map((entry, index) => ({ entry, mark: { sequence, index } })),
  );
  if (mark === null) return entries;
  return entries.filter((one) => one.mark.sequence > mark.sequence || one.mark.index > mark.index);
}
