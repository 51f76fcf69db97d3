// Marks in a ledger whose writes hold several entries: from each, exactly the rest is read.
import { createMemoryFabric } from "fettle/testing";
import { describe, expect, it } from "vitest";
import { afterMark, markText, readMark, type Mark, type Marked } from "#src/ledger-mark";

const WRITES = [["a", "b", "c"], ["d"], [], ["e", "f"]];
const ALL = WRITES.flat();

async function ledgerWith(writes: readonly (readonly string[])[]) {
  const { ledger } = createMemoryFabric();
  let last = 0;
  for (const entries of writes) last = await ledger.append("book", JSON.stringify(entries), last);
  const read = (payload: string) => JSON.parse(payload) as readonly string[];
  return (mark: Mark | null, limit = 100) => afterMark(ledger, { name: "book", mark, limit, read });
}

/** What is read from a mark on, so many writes at once. */
async function readOn(
  after: (mark: Mark | null, limit: number) => Promise<readonly Marked<string>[]>,
  { from, limit }: { readonly from: Mark | null; readonly limit: number },
): Promise<readonly string[]> {
  const found: string[] = [];
  let mark = from;
  for (;;) {
    const entries = await after(mark, limit);
    if (entries.length === 0) return found;
    found.push(...entries.map(({ entry }) => entry));
    mark = entries.at(-1)?.mark ?? mark;
  }
}

describe("a mark", () => {
  it("is followed by exactly what was not read up to it, however much is read at once", async () => {
    const after = await ledgerWith(WRITES.filter((entries) => entries.length > 0));
    const whole = await after(null);
    expect(whole.map(({ entry }) => entry)).toEqual(ALL);
    for (const limit of [1, 2, 100]) {
      expect(await readOn(after, { from: null, limit })).toEqual(ALL);
      for (const [index, { mark }] of whole.entries()) {
        expect(await readOn(after, { from: mark, limit })).toEqual(ALL.slice(index + 1));
      }
    }
  });

  it("is the same from its text, and what is no mark is none", async () => {
    const after = await ledgerWith(WRITES);
    for (const { mark } of await after(null)) expect(readMark(markText(mark))).toEqual(mark);
    for (const text of ["", "1", "1.", ".1", "-1.0", "1.0.0", "x.y", "1.0 "])
      expect(readMark(text)).toBeNull();
  });
});
