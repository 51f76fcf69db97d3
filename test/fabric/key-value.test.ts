// Key-value over time under a clock that a test moves, on both fabrics that need no server: against a model, and at
// the very instant at which keys expire.
import fc from "fast-check";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestClock } from "fettle/testing";
import type { Fabric, KeyValueEntry } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { Changes } from "../contract/watch.ts";
import { startProgram } from "../harness/live-program.ts";

const WRITER = new URL("./embedded/writer.mjs", import.meta.url);
const KEYS = ["a", "b", "a.b"];
const MINUTE = 60_000;

let folder = "";
const fabrics: Fabric[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-key-value-"));
});
afterEach(async () => {
  for (const fabric of fabrics.splice(0)) await fabric.close();
  await rm(folder, { recursive: true, force: true });
});

type Options = Parameters<typeof createEmbeddedFabric>[0];
const embedded = (options: Options = {}) => createEmbeddedFabric({ dataDirectory: folder, ...options });
const track = (fabric: Fabric): Fabric => {
  fabrics.push(fabric);
  return fabric;
};

describe.each([
  ["embedded", embedded],
  [
    "memory",
    (options: Options = {}) => createMemoryFabric(options as Parameters<typeof createMemoryFabric>[0]),
  ],
] as const)("the %s fabric's key-value", (_name, make) => {
  it("does what a map with times would do, and so do its watches", async () => {
    const clock = new TestClock();
    const { keyValue } = track(make({ clock }));
    const key = fc.constantFrom(...KEYS);
    const ttl = fc.option(fc.integer({ min: 1, max: 3 * MINUTE }), { nil: undefined });
    const operation = fc.oneof(
      fc.record({ type: fc.constant("put" as const), key, value: fc.string({ maxLength: 3 }), ttl }),
      fc.record({ type: fc.constant("create" as const), key, value: fc.string({ maxLength: 3 }), ttl }),
      fc.record({
        type: fc.constant("update" as const),
        key,
        value: fc.string({ maxLength: 3 }),
        ttl,
        stale: fc.boolean(),
      }),
      fc.record({ type: fc.constant("delete" as const), key }),
      fc.record({
        type: fc.constant("wait" as const),
        ms: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 * MINUTE }), fc.constant(11 * MINUTE)),
      }),
    );
    let run = 0;
    const property = fc.asyncProperty(fc.array(operation, { maxLength: 20 }), async (operations) => {
      const bucket = `run-${run++}`;
      const model = new Map<string, { entry: KeyValueEntry; until: number }>();
      const find = (name: string): KeyValueEntry | null => {
        const known = model.get(name);
        return known !== undefined && known.until > clock.now() ? known.entry : null;
      };
      const changes = new Changes();
      const stop = await keyValue.watch(bucket, changes.take);
      let newest = 0;
      for (const one of operations) {
        if (one.type === "wait") {
          clock.advance(one.ms);
          continue;
        }
        if (one.type === "delete") {
          await keyValue.delete(bucket, one.key);
          model.delete(one.key);
          continue;
        }
        const known = find(one.key);
        const from = one.type === "update" ? (known?.revision ?? 1) + (one.stale ? 1 : 0) : 0;
        const options = { ttlMs: one.ttl };
        const write =
          one.type === "update"
            ? keyValue.update(bucket, one.key, one.value, from, options)
            : keyValue[one.type](bucket, one.key, one.value, options);
        if (one.type === "create" && known !== null) {
          await expect(write).rejects.toMatchObject({ code: "KEY_EXISTS" });
        } else if (one.type === "update" && known?.revision !== from) {
          await expect(write).rejects.toMatchObject({ code: "REVISION_CONFLICT" });
        } else {
          const revision = await write;
          expect(revision).toBeGreaterThan(newest);
          newest = revision;
          const until = one.ttl === undefined ? Infinity : clock.now() + one.ttl;
          model.set(one.key, { entry: { key: one.key, value: one.value, revision }, until });
        }
      }
      const there = KEYS.flatMap((name) => find(name) ?? []);
      expect(await keyValue.keys(bucket)).toEqual(there.map((entry) => entry.key).sort());
      for (const name of KEYS) expect(await keyValue.get(bucket, name)).toEqual(find(name));
      const state = JSON.stringify(there.map((entry) => [entry.key, entry.value]).sort());
      await changes.until(() => JSON.stringify(Object.entries(changes.state).sort()) === state);
      const late = new Changes();
      (await keyValue.watch(bucket, late.take))();
      expect(JSON.stringify(Object.entries(late.state).sort())).toBe(state);
      for (const [index, change] of changes.all.entries()) {
        // Nothing is told gone that was not told there just before.
        const before = changes.all.slice(0, index).findLast((other) => other.key === change.key);
        if (change.type === "delete") expect(before?.type).toBe("put");
      }
      stop();
    });
    await fc.assert(property, { numRuns: 40 });
  });

  it("forgets a key at the very instant, also one that lives longer than timers last", async () => {
    const clock = new TestClock();
    const { keyValue } = track(make({ clock }));
    const changes = new Changes();
    await keyValue.watch("bucket", changes.take);
    const month = 30 * 24 * 60 * MINUTE;
    await keyValue.put("bucket", "lease", "1", { ttlMs: 1000 });
    await keyValue.put("bucket", "approval", "2", { ttlMs: month });
    await changes.until(() => changes.all.length === 2);
    clock.advance(999);
    expect((await keyValue.get("bucket", "lease"))?.value).toBe("1");
    clock.advance(1);
    expect(await keyValue.get("bucket", "lease")).toBeNull();
    expect(await keyValue.keys("bucket")).toEqual(["approval"]);
    await changes.until(() => changes.words.includes("-lease"));
    // Not by poll after poll, but as a machine that sleeps.
    clock.advance(MINUTE);
    expect((await keyValue.get("bucket", "approval"))?.value).toBe("2");
    clock.advance(month - MINUTE - 1001);
    expect((await keyValue.get("bucket", "approval"))?.value).toBe("2");
    clock.advance(1);
    expect(await keyValue.get("bucket", "approval")).toBeNull();
    await changes.until(() => changes.words.includes("-approval"));
  });

  it("tells its hook what a watch's handler threw, and which watch's", async () => {
    const failures: [unknown, string][] = [];
    const { keyValue } = track(
      make({ onHandlerError: (...failure: [unknown, string]) => failures.push(failure) }),
    );
    const failure = new Error("handler failed");
    await keyValue.put("leases", "a", "1");
    await keyValue.watch("leases", () => {
      throw failure;
    });
    expect(failures).toEqual([[failure, "key-value leases"]]);
  });
});

describe("the embedded fabric's key-value", () => {
  it("tells a watch of another process's writes, in the order of their revisions", async () => {
    const { keyValue } = track(embedded());
    const changes = new Changes();
    await keyValue.put("numbers", "mine", "0");
    await keyValue.watch("numbers", changes.take);
    const program = startProgram(WRITER, [folder, "change"]);
    await changes.until(() => changes.words.includes("+last=done"));
    expect(await program.ended).toMatchObject({ code: 0 });
    expect(changes.state).toEqual({ mine: "0", b: "3", last: "done" });
    const revisions = changes.all.flatMap((one) => (one.type === "put" ? [one.revision] : []));
    expect([...revisions].sort((a, b) => a - b)).toEqual(revisions);
    await keyValue.delete("numbers", "b");
    await changes.until(() => changes.words.at(-1) === "-b");
  });

  it("lets a process end that watches and does not say so", async () => {
    const program = startProgram(WRITER, [folder, "watch-and-leave"]);
    expect((await program.lines.next()).value).toBe("+a=1");
    expect(await program.ended).toMatchObject({ code: 0 });
  });

  it("clears away what expired and was deleted, so that the file stays small", async () => {
    const clock = new TestClock();
    const { keyValue } = track(embedded({ clock }));
    const round = async (): Promise<number> => {
      const keys = Array.from({ length: 100 }, (_, index) => `k${clock.now()}-${index}`);
      const ttl = { ttlMs: MINUTE };
      await Promise.all(keys.map((key) => keyValue.put("leases", key, "x".repeat(2000), ttl)));
      await Promise.all(keys.slice(50).map((key) => keyValue.delete("leases", key)));
      clock.advance(11 * MINUTE);
      return (await stat(join(folder, "state.mdb"))).size;
    };
    for (let index = 0; index < 4; index += 1) await round();
    const size = await round();
    for (let index = 0; index < 10; index += 1) await round();
    expect(await round()).toBeLessThan(size * 1.5);
    expect(await keyValue.keys("leases")).toEqual([]);
  });
});
