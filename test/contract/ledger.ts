// What every fabric's ledgers must do. An adapter gives a fabric whose store is empty; two fabrics made by one `make`
// may share a store or not. Nothing here assumes that sequences step by 1, that they start anew after a deletion, or
// that times come from a clock of ours: on NATS, a ledger is a subject of one stream, its sequence the stream's.
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Fabric, Ledger } from "#src/core/ports";
import type { MakeFabric } from "./messages.ts";

/** The suite for the port Ledger. */
export function ledgerContract(make: MakeFabric): void {
  describe("ledger", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<Ledger> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric.ledger;
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("has nothing for a ledger that nobody wrote", async () => {
      const ledger = await open();
      expect(await ledger.read("tasks.a")).toEqual([]);
      expect(await ledger.last("tasks.a")).toBeNull();
      expect(await ledger.names()).toEqual([]);
    });

    it("gives back what was appended, in order, with growing sequences and the time", async () => {
      const ledger = await open();
      const sequences: number[] = [];
      for (const payload of ["one", "two", "three"]) {
        sequences.push(await ledger.append("tasks.a", payload, sequences.at(-1) ?? 0));
      }
      const entries = await ledger.read("tasks.a");
      expect(entries.map(({ payload }) => payload)).toEqual(["one", "two", "three"]);
      expect(entries.map(({ sequence }) => sequence)).toEqual(sequences);
      expect(sequences[0]).toBeGreaterThanOrEqual(1);
      expect([...new Set(sequences)].sort((a, b) => a - b)).toEqual(sequences);
      for (const { at } of entries) expect(Math.abs(at - Date.now())).toBeLessThan(60_000);
      expect(await ledger.last("tasks.a")).toEqual(entries[2]);
    });

    it("reads from a sequence on, that one included, and no more than asked for", async () => {
      const ledger = await open();
      const sequences: number[] = [];
      for (let index = 0; index < 6; index += 1) {
        sequences.push(await ledger.append("a", String(index), sequences.at(-1) ?? 0));
      }
      const payloads = async (options: { from?: number; limit?: number }): Promise<string> =>
        (await ledger.read("a", options)).map(({ payload }) => payload).join("");
      const from = sequences[2] ?? 0;
      expect(await payloads({ from })).toBe("2345");
      expect(await payloads({ from, limit: 2 })).toBe("23");
      expect(await payloads({ from: from + 1, limit: 1 })).toBe("3");
      expect(await payloads({ limit: 3 })).toBe("012");
      expect(await payloads({ limit: 0 })).toBe("");
      expect(await payloads({ limit: 100 })).toBe("012345");
      expect(await payloads({ from: (sequences[5] ?? 0) + 1 })).toBe("");
    });

    it("refuses a writer that does not know the last entry, and stores nothing of it", async () => {
      const ledger = await open();
      const first = await ledger.append("a", "1", 0);
      const second = await ledger.append("a", "2", first);
      for (const wrong of [0, first, second + 1]) {
        await expect(ledger.append("a", "x", wrong), String(wrong)).rejects.toMatchObject({
          code: "SEQUENCE_CONFLICT",
        });
      }
      await expect(ledger.append("new", "x", second)).rejects.toMatchObject({ code: "SEQUENCE_CONFLICT" });
      expect((await ledger.read("a")).map(({ payload }) => payload)).toEqual(["1", "2"]);
      expect(await ledger.names()).toEqual(["a"]);
    });

    it("lets exactly one of many concurrent writers win each place", async () => {
      const ledger = await open();
      let last = 0;
      for (let round = 0; round < 3; round += 1) {
        const tries = await Promise.allSettled(
          Array.from({ length: 12 }, (_, index) => ledger.append("a", `${round}:${index}`, last)),
        );
        const won = tries.filter((one) => one.status === "fulfilled");
        expect(won).toHaveLength(1);
        last = won[0]?.value ?? 0;
      }
      expect(await ledger.read("a")).toHaveLength(3);
    });

    it("keeps ledgers apart, also those whose names begin alike", async () => {
      const ledger = await open();
      const inner = await ledger.append("a.b", "inner", 0);
      const outer = await ledger.append("a", "outer", 0);
      await ledger.append("a", "outer again", outer);
      await ledger.append("a.b", "inner again", inner);
      expect((await ledger.read("a")).map(({ payload }) => payload)).toEqual(["outer", "outer again"]);
      expect((await ledger.last("a.b"))?.payload).toBe("inner again");
    });

    it("carries any text whole", async () => {
      const ledger = await open();
      let last = 0;
      const texts = ["", "é ☃ 𝄞 \u0000 \n", "x".repeat(300_000)];
      for (const text of texts) last = await ledger.append("a", text, last);
      expect((await ledger.read("a")).map(({ payload }) => payload)).toEqual(texts);
    });

    it("lists the names of ledgers with entries by prefix, sorted", async () => {
      const ledger = await open();
      const names = ["task.b", "task.a.1", "task.a", "tasks", "Task.a", "other", "task.a-1"];
      for (const name of names) await ledger.append(name, "x", 0);
      expect(await ledger.names()).toEqual([...names].sort());
      expect(await ledger.names("task.")).toEqual(["task.a", "task.a-1", "task.a.1", "task.b"]);
      expect(await ledger.names("nothing")).toEqual([]);
    });

    it("deletes a ledger whole, and goes on with its sequences", async () => {
      const ledger = await open();
      const first = await ledger.append("a", "1", 0);
      const second = await ledger.append("a", "2", first);
      await ledger.append("a.b", "stays", 0);
      await ledger.delete("a");
      await ledger.delete("a");
      expect(await ledger.read("a")).toEqual([]);
      expect(await ledger.last("a")).toBeNull();
      expect(await ledger.names()).toEqual(["a.b"]);
      await expect(ledger.append("a", "x", second)).rejects.toMatchObject({ code: "SEQUENCE_CONFLICT" });
      expect(await ledger.append("a", "anew", 0)).toBeGreaterThan(second);
      expect((await ledger.read("a", { from: first })).map(({ payload }) => payload)).toEqual(["anew"]);
    });

    it("does what plain lists with a counter would do, whatever is asked of it", async () => {
      const ledger = await open();
      const name = fc.constantFrom("a", "b", "a.b");
      const operation = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({ type: fc.constant("append" as const), name, payload: fc.string() }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            type: fc.constant("stale" as const),
            name,
            by: fc.integer({ min: 1, max: 3 }),
          }),
        },
        { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const), name }) },
        {
          weight: 2,
          arbitrary: fc.record({
            type: fc.constant("read" as const),
            name,
            skip: fc.nat(4),
            limit: fc.nat(4),
          }),
        },
      );
      let run = 0;
      const property = fc.asyncProperty(
        fc.array(operation, { maxLength: 25, size: "max" }),
        async (operations) => {
          const prefix = `run-${run++}.`;
          const model = new Map<string, { sequence: number; payload: string }[]>();
          const newest = new Map<string, number>();
          for (const one of operations) {
            const known = model.get(one.name) ?? [];
            const last = known.at(-1)?.sequence ?? 0;
            if (one.type === "append") {
              const sequence = await ledger.append(prefix + one.name, one.payload, last);
              expect(sequence).toBeGreaterThan(newest.get(one.name) ?? 0);
              newest.set(one.name, sequence);
              model.set(one.name, [...known, { sequence, payload: one.payload }]);
            } else if (one.type === "stale") {
              const write = ledger.append(prefix + one.name, "x", last + one.by);
              await expect(write).rejects.toMatchObject({ code: "SEQUENCE_CONFLICT" });
            } else if (one.type === "delete") {
              await ledger.delete(prefix + one.name);
              model.delete(one.name);
            } else {
              const from = known[one.skip]?.sequence ?? (newest.get(one.name) ?? 0) + 1;
              const read = await ledger.read(prefix + one.name, { from, limit: one.limit });
              const expected = known.slice(one.skip, one.skip + one.limit);
              expect(read.map(({ sequence, payload }) => ({ sequence, payload }))).toEqual(expected);
            }
          }
          expect(await ledger.names(prefix)).toEqual([...model.keys()].map((known) => prefix + known).sort());
          for (const known of ["a", "b", "a.b"]) {
            const entries = await ledger.read(prefix + known);
            expect(entries.map(({ sequence, payload }) => ({ sequence, payload }))).toEqual(
              model.get(known) ?? [],
            );
            expect(await ledger.last(prefix + known)).toEqual(entries.at(-1) ?? null);
          }
        },
      );
      await fc.assert(property, { numRuns: 30 });
    });

    it("refuses names that some fabric could not store", async () => {
      const ledger = await open();
      const invalid = { code: "PATH_INVALID" };
      for (const name of ["", ".a", "a.", "a..b", "a b", "a*", "a>", "é", "x".repeat(513)]) {
        await expect(ledger.append(name, "", 0), name).rejects.toMatchObject(invalid);
        await expect(ledger.read(name), name).rejects.toMatchObject(invalid);
        await expect(ledger.last(name), name).rejects.toMatchObject(invalid);
        await expect(ledger.delete(name), name).rejects.toMatchObject(invalid);
      }
    });

    it("refuses use after close", async () => {
      const ledger = await open();
      await ledger.append("a", "1", 0);
      for (const fabric of fabrics) await fabric.close();
      await expect(ledger.read("a")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      await expect(ledger.append("a", "2", 1)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    });
  });
}
