import { describe, expect, it } from "vitest";
import { createMemoryFabric, TestClock } from "fettle/testing";
import { silentLog } from "#src/core/log";
import type { KeyValue } from "#src/core/ports";
import { Leases } from "#src/lease";

const TTL_MS = 15_000;

/** Two processes on one store, whose time moves by hand. */
function makeTwo(isGone: (node: string) => boolean = () => false) {
  const clock = new TestClock();
  const { keyValue } = createMemoryFabric({ clock });
  const make = (node: string) =>
    new Leases(keyValue, { scope: "m.workflow", node, isGone, clock, log: silentLog });
  return { clock, keyValue, ours: make("ours"), theirs: make("theirs") };
}

/** Lets what was begun come to its end, and moves time on in steps that renewals keep up with. */
async function pass(clock: TestClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    clock.advance(Math.min(left, 1000));
    await new Promise(setImmediate);
  }
}

describe("a lease", () => {
  it("is one process's at a time, told by its name, and another's once it is given back", async () => {
    const { ours, theirs } = makeTwo();
    const lease = await ours.take("a");
    expect(await theirs.take("a")).toBeNull();
    expect(await theirs.holder("a")).toBe("ours");
    expect(await theirs.take("b")).not.toBeNull();
    await lease?.release();
    expect(await ours.holder("a")).toBeNull();
    expect(await theirs.take("a")).not.toBeNull();
  });

  it("is one's alone where many want it at once", async () => {
    const { ours, theirs } = makeTwo();
    const taken = await Promise.all([ours, theirs, ours, theirs].map((leases) => leases.take("a")));
    expect(taken.filter((lease) => lease !== null)).toHaveLength(1);
  });

  it("is renewed as long as it is held", async () => {
    const { clock, ours, theirs } = makeTwo();
    const lease = await ours.take("a");
    await pass(clock, 4 * TTL_MS);
    expect(lease?.lost.aborted).toBe(false);
    expect(await theirs.take("a")).toBeNull();
  });

  it("is lost by a holder that pauses for longer, which learns of it and leaves the new one alone", async () => {
    const { clock, keyValue, ours, theirs } = makeTwo();
    const lease = await ours.take("a");
    await keyValue.delete("leases", "m.workflow.a"); // As its expiry would, while the holder does not run.
    const second = await theirs.take("a");
    expect(second).not.toBeNull();
    await pass(clock, TTL_MS);
    expect(lease?.lost.aborted).toBe(true);
    await lease?.release();
    expect(await ours.holder("a")).toBe("theirs");
  });

  it("is not taken away by the return of a holder that does not know yet that it was lost", async () => {
    const { keyValue, ours, theirs } = makeTwo();
    const lease = await ours.take("a");
    await keyValue.delete("leases", "m.workflow.a");
    await theirs.take("a");
    await lease?.release();
    expect(await ours.holder("a")).toBe("theirs");
  });

  it("ends at once where its holder is known to be gone, and is taken by one of those who want it", async () => {
    const { ours, theirs } = makeTwo((node) => node === "ours");
    await ours.take("a");
    expect(await theirs.holder("a")).toBeNull();
    const taken = await Promise.all([theirs.take("a"), theirs.take("a")]);
    expect(taken.filter((lease) => lease !== null)).toHaveLength(1);
  });
});

describe("a lease that cannot be taken whole", () => {
  it("is given back, so that nobody waits for it in vain", async () => {
    const { clock, keyValue, theirs } = makeTwo();
    const broken: KeyValue = Object.assign(Object.create(keyValue) as KeyValue, {
      get: (bucket: string, key: string) =>
        key.includes("wish") ? Promise.reject(new Error("cannot read")) : keyValue.get(bucket, key),
      create: (...given: Parameters<KeyValue["create"]>) => keyValue.create(...given),
      update: (...given: Parameters<KeyValue["update"]>) => keyValue.update(...given),
      delete: (...given: Parameters<KeyValue["delete"]>) => keyValue.delete(...given),
      watch: (...given: Parameters<KeyValue["watch"]>) => keyValue.watch(...given),
    });
    const options = { scope: "m.workflow", node: "ours", isGone: () => false, clock, log: silentLog };
    await expect(new Leases(broken, options).take("a")).rejects.toThrow("cannot read");
    expect(await theirs.take("a")).not.toBeNull();
  });
});

describe("waiting for a lease", () => {
  it("ends when it is given back, and at once where nobody has it", async () => {
    const { ours, theirs } = makeTwo();
    const { signal } = new AbortController();
    await theirs.free("a", signal);
    const lease = await ours.take("a");
    let isFree = false;
    const waiting = theirs.free("a", signal).then(() => (isFree = true));
    await new Promise(setImmediate);
    expect(isFree).toBe(false);
    await lease?.release();
    await waiting;
  });

  it("ends when it expires", async () => {
    const { clock, keyValue, theirs } = makeTwo();
    await keyValue.create("leases", "m.workflow.a", "dead", { ttlMs: TTL_MS });
    const waiting = theirs.free("a", new AbortController().signal);
    await pass(clock, TTL_MS);
    await waiting;
  });

  it("ends soon after its holder is gone, which nobody tells", async () => {
    const gone = new Set<string>();
    const { clock, ours, theirs } = makeTwo((node) => gone.has(node));
    await ours.take("a");
    const waiting = theirs.free("a", new AbortController().signal);
    await pass(clock, 2000);
    gone.add("ours");
    await pass(clock, 1000);
    await waiting;
  });

  it("ends when it is broken off", async () => {
    const { ours, theirs } = makeTwo();
    await ours.take("a");
    const controller = new AbortController();
    const waiting = theirs.free("a", controller.signal);
    controller.abort();
    await waiting;
  });
});

describe("a wish", () => {
  it("reaches the holder of a lease, and whoever takes it later, and goes with it", async () => {
    const { keyValue, ours, theirs } = makeTwo();
    await theirs.tell("a", "early");
    const heard: string[] = [];
    const lease = await ours.take("a");
    lease?.onWish((wish) => heard.push(wish));
    expect(heard).toEqual(["early"]);
    await theirs.tell("a", "late");
    await theirs.tell("b", "another's");
    await new Promise(setImmediate);
    expect(heard).toEqual(["early", "late"]);
    await lease?.release();
    expect(await keyValue.keys("leases")).toEqual(["m.workflow-wish.b"]);
  });
});
