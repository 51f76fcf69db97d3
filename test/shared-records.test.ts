// Records that many change at once: nothing is lost, nobody's error is another's, and a busy key costs few writes.
import { describe, expect, it } from "vitest";
import type { KeyValue, KeyValueEntry } from "#src/core/ports";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { SharedRecords } from "#src/shared-records";

interface Counter {
  count: number;
}

const form = {
  read: (entry: KeyValueEntry | null): Counter => ({ count: Number(entry?.value ?? 0) }),
  write: ({ count }: Counter) => String(count),
};

const increment = (record: Counter): number => (record.count += 1);

/** A store in memory, its writes counted; `before` runs before each. */
function makeStore(before: (write: number, keyValue: KeyValue) => Promise<void> | void = () => undefined) {
  const { keyValue } = createMemoryFabric();
  const counts = { writes: 0 };
  const told = async <R>(write: () => Promise<R>): Promise<R> => {
    counts.writes += 1;
    await before(counts.writes, keyValue);
    return write();
  };
  const store: KeyValue = Object.assign(Object.create(keyValue) as KeyValue, {
    get: (bucket: string, key: string) => keyValue.get(bucket, key),
    create: (...given: Parameters<KeyValue["create"]>) => told(() => keyValue.create(...given)),
    update: (...given: Parameters<KeyValue["update"]>) => told(() => keyValue.update(...given)),
  });
  return { keyValue, store, counts };
}

describe("shared records", () => {
  it("write together what is asked for at once, and each change sees the ones before", async () => {
    const { store, counts } = makeStore();
    const records = new SharedRecords(store, "counters", form);
    const seen = await Promise.all(Array.from({ length: 100 }, () => records.change("a", increment)));
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(counts.writes).toBe(1);
    expect(await records.get("a")).toEqual({ count: 100 });
  });

  it("take what comes during a write along with the next", async () => {
    const late: Promise<number>[] = [];
    const { store, counts } = makeStore((write) => {
      if (write === 1) for (let index = 0; index < 10; index += 1) late.push(records.change("a", increment));
    });
    const records = new SharedRecords(store, "counters", form);
    expect(await records.change("a", increment)).toBe(1);
    expect(await Promise.all(late)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(counts.writes).toBe(2);
  });

  it("apply a change anew where another process was faster", async () => {
    const { store } = makeStore(async (write, keyValue) => {
      if (write <= 5) await keyValue.put("counters", "a", String(write * 100));
    });
    const records = new SharedRecords(store, "counters", form);
    expect(await records.change("a", increment)).toBe(501);
  });

  it("give each its own error, and go on with the others", async () => {
    const { store } = makeStore();
    const records = new SharedRecords(store, "counters", form);
    const outcomes = await Promise.allSettled([
      records.change("a", increment),
      records.change("a", () => {
        throw new RangeError("not mine");
      }),
      records.change("a", increment),
    ]);
    expect(outcomes).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: new RangeError("not mine") },
      { status: "fulfilled", value: 2 },
    ]);
  });

  it("tell all that waited where the store fails, and work again once it does", async () => {
    let isFull = true;
    const { store } = makeStore(() => {
      if (isFull) throw new Error("the disk is full");
    });
    const records = new SharedRecords(store, "counters", form);
    const failed = await Promise.allSettled([records.change("a", increment), records.change("a", increment)]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    isFull = false;
    expect(await records.change("a", increment)).toBe(1);
  });

  it("write nothing where nothing changed", async () => {
    const { store, counts } = makeStore();
    const records = new SharedRecords(store, "counters", form);
    expect(await records.change("a", ({ count }) => count)).toBe(0);
    expect(await records.get("a")).toBeNull();
    await records.change("a", increment);
    await records.change("a", () => undefined);
    expect(counts.writes).toBe(1);
  });

  it("keep two users of one store apart from each other's lost writes", async () => {
    const { store } = makeStore();
    const users = Array.from({ length: 4 }, () => new SharedRecords(store, "counters", form));
    await Promise.all(
      users.map(async (records) => {
        for (let index = 0; index < 25; index += 1) await records.change("a", increment);
      }),
    );
    expect(await users[0]?.get("a")).toEqual({ count: 100 });
  });
});
