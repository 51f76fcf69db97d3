// What every fabric's key-value must do. Two fabrics made by one `make` may share a store or not: buckets of
// a test are its own.
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Fabric, KeyValue } from "#src/core/ports";
import type { MakeFabric } from "./messages.ts";

/** The suite for the port KeyValue. */
export function keyValueContract(make: MakeFabric): void {
  describe("key-value", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<KeyValue> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric.keyValue;
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("gives null for a key that is not there", async () => {
      const keyValue = await open();
      expect(await keyValue.get("bucket", "absent")).toBeNull();
      expect(await keyValue.keys("bucket")).toEqual([]);
    });

    it("gives back what was put, with the revision that put it", async () => {
      const keyValue = await open();
      const revision = await keyValue.put("bucket", "a.b", "value");
      expect(revision).toBeGreaterThanOrEqual(1);
      expect(await keyValue.get("bucket", "a.b")).toEqual({ key: "a.b", value: "value", revision });
    });

    it("grows a key's revision with every write, also over its deletion", async () => {
      const keyValue = await open();
      const revisions = [await keyValue.create("bucket", "a", "1")];
      revisions.push(await keyValue.put("bucket", "a", "2"));
      revisions.push(await keyValue.update("bucket", "a", "3", revisions[1] ?? 0));
      await keyValue.delete("bucket", "a");
      revisions.push(await keyValue.create("bucket", "a", "4"));
      expect([...revisions].sort((a, b) => a - b)).toEqual(revisions);
      expect(new Set(revisions).size).toBe(4);
    });

    it("keeps buckets and keys apart", async () => {
      const keyValue = await open();
      await keyValue.put("one", "a", "1");
      await keyValue.put("two", "a", "2");
      await keyValue.put("one", "a.b", "3");
      expect((await keyValue.get("one", "a"))?.value).toBe("1");
      expect((await keyValue.get("two", "a"))?.value).toBe("2");
      await keyValue.delete("one", "a");
      expect(await keyValue.get("one", "a")).toBeNull();
      expect((await keyValue.get("one", "a.b"))?.value).toBe("3");
    });

    it("carries any text whole", async () => {
      const keyValue = await open();
      for (const value of ["", "é ☃ 𝄞 \u0000 \n", "x".repeat(300_000)]) {
        await keyValue.put("bucket", "text", value);
        expect((await keyValue.get("bucket", "text"))?.value).toBe(value);
      }
    });

    it("creates a key once", async () => {
      const keyValue = await open();
      await keyValue.create("bucket", "a", "first");
      await expect(keyValue.create("bucket", "a", "second")).rejects.toMatchObject({ code: "KEY_EXISTS" });
      expect((await keyValue.get("bucket", "a"))?.value).toBe("first");
    });

    it("updates only from the current revision", async () => {
      const keyValue = await open();
      const first = await keyValue.create("bucket", "a", "1");
      const second = await keyValue.update("bucket", "a", "2", first);
      const conflict = { code: "REVISION_CONFLICT" };
      await expect(keyValue.update("bucket", "a", "3", first)).rejects.toMatchObject(conflict);
      await expect(keyValue.update("bucket", "absent", "3", first)).rejects.toMatchObject(conflict);
      await keyValue.delete("bucket", "a");
      await expect(keyValue.update("bucket", "a", "3", second)).rejects.toMatchObject(conflict);
      expect(await keyValue.get("bucket", "a")).toBeNull();
    });

    it("lets exactly one of many concurrent creators win", async () => {
      const keyValue = await open();
      const tries = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => keyValue.create("bucket", "lease", String(index))),
      );
      const winners = tries.flatMap((one, index) => (one.status === "fulfilled" ? [String(index)] : []));
      expect(winners).toHaveLength(1);
      expect((await keyValue.get("bucket", "lease"))?.value).toBe(winners[0]);
    });

    it("loses no concurrent increment made by compare-and-set", async () => {
      const keyValue = await open();
      await keyValue.create("bucket", "counter", "0");
      const increment = async (): Promise<void> => {
        for (;;) {
          const entry = await keyValue.get("bucket", "counter");
          if (entry === null) throw new Error("the counter is gone");
          try {
            await keyValue.update("bucket", "counter", String(Number(entry.value) + 1), entry.revision);
            return;
          } catch (error) {
            expect(error).toMatchObject({ code: "REVISION_CONFLICT" });
          }
        }
      };
      await Promise.all(Array.from({ length: 12 }, increment));
      expect((await keyValue.get("bucket", "counter"))?.value).toBe("12");
    });

    it("deletes a key, and one that is not there without complaint", async () => {
      const keyValue = await open();
      await keyValue.put("bucket", "a", "1");
      await keyValue.delete("bucket", "a");
      await keyValue.delete("bucket", "a");
      expect(await keyValue.get("bucket", "a")).toBeNull();
      expect(await keyValue.keys("bucket")).toEqual([]);
    });

    it("lists the keys of a bucket by prefix, sorted", async () => {
      const keyValue = await open();
      const keys = ["task.b", "task.a.1", "task.a", "tasks", "Task.a", "other", "task.a-1"];
      for (const key of keys) await keyValue.put("bucket", key, "");
      await keyValue.put("bucket2", "task.z", "");
      expect(await keyValue.keys("bucket")).toEqual([...keys].sort());
      expect(await keyValue.keys("bucket", "task.")).toEqual(["task.a", "task.a-1", "task.a.1", "task.b"]);
      expect(await keyValue.keys("bucket", "task.a")).toEqual(["task.a", "task.a-1", "task.a.1"]);
      expect(await keyValue.keys("bucket", "nothing")).toEqual([]);
    });

    it("does what a plain map with a counter would do, whatever is asked of it", async () => {
      const keyValue = await open();
      const key = fc.constantFrom("a", "b", "a.b");
      const operation = fc.oneof(
        fc.record({ type: fc.constant("put" as const), key, value: fc.string() }),
        fc.record({ type: fc.constant("create" as const), key, value: fc.string() }),
        fc.record({ type: fc.constant("update" as const), key, value: fc.string(), stale: fc.boolean() }),
        fc.record({ type: fc.constant("delete" as const), key }),
      );
      let run = 0;
      const property = fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        const bucket = `run-${run++}`;
        const model = new Map<string, { value: string; revision: number }>();
        const newest = new Map<string, number>();
        for (const one of operations) {
          const known = model.get(one.key);
          if (one.type === "delete") {
            await keyValue.delete(bucket, one.key);
            model.delete(one.key);
            continue;
          }
          const from = one.type === "update" ? (known?.revision ?? 1) + (one.stale ? 1 : 0) : 0;
          const write =
            one.type === "update"
              ? keyValue.update(bucket, one.key, one.value, from)
              : keyValue[one.type](bucket, one.key, one.value);
          if (one.type === "create" && known !== undefined) {
            await expect(write).rejects.toMatchObject({ code: "KEY_EXISTS" });
          } else if (one.type === "update" && known?.revision !== from) {
            await expect(write).rejects.toMatchObject({ code: "REVISION_CONFLICT" });
          } else {
            const revision = await write;
            expect(revision).toBeGreaterThan(newest.get(one.key) ?? 0);
            newest.set(one.key, revision);
            model.set(one.key, { value: one.value, revision });
          }
        }
        expect(await keyValue.keys(bucket)).toEqual([...model.keys()].sort());
        for (const name of ["a", "b", "a.b"]) {
          const known = model.get(name);
          const expected = known === undefined ? null : { key: name, ...known };
          expect(await keyValue.get(bucket, name)).toEqual(expected);
        }
      });
      await fc.assert(property, { numRuns: 30 });
    });

    it("refuses buckets and keys that some fabric could not store", async () => {
      const keyValue = await open();
      const invalid = { code: "PATH_INVALID" };
      for (const key of ["", ".a", "a.", "a..b", "a b", "a*", "a>", "é", "a\u0000", "x".repeat(513)]) {
        await expect(keyValue.put("bucket", key, ""), key).rejects.toMatchObject(invalid);
        await expect(keyValue.get("bucket", key), key).rejects.toMatchObject(invalid);
      }
      for (const bucket of ["", "a.b", "a/b", ".."]) {
        await expect(keyValue.create(bucket, "a", ""), bucket).rejects.toMatchObject(invalid);
        await expect(keyValue.keys(bucket), bucket).rejects.toMatchObject(invalid);
      }
    });

    it("refuses use after close", async () => {
      const keyValue = await open();
      await keyValue.put("bucket", "a", "1");
      for (const fabric of fabrics) await fabric.close();
      await expect(keyValue.get("bucket", "a")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      await expect(keyValue.put("bucket", "a", "2")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    });
  });
}
