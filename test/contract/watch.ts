// What every fabric's key-value must do about time and watches. The times are generous, as some fabrics know a
// second at best and one time to live for a bucket only; nothing fails because a machine is slow.
import { afterEach, describe, expect, it } from "vitest";
import type { Fabric, KeyValue, KeyValueChange } from "#src/core/ports";
import type { MakeFabric } from "./messages.ts";

const TTL = { ttlMs: 1500 };
/** How much sooner than asked a fabric may forget, by its own measure of time; in milliseconds. */
const SLACK = 300;

/** Takes changes and waits for what they shall be. */
export class Changes {
  readonly all: KeyValueChange[] = [];
  #wake: () => void = () => undefined;

  readonly take = (change: KeyValueChange): void => {
    this.all.push(change);
    this.#wake();
  };

  /** Each change in a word: `+key=value` or `-key`. */
  get words(): string[] {
    return this.all.map((one) => (one.type === "put" ? `+${one.key}=${one.value}` : `-${one.key}`));
  }

  /** What is there by all that was told. */
  get state(): Record<string, string> {
    const state: Record<string, string> = {};
    for (const one of this.all) {
      if (one.type === "put") state[one.key] = one.value;
      else delete state[one.key]; // eslint-disable-line @typescript-eslint/no-dynamic-delete -- keys of a test.
    }
    return state;
  }

  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The suite for the times to live and the watches of the port KeyValue. */
export function watchContract(make: MakeFabric): void {
  describe("key-value over time", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<KeyValue> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric.keyValue;
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("tells a watch what is there, and then each change in the order of revisions", async () => {
      const keyValue = await open();
      const revisions = [await keyValue.put("bucket", "b", "1"), await keyValue.put("bucket", "a", "2")];
      await keyValue.put("bucket", "gone", "");
      await keyValue.delete("bucket", "gone");
      const changes = new Changes();
      await keyValue.watch("bucket", changes.take);
      expect([...changes.words].sort()).toEqual(["+a=2", "+b=1"]);
      revisions.push(await keyValue.create("bucket", "c", "3"));
      await changes.until(() => changes.all.length === 3);
      revisions.push(await keyValue.update("bucket", "a", "4", revisions[1] ?? 0));
      await changes.until(() => changes.all.length === 4);
      await keyValue.delete("bucket", "b");
      await changes.until(() => changes.all.length === 5);
      await keyValue.put("other", "x", "");
      revisions.push(await keyValue.put("bucket", "b", "5"));
      await changes.until(() => changes.all.length === 6);
      expect(changes.words.slice(2)).toEqual(["+c=3", "+a=4", "-b", "+b=5"]);
      const told = changes.all.flatMap((one) => (one.type === "put" ? [one.revision] : []));
      expect([...told].sort((a, b) => a - b)).toEqual([...revisions].sort((a, b) => a - b));
      expect(told.slice(2)).toEqual(revisions.slice(2));
    });

    it("tells a watch with a prefix only of the keys that start with it", async () => {
      const keyValue = await open();
      for (const key of ["task.a", "task", "tasks", "other"]) await keyValue.put("bucket", key, "1");
      const changes = new Changes();
      await keyValue.watch("bucket", changes.take, { prefix: "task." });
      expect(changes.words).toEqual(["+task.a=1"]);
      await keyValue.put("bucket", "tasks", "2");
      await keyValue.delete("bucket", "other");
      await keyValue.put("bucket", "task.b", "2");
      await changes.until(() => changes.all.length === 2);
      expect(changes.words).toEqual(["+task.a=1", "+task.b=2"]);
    });

    it("tells a watch the last state of keys that many change at once", async () => {
      const keyValue = await open();
      const changes = new Changes();
      await keyValue.watch("bucket", changes.take);
      const write = async (key: string): Promise<void> => {
        for (let round = 0; round < 5; round += 1) {
          await keyValue.put("bucket", key, String(round));
          if (round % 2 === 1) await keyValue.delete("bucket", key);
        }
      };
      const keys = ["a", "b", "c", "d"];
      await Promise.all(keys.map(write));
      await changes.until(() => keys.every((key) => changes.state[key] === "4"));
      const revisions = changes.all.flatMap((one) => (one.type === "put" ? [one.revision] : []));
      expect([...revisions].sort((a, b) => a - b)).toEqual(revisions);
    });

    it("tells a watch nothing after its end, which can come twice", async () => {
      const keyValue = await open();
      const [ended, other] = [new Changes(), new Changes()];
      const stop = await keyValue.watch("bucket", ended.take);
      await keyValue.watch("bucket", other.take);
      await keyValue.put("bucket", "a", "1");
      await ended.until(() => ended.all.length === 1);
      stop();
      stop();
      await keyValue.put("bucket", "a", "2");
      await other.until(() => other.state["a"] === "2");
      expect(ended.words).toEqual(["+a=1"]);
    });

    it("goes on where a watch's handler fails, for it and for others", async () => {
      const keyValue = await open();
      await keyValue.put("bucket", "a", "1");
      const [failing, other] = [new Changes(), new Changes()];
      await keyValue.watch("bucket", (change) => {
        failing.take(change);
        throw new Error("handler failed");
      });
      await keyValue.watch("bucket", other.take);
      await keyValue.put("bucket", "b", "2");
      await other.until(() => other.all.length === 2);
      await failing.until(() => failing.all.length === 2);
      expect(failing.words).toEqual(["+a=1", "+b=2"]);
    });

    it("forgets a key once its time is over: for readers, for a creator, and for a watch", async () => {
      const keyValue = await open();
      const changes = new Changes();
      await keyValue.watch("leases", changes.take);
      const before = Date.now();
      const first = await keyValue.create("leases", "task", "a", TTL);
      await keyValue.create("leases", "task-2", "b", TTL);
      expect(await keyValue.keys("leases")).toEqual(["task", "task-2"]);
      await expect(keyValue.create("leases", "task", "b", TTL)).rejects.toMatchObject({ code: "KEY_EXISTS" });
      await changes.until(() => changes.words.includes("-task") && changes.words.includes("-task-2"));
      expect(Date.now() - before).toBeGreaterThanOrEqual(TTL.ttlMs - SLACK);
      expect(await keyValue.get("leases", "task")).toBeNull();
      expect(await keyValue.keys("leases")).toEqual([]);
      const conflict = { code: "REVISION_CONFLICT" };
      await expect(keyValue.update("leases", "task", "c", first, TTL)).rejects.toMatchObject(conflict);
      const late = new Changes();
      await keyValue.watch("leases", late.take);
      expect(late.all).toEqual([]);
      expect(await keyValue.create("leases", "task", "d", TTL)).toBeGreaterThan(first);
    });

    it("counts a key's time anew from each write", async () => {
      const keyValue = await open();
      const changes = new Changes();
      await keyValue.watch("leases", changes.take);
      let revision = await keyValue.create("leases", "task", "0", TTL);
      const began = Date.now();
      let renewed = began;
      // A holder renews its lease for longer than it lasts.
      for (let round = 1; Date.now() - began < TTL.ttlMs * 1.5; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        renewed = Date.now();
        revision = await keyValue.update("leases", "task", String(round), revision, TTL);
      }
      expect(changes.words).not.toContain("-task");
      await changes.until(() => changes.words.includes("-task"));
      expect(Date.now() - renewed).toBeGreaterThanOrEqual(TTL.ttlMs - SLACK);
    });

    it("refuses a watch of a bad bucket, one after close, and times that are none", async () => {
      const keyValue = await open();
      const changes = new Changes();
      await expect(keyValue.watch("a.b", changes.take)).rejects.toMatchObject({ code: "PATH_INVALID" });
      for (const ttlMs of [0, -1, NaN]) {
        await expect(keyValue.put("bucket", "a", "", { ttlMs })).rejects.toMatchObject({
          code: "STORAGE_FAILED",
          message: expect.stringContaining("ttlMs") as string,
        });
      }
      await keyValue.watch("bucket", changes.take);
      for (const fabric of fabrics) await fabric.close();
      await expect(keyValue.watch("bucket", changes.take)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
      expect(changes.all).toEqual([]);
    });
  });
}
