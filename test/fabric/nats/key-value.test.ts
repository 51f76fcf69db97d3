// Key-value over NATS: the contract of all fabrics, and what only a server can do to it: restart, be shared, be read
// by other tools, and know one time for a bucket.
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { Fabric } from "#src/core/ports";
import { keyValueContract } from "../../contract/key-value.ts";
import { Changes, watchContract } from "../../contract/watch.ts";
import { startNatsServer, type NatsServer } from "../../harness/nats-server.ts";
import { newMeshName, serverForTests } from "./mesh-server.ts";
import { openForTests, openKeyValue } from "./open-key-value.ts";

describe("key-value over NATS keeps the contract of", () => {
  const server = serverForTests();
  const make = async (): Promise<Fabric> => (await openKeyValue(server.get())) as unknown as Fabric;
  keyValueContract(make);
  watchContract(make);
});

describe("key-value over NATS", () => {
  const server = serverForTests();
  const open = openForTests();

  it("is what NATS's own tools read and write", async () => {
    const { keyValue, link } = await open(server.get());
    await keyValue.put("b", "task.a", "1");
    await keyValue.put("b", "gone", "1");
    await keyValue.delete("b", "gone");
    const view = await link.connection.jetstream().views.kv(link.names.bucket("b"), { bindOnly: true });
    expect((await view.get("task.a"))?.string()).toBe("1");
    expect((await view.get("gone"))?.operation).toBe("DEL");
    const keys: string[] = [];
    for await (const key of await view.keys()) keys.push(key);
    expect(keys).toEqual(["task.a"]);
    const changes = new Changes();
    await keyValue.watch("b", changes.take);
    const revision = await view.put("task.b", "2");
    expect(await keyValue.get("b", "task.b")).toEqual({ key: "task.b", value: "2", revision });
    await view.purge("task.a");
    await changes.until(() => changes.all.length === 3);
    expect(changes.words).toEqual(["+task.a=1", "+task.b=2", "-task.a"]);
    expect(await keyValue.keys("b")).toEqual(["task.b"]);
  });

  it("makes no bucket to read, to list or to delete a key", async () => {
    const { keyValue, link } = await open(server.get());
    expect(await keyValue.get("b", "a")).toBeNull();
    expect(await keyValue.keys("b", "a.")).toEqual([]);
    await keyValue.delete("b", "a");
    await expect(link.jsm.streams.info(`KV_${link.names.bucket("b")}`)).rejects.toThrow("stream not found");
  });

  it("shows each connection of a mesh what the others write, and no other mesh", async () => {
    const mesh = newMeshName();
    const one = await open(server.get(), { mesh });
    const two = await open(server.get(), { mesh });
    const stranger = await open(server.get());
    const changes = new Changes();
    await two.keyValue.watch("b", changes.take);
    const revision = await one.keyValue.create("b", "a", "1");
    expect(await two.keyValue.get("b", "a")).toEqual({ key: "a", value: "1", revision });
    await expect(two.keyValue.create("b", "a", "2")).rejects.toMatchObject({ code: "KEY_EXISTS" });
    await two.keyValue.update("b", "a", "2", revision);
    await expect(one.keyValue.update("b", "a", "3", revision)).rejects.toMatchObject({
      code: "REVISION_CONFLICT",
    });
    await changes.until(() => changes.all.length === 2);
    expect(changes.words).toEqual(["+a=1", "+a=2"]);
    expect(await stranger.keyValue.get("b", "a")).toBeNull();
    await stranger.keyValue.create("b", "a", "other");
    expect((await one.keyValue.get("b", "a"))?.value).toBe("2");
  });

  it("keeps the order of writes to one key that nobody waits for", async () => {
    const { keyValue } = await open(server.get());
    const writes = [keyValue.put("b", "a", "1"), keyValue.delete("b", "a"), keyValue.create("b", "a", "2")];
    const conflict = expect(keyValue.create("b", "a", "3")).rejects.toMatchObject({ code: "KEY_EXISTS" });
    await Promise.all([...writes, conflict]);
    expect((await keyValue.get("b", "a"))?.value).toBe("2");
  });

  it("lists and watches a thousand keys, by whole tokens of the prefix and by its rest", async () => {
    const { keyValue } = await open(server.get());
    const keys = Array.from({ length: 1_000 }, (_, index) => `task.${index % 10}.k${index}`);
    await Promise.all(keys.map((key) => keyValue.put("b", key, "")));
    const some = keys.filter((key) => key.startsWith("task.3.k1")).sort();
    const changes = new Changes();
    await keyValue.watch("b", changes.take, { prefix: "task.3.k1" });
    expect(changes.all.map(({ key }) => key).sort()).toEqual(some);
    expect(await keyValue.keys("b", "task.3.k1")).toEqual(some);
    expect(await keyValue.keys("b")).toHaveLength(1_000);
    expect(await keyValue.keys("b", "task.*.")).toEqual([]);
    expect(await keyValue.keys("b", "task. .")).toEqual([]);
  });

  it("stores a value compressed that is larger than a message, and refuses one that is too large even so", async () => {
    const { keyValue, link } = await open(server.get());
    const large = JSON.stringify(Array.from({ length: 90_000 }, (_, index) => ({ index })));
    expect(large.length).toBeGreaterThan(link.maxPayload);
    const changes = new Changes();
    await keyValue.watch("b", changes.take);
    const revision = await keyValue.put("b", "a", large);
    expect(await keyValue.get("b", "a")).toEqual({ key: "a", value: large, revision });
    await changes.until(() => changes.all.length === 1);
    expect(changes.state["a"] === large).toBe(true);
    const noise = randomBytes(1_200_000).toString("base64");
    await expect(keyValue.put("b", "a", noise)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/key "a" of bucket "b".*bytes.*max_payload.*blob/) as string,
    });
    expect((await keyValue.get("b", "a"))?.revision).toBe(revision);
  });

  it("tells what a watch's handler throws to the hook, with the bucket", async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown, where: string): void => void errors.push([error, where]);
    const { keyValue } = await open(server.get(), { onError });
    const failed = new Error("handler failed");
    await keyValue.put("b", "a", "1");
    await keyValue.watch("b", () => {
      throw failed;
    });
    expect(errors).toEqual([[failed, "key-value b"]]);
  });

  it("gives a bucket the time of its first keys, and refuses keys of another while there are any", async () => {
    const { keyValue, link } = await open(server.get());
    const lasting = { ttlMs: 600_000 };
    await keyValue.watch("b", () => undefined);
    await Promise.all([keyValue.create("b", "a", "", lasting), keyValue.create("b", "c", "", lasting)]);
    const { config } = await link.jsm.streams.info(`KV_${link.names.bucket("b")}`);
    expect(config.max_age).toBe(600_000 * 1_000_000);
    const refused = (pattern: RegExp) => ({
      code: "STORAGE_FAILED",
      message: expect.stringMatching(pattern) as string,
    });
    await expect(keyValue.put("b", "d", "", { ttlMs: 9_000 })).rejects.toMatchObject(
      refused(/key "d" of bucket "b".*9000 ms.*600000 ms.*another bucket/),
    );
    await expect(keyValue.put("b", "d", "")).rejects.toMatchObject(refused(/stays.*600000 ms/));
    await keyValue.put("kept", "a", "");
    await expect(keyValue.put("kept", "b", "", lasting)).rejects.toMatchObject(refused(/600000 ms.*stays/));
    // Once it holds none, the next key chooses the time, also for other connections; keys that stay it never gets.
    const other = await open(server.get(), { mesh: link.names.mesh });
    await other.keyValue.put("b", "a", "", lasting);
    for (const key of ["a", "c"]) await keyValue.delete("b", key);
    await other.keyValue.put("b", "e", "", { ttlMs: 700_000 });
    await expect(keyValue.put("b", "a", "")).rejects.toMatchObject(refused(/700000 ms/));
    await keyValue.delete("kept", "a");
    await keyValue.put("kept", "b", "", lasting);
  });

  it("tells of an expiry also where another connection wrote, after the watch had begun", async () => {
    const mesh = newMeshName();
    const one = await open(server.get(), { mesh });
    const two = await open(server.get(), { mesh });
    const changes = new Changes();
    await two.keyValue.watch("b", changes.take);
    await one.keyValue.put("b", "a", "1", { ttlMs: 500 });
    await changes.until(() => changes.all.length === 2);
    expect(changes.words).toEqual(["+a=1", "-a"]);
    expect(await one.keyValue.get("b", "a")).toBeNull();
  });
});

describe("key-value over a NATS server that goes away", () => {
  const servers: NatsServer[] = [];
  const start = async (): Promise<NatsServer> => {
    const server = await startNatsServer();
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  // Closed before its server: what is done after a test is done in reverse.
  const open = openForTests();

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "goes on with a watch after a %s, with what changed meanwhile",
    async (signal) => {
      const server = await start();
      const mesh = newMeshName();
      const [one, two] = [await open(server, { mesh }), await open(server, { mesh })];
      const changes = new Changes();
      for (const key of ["stays", "changes", "goes"]) await one.keyValue.put("b", key, "1");
      await one.keyValue.watch("b", changes.take);
      await server.stop(signal);
      const writes = [
        two.keyValue.put("b", "changes", "2"),
        two.keyValue.delete("b", "goes"),
        two.keyValue.put("b", "new", "3"),
      ];
      await server.start();
      await Promise.all(writes);
      await two.keyValue.put("b", "last", "4");
      await changes.until(() => changes.state["last"] === "4" && changes.state["new"] === "3");
      expect(changes.words.slice(3).sort()).toEqual(["+changes=2", "+last=4", "+new=3", "-goes"]);
      expect(changes.state).toEqual({ stays: "1", changes: "2", new: "3", last: "4" });
    },
  );

  it("stores a write once that was asked for while the server was away", async () => {
    const server = await start();
    const { keyValue } = await open(server);
    const first = await keyValue.put("b", "a", "1");
    await server.stop("SIGKILL");
    const [put, updated] = [keyValue.put("b", "c", "2"), keyValue.update("b", "a", "3", first)];
    const read = keyValue.get("b", "a");
    await server.start();
    const revisions = await Promise.all([put, updated]);
    expect([...revisions].sort()).toEqual([first + 1, first + 2]);
    expect(await read).not.toBeNull();
    expect((await keyValue.get("b", "a"))?.value).toBe("3");
    expect(await keyValue.put("b", "a", "4")).toBe(first + 3);
  });

  it("tells a watch all that stands, in order, while the server is killed again and again", async () => {
    const server = await start();
    const mesh = newMeshName();
    const [one, two] = [await open(server, { mesh }), await open(server, { mesh })];
    const changes = new Changes();
    await one.keyValue.watch("b", changes.take);
    let isOver = false;
    const write = async (key: string): Promise<void> => {
      for (let round = 0; !isOver; round += 1) {
        if (round % 3 === 2) await two.keyValue.delete("b", key);
        else await two.keyValue.put("b", key, String(round));
      }
      await two.keyValue.put("b", key, "last");
    };
    const keys = ["a", "b", "c", "d"];
    const writing = Promise.all(keys.map(write));
    for (let round = 0; round < 3; round += 1) {
      const told = changes.all.length;
      await changes.until(() => changes.all.length > told + 20);
      await server.stop("SIGKILL");
      await server.start();
    }
    isOver = true;
    await writing;
    await changes.until(() => keys.every((key) => changes.state[key] === "last"));
    const revisions = changes.all.flatMap((one) => (one.type === "put" ? [one.revision] : []));
    expect([...new Set(revisions)].sort((a, b) => a - b)).toEqual(revisions);
  });

  it("tells a watch of keys that went with the whole bucket, and of those in the bucket after it", async () => {
    const server = await start();
    const { keyValue, link } = await open(server);
    for (const key of ["a", "b", "c"]) await keyValue.put("b", key, "1");
    const changes = new Changes();
    await keyValue.watch("b", changes.take);
    await link.jsm.streams.delete(`KV_${link.names.bucket("b")}`);
    // Read, so that it is known that the bucket is gone.
    expect(await keyValue.get("b", "a")).toBeNull();
    await keyValue.put("b", "b", "2");
    await changes.until(() => changes.state["b"] === "2" && Object.keys(changes.state).length === 1);
    expect(changes.state).toEqual({ b: "2" });
  });
});
