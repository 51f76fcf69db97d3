// The server's configuration of docs/nats-servers.md as it stands there, with a second mesh beside the first: each kind of
// user can do what it is for, and nothing else.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, Events, type NatsConnection } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readMeshStatus } from "#src/app/nats";
import { createStreamNames } from "#src/core/stream-names";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric, type NatsFabric } from "#src/fabric/nats/fabric";
import { startNatsServer, type NatsServer } from "../../harness/nats-server.ts";
import { projectRoot } from "../../harness/program.ts";

const page = readFileSync(join(projectRoot, "docs/nats-servers.md"), "utf8");
const [, block = ""] = /```conf\naccounts \{\n([\s\S]*)\}\n```/.exec(page) ?? [];
/** The block for another mesh, as the page says it is made. */
const another = block.replaceAll("default", "other").replaceAll(/user: (\w+)/g, "user: other-$1");

describe("the users of docs/nats-servers.md", () => {
  let server: NatsServer | undefined;
  const fabrics: NatsFabric[] = [];
  const clients: NatsConnection[] = [];
  const refused: string[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: object, message: string) => void refused.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields: object, message: string) => void refused.push(`${message} ${JSON.stringify(fields)}`),
  };
  const settings = (user: string) => ({
    servers: [server?.url ?? ""],
    user,
    password: `${user.replace("other-", "")}-password`,
  });
  const node = async (user: string, mesh: string): Promise<NatsFabric> => {
    const connection = await openConnection(settings(user), { name: user, log });
    const fabric = await createNatsFabric({ connection, mesh, log });
    fabrics.push(fabric);
    return fabric;
  };
  /** A client without our library, and what it was refused. */
  const client = async (user: string) => {
    const { servers, password } = settings(user);
    const connection = await connect({ servers, user, pass: password, inboxPrefix: `_INBOX.${user}` });
    clients.push(connection);
    const errors: string[] = [];
    void (async () => {
      for await (const { type, data } of connection.status()) {
        if (type === Events.Error) errors.push(JSON.stringify(data));
      }
    })();
    /** Whether the server refuses something that is done. */
    const isRefused = async (act: () => unknown): Promise<boolean> => {
      errors.length = 0;
      await act();
      await connection.flush();
      await new Promise((resolve) => setImmediate(resolve)); // What the library heard, it tells in its own time.
      return errors.some((error) => /permissions/i.test(error));
    };
    const listen = (subject: string) => () =>
      connection.subscribe(subject, {
        callback: (error) => {
          if (error !== null) errors.push(error.message);
        },
      });
    return { connection, isRefused, listen };
  };
  beforeAll(async () => {
    expect(block).toContain("user: node");
    server = await startNatsServer({ config: `accounts {\n${block}\n${another}\n}` });
  }, 120_000);
  afterEach(async () => {
    for (const fabric of fabrics.splice(0)) await fabric.close();
    for (const connection of clients.splice(0)) await connection.close();
    refused.length = 0;
  });
  afterAll(async () => {
    await server?.close();
  });

  it("let a node use all of the fabric", async () => {
    const [one, two] = [await node("node", "default"), await node("node", "default")];
    two.messages.subscribe("fettle.default.actor.a.1", (message) => message.reply(message.payload));
    let told: (value: string) => void = () => undefined;
    const heard = new Promise<string>((resolve) => (told = resolve));
    const unwatch = await two.keyValue.watch("things", (change) => {
      if (change.type === "put" && change.value === "2") told(change.value);
    });
    // The server has answered to a later question of the second node: it has heard of its subscription.
    expect(await one.messages.request("fettle.default.actor.a.1", "hello", { timeoutMs: 5_000 })).toBe(
      "hello",
    );
    const revision = await one.keyValue.create("things", "a.b", "1");
    await one.keyValue.update("things", "a.b", "2", revision);
    expect(await heard).toBe("2");
    expect(await one.keyValue.keys("things", "a.")).toEqual(["a.b"]);
    await one.keyValue.put("expiring", "a", "1", { ttlMs: 60_000 });
    await one.keyValue.delete("things", "a.b");
    unwatch();

    const first = await one.ledger.append("journal", "small", 0);
    await one.ledger.append("journal", "large".repeat(400_000), first);
    expect(await two.ledger.read("journal")).toHaveLength(2);
    expect(await two.ledger.names()).toEqual(["journal"]);
    await one.ledger.delete("journal");

    const consumer = await two.queue.consume("default.task.coder", { ackWaitMs: 5_000, maxDeliveries: 3 });
    await one.queue.publish("default.task.coder", "now", { id: "now" });
    await one.queue.publish("default.task.coder", "later", { id: "later", delayMs: 50 });
    await (await consumer.take())?.ack();
    const delivery = await consumer.take();
    await delivery?.inProgress();
    await delivery?.reject("it is enough");
    expect(await one.queue.dead("default.task.coder")).toMatchObject([
      { id: "later", reason: "it is enough" },
    ]);
    await one.queue.bury("default.task.coder", "later");
    expect(await one.queue.size("default.task.coder")).toEqual({ waiting: 0, inHand: 0, dead: 0 });
    await consumer.close();

    await one.blobs.write("small", "1");
    await one.blobs.write("small", "2");
    await one.blobs.write("large", new Uint8Array(1_000_000));
    const stream = await two.blobs.stream("large");
    await one.blobs.write("large", new Uint8Array(500_000));
    expect((await new Response(stream).arrayBuffer()).byteLength).toBe(1_000_000);
    expect(await two.blobs.list()).toEqual(["large", "small"]);
    await one.blobs.delete("large");
    for (const fabric of fabrics.splice(0)) await fabric.close();
    expect(refused).toEqual([]);
  });

  it("keep meshes apart: what is another's can be neither heard nor read, said nor stored", async () => {
    const ours = await node("node", "default");
    await ours.keyValue.put("secrets", "key", "ours");
    await ours.blobs.write("secret", "ours");
    await ours.ledger.append("secret", "ours", 0);
    let isHeard = false;
    ours.messages.subscribe("fettle.default.>", () => void (isHeard = true));
    const stranger = await client("other-node");
    expect(await stranger.isRefused(stranger.listen("fettle.default.>"))).toBe(true);
    expect(
      await stranger.isRefused(() => stranger.connection.publish("fettle.default.task.coder", "do it")),
    ).toBe(true);
    const jsm = await stranger.connection.jetstreamManager();
    const names = createStreamNames("default");
    for (const name of [
      names.stream("ledger"),
      `KV_${names.bucket("secrets")}`,
      `OBJ_${names.bucket("blobs")}`,
    ]) {
      await expect(jsm.streams.info(name)).rejects.toThrow(/stream not found/);
    }
    // A bucket of that name is another one, of another account.
    const bucket = await stranger.connection.jetstream().views.kv(names.bucket("secrets"));
    expect(await bucket.get("key")).toBeNull();
    await bucket.put("key", "theirs");
    expect((await ours.keyValue.get("secrets", "key"))?.value).toBe("ours");
    expect(isHeard).toBe(false);
  });

  it("let a client ask and hear its own answer, and no more", async () => {
    const mesh = await node("node", "default");
    mesh.messages.subscribe("fettle.default.task.coder", (message) => message.reply("done"));
    const { connection, isRefused, listen } = await client("asker");
    expect(
      (await connection.request("fettle.default.task.coder", "do it", { timeout: 5_000 })).string(),
    ).toBe("done");
    expect(await isRefused(listen("fettle.default.event.>"))).toBe(true);
    expect(await isRefused(listen("_INBOX.>"))).toBe(true);
    expect(await isRefused(() => connection.publish("fettle.default.queue.task.coder", "do it"))).toBe(true);
    expect(await isRefused(() => connection.publish("fettle.default.ledger.entry.a", "forged"))).toBe(true);
  });

  it("let a client submit and read results, and no more", async () => {
    const mesh = await node("node", "default");
    await mesh.queue.size("default.task.coder");
    const consumer = await mesh.queue.consume("default.task.coder", { ackWaitMs: 5_000, maxDeliveries: 3 });
    const { connection, isRefused } = await client("submitter");
    const js = connection.jetstream();
    await js.publish("fettle.default.queue.task.coder", "do it", { msgID: "t1" });
    await (await consumer.take())?.ack();
    await mesh.keyValue.put("results", "t1", "the result");
    const results = await js.views.kv("fettle-default-results", { bindOnly: true });
    expect((await results.get("t1"))?.string()).toBe("the result");
    expect(await isRefused(() => connection.publish("$KV.fettle-default-results.t1", "forged"))).toBe(true);
    const other = "$JS.API.STREAM.MSG.GET.KV_fettle-default-leases";
    expect(await isRefused(() => connection.publish(other, '{"seq":1}'))).toBe(true);
    expect(await isRefused(() => connection.publish("fettle.default.task.coder", "do it"))).toBe(true);
    await consumer.close();
  });

  it("let a watcher see how the mesh is, and read nothing of it", async () => {
    const mesh = await node("node", "default");
    const record = { v: 1, node: "n1", version: "1.0.0", startedAt: 1, actors: [] };
    await mesh.keyValue.put("presence", "n1", JSON.stringify(record), { ttlMs: 60_000 });
    await mesh.queue.publish("default.task.watched", "secret", { id: "w1" });
    const config = { ...settings("watcher"), replicas: 1, maxBytes: undefined };
    const status = await readMeshStatus(config, "default");
    expect(status.nodes).toEqual([record]);
    expect(status.queues).toContainEqual(expect.objectContaining({ queue: "task.watched", waiting: 1 }));
    const { connection, isRefused, listen } = await client("watcher");
    const reading = "$JS.API.STREAM.MSG.GET.fettle-default-queue";
    expect(await isRefused(() => connection.publish(reading, '{"seq":1}'))).toBe(true);
    expect(await isRefused(() => connection.publish("fettle.default.task.coder", "do it"))).toBe(true);
    expect(await isRefused(listen("fettle.default.>"))).toBe(true);
  });

  it("let a reader hear events, and say nothing", async () => {
    const mesh = await node("node", "default");
    const { connection, isRefused, listen } = await client("reader");
    const events = connection.subscribe("fettle.default.event.>", { max: 1 });
    await connection.flush();
    mesh.messages.publish("fettle.default.event.t1", "finished");
    for await (const event of events) expect(event.string()).toBe("finished");
    expect(await isRefused(listen("fettle.default.task.>"))).toBe(true);
    expect(await isRefused(() => connection.publish("fettle.default.event.t1", "forged"))).toBe(true);
  });

  it("let a sandbox take runs and call back, and read nothing of the mesh", async () => {
    const mesh = await node("node", "default");
    await mesh.keyValue.put("things", "a", "1");
    const connection = await openConnection(settings("sandbox"), {
      name: "sandbox",
      log,
      inbox: "_INBOX.sandbox",
    });
    const sandbox = await createNatsFabric({ connection, mesh: "default", log });
    fabrics.push(sandbox);
    sandbox.messages.subscribe("fettle.default.sandbox.run", (message) => message.reply("taken"), {
      queue: "runs",
    });
    mesh.messages.subscribe("fettle.default.sandbox.caller.1", (message) => message.reply("returned"));
    const ask = (fabric: NatsFabric, part: string) =>
      fabric.messages.request(`fettle.default.sandbox.${part}`, "", { timeoutMs: 5_000 });
    await connection.flush();
    expect(await ask(mesh, "run")).toBe("taken");
    expect(await ask(sandbox, "caller.1")).toBe("returned");
    expect(refused).toEqual([]);
    const { connection: plain, isRefused, listen } = await client("sandbox");
    for (const subject of ["_INBOX.>", "fettle.default.event.>", "fettle.default.actor.>", "$KV.>"]) {
      expect(await isRefused(listen(subject)), subject).toBe(true);
    }
    for (const subject of [
      "$JS.API.STREAM.MSG.GET.KV_fettle-default-things",
      "fettle.default.task.coder",
      "$KV.x.y",
    ]) {
      expect(await isRefused(() => plain.publish(subject, "{}")), subject).toBe(true);
    }
  });
});
