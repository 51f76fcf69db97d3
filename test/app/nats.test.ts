// `fettle nats status` and the check of NATS, with real servers: alone, in a cluster, and such as refuse.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineAgent, loadConfig, Mesh } from "fettle";
import { checkNats } from "#src/app/check/nats";
import { readMeshStatus } from "#src/app/nats";
import { warningsOf } from "#src/app/nats-warnings";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { startNatsCluster, startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { runFettle } from "../harness/program.ts";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";

const server = serverForTests();
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-nats-status-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fettle = (args: readonly string[], env: Env) => runFettle(args, { cwd: folder, env });

type Env = Readonly<Record<string, string>>;

const configOf = (env: Env) => loadConfig({ env: { LOG_LEVEL: "ERROR", ...env }, envFile: null });

/** What the command prints with --json, without the command. */
const status = async (env: Env) => {
  const { nats, mesh } = configOf(env);
  const found = await readMeshStatus(nats, mesh);
  return { ...found, warnings: warningsOf(found, nats) };
};

async function openFabric({ url }: NatsServer, mesh: string, replicas = 1) {
  const connection = await openConnection({ servers: [url] }, { name: "test", log: silentLog });
  return createNatsFabric({ connection, mesh, replicas });
}

async function streamsAt({ url }: NatsServer): Promise<readonly string[]> {
  const connection = await openConnection({ servers: [url] }, { name: "test", log: silentLog });
  const jsm = await connection.jetstreamManager();
  const names: string[] = [];
  for await (const name of jsm.streams.names()) names.push(name);
  await connection.close();
  return names;
}

const consuming = { ackWaitMs: 60_000, maxDeliveries: 5 };

describe.concurrent("fettle nats status", () => {
  it("shows streams, queues and nodes of a mesh, and of no other whose name begins alike", async () => {
    const name = newMeshName();
    const env = { NATS_URL: server.get().url, FETTLE_MESH: name };
    const other = await openFabric(server.get(), `${name}-more`);
    await other.queue.publish("task.other", "x");
    const agent = defineAgent({ role: "echo", capabilities: ["talk"], handle: () => "done" });
    const mesh = await new Mesh({ config: configOf(env) }).add(agent).start();
    await mesh.spawn(agent);
    expect(await mesh.execute("echo", "hello")).toMatchObject({ status: "success" });
    const [{ stdout, code }, json] = await Promise.all([
      fettle(["nats", "status"], env),
      fettle(["nats", "status", "--json"], env),
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^server {5}127\.0\.0\.1:\d+, NATS 2\.\d+\.\d+, \d+ ms away$/m);
    expect(stdout).toMatch(/^JetStream {2}\S+ k?B in files, 0 B in memory, \d+ streams?, \d+ consumers?$/m);
    expect(stdout).toMatch(
      new RegExp(`^KV_fettle-${name}-presence +bucket "presence" +1 +\\d+ B +none +6\\.0 s +1$`, "m"),
    );
    expect(stdout).toMatch(/^task\.echo +0 +0 +0 +0 +\d+ +0$/m);
    expect(stdout).toMatch(new RegExp(`^${mesh.node ?? ""} +\\d+\\.\\d+\\.\\d+ +[\\d.]+ m?s +echo ×2$`, "m"));
    expect(stdout).not.toContain("warning");
    expect(stdout).not.toContain("more");
    expect(JSON.parse(json.stdout)).toMatchObject({
      mesh: name,
      server: { cluster: null },
      queues: [{ queue: "task.echo", waiting: 0, inHand: 0, dead: 0 }],
      nodes: [{ node: mesh.node, actors: [{ role: "echo" }, { role: "echo" }] }],
      warnings: [],
    });
    await mesh.stop();
    expect((await status(env)).nodes).toEqual([]);
    await other.close();
  });

  it("counts what waits, is in hand, comes later and was given up, and warns of what nobody does", async () => {
    const name = newMeshName();
    const env = { NATS_URL: server.get().url, FETTLE_MESH: name };
    await using fabric = await openFabric(server.get(), name);
    for (const id of ["a", "b", "c", "d"]) await fabric.queue.publish("task.work", id, { id });
    await fabric.queue.publish("task.work", "e", { id: "e", delayMs: 600_000 });
    await fabric.queue.publish("task.left", "f");
    const consumer = await fabric.queue.consume("task.work", consuming);
    await (await consumer.take())?.reject("it is broken");
    const inHand = await consumer.take();
    await consumer.close();
    const found = await status(env);
    expect(found.queues).toMatchObject([
      { queue: "task.left", waiting: 1, inHand: 0, postponed: 0, dead: 0 },
      { queue: "task.work", waiting: 2, inHand: 1, postponed: 1, dead: 1 },
    ]);
    expect(found.warnings).toEqual([
      '1 dead letter in the queue "task.work": "fettle tasks --dead" says why they are.',
      '1 message in the queue "task.left" and nobody who takes them: is a node with that role up?',
    ]);
    const { stdout } = await fettle(["nats", "status"], env);
    expect(stdout).toMatch(/^task\.work +2 +1 +1 +0 +\d+ +1$/m);
    expect(stdout).toContain("No node is in the mesh now.");
    expect(stdout).toContain('warning  1 dead letter in the queue "task.work"');
    await inHand?.ack();
  });

  it("makes nothing where there is no mesh, and says that there is none", async () => {
    await using empty = await startNatsServer();
    const { code, stdout } = await fettle(["nats", "status", "-s", empty.url], {});
    expect(code).toBe(0);
    expect(stdout).toContain('The mesh "default" has no streams here');
    expect(await streamsAt(empty)).toEqual([]);
  });

  it("says where nobody answers, and that JetStream is off", async () => {
    await using plain = await startNatsServer({
      config: 'accounts { A: { users: [{ user: "a", password: "secret-of-a" }] } }\nno_auth_user: a',
    });
    const [away, off] = await Promise.all([
      fettle(["nats", "status", "-s", "nats://me:secret-1@127.0.0.1:1"], {}),
      fettle(["nats", "status", "-s", plain.url], {}),
    ]);
    expect(away).toMatchObject({ code: 1, stdout: "" });
    expect(away.stderr).toMatch(/^fettle: Cannot connect to NATS at 127\.0\.0\.1:1: .*nats-server -js/);
    expect(away.stderr).not.toContain("secret");
    expect(off.code).toBe(1);
    expect(off.stdout).toMatch(/^JetStream {2}off$/m);
    expect(off.stdout).toContain("warning  JetStream is off here: a mesh needs it.");
  });

  it("warns of a cluster's servers that are away, and of another number of replicas than is wanted", async () => {
    const cluster = await startNatsCluster();
    const [first, , last] = cluster;
    if (first === undefined || last === undefined) throw new Error("no cluster");
    try {
      const name = newMeshName();
      const env = { NATS_URL: first.url, FETTLE_MESH: name, FETTLE_REPLICAS: "3" };
      const fabric = await openFabric(first, name, 3);
      await fabric.ledger.append("l", "x", 0);
      await fabric.close();
      const whole = await status(env);
      expect(whole).toMatchObject({
        server: { cluster: "fettle", name: "n0" },
        streams: [{ name: `fettle-${name}-ledger`, messages: 1, replicas: 3, peers: [{}, {}] }],
      });
      expect((await status({ ...env, FETTLE_REPLICAS: "1" })).warnings.join("\n")).toContain(
        `The stream fettle-${name}-ledger is kept on 3 servers, and FETTLE_REPLICAS is 1`,
      );
      await last.stop("SIGKILL");
      let warnings = "";
      while (!warnings.includes("is not whole on n2")) warnings = (await status(env)).warnings.join("\n");
      const { stdout } = await fettle(["nats", "status"], env);
      expect(stdout).toMatch(/^cluster {4}fettle, /m);
      expect(stdout).toMatch(/ledger +1 +\d+ B +none +for good +3 +n[01], followed by .*n2/m);
    } finally {
      await Promise.all(cluster.map((one) => one.close()));
    }
  }, 90_000);
});

describe.concurrent("fettle check, with NATS_URL", () => {
  const natsOf = (env: Env) => checkNats(configOf(env));

  it("proves messages and JetStream by using them, and leaves nothing behind", async () => {
    await using empty = await startNatsServer();
    const checks = await Promise.all([fettle(["check"], {}), fettle(["check"], { NATS_URL: empty.url })]);
    expect(checks[0].stdout).not.toContain("NATS");
    expect(checks[1].stdout).toContain(" NATS: OK (2.");
    const found = await natsOf({ NATS_URL: empty.url });
    expect(found).toMatchObject({ status: "ok" });
    expect(found.detail).toMatch(
      /^2\.\S+ at 127\.0\.0\.1:\d+, \d+ ms away; messages and JetStream work, the mesh "default" can be kept on 1 server$/,
    );
    expect(await streamsAt(empty)).toEqual([]);
  });

  it("says what is not permitted, and what does not go with this server", async () => {
    const allowed = (publish: string) =>
      `{ publish: [${publish}], subscribe: ["_INBOX.>", "fettle.default.>"] }`;
    await using guarded = await startNatsServer({
      config: `authorization { users: [
        { user: "all", password: "p" },
        { user: "none", password: "p", permissions: ${allowed('"fettle.other.>"')} },
        { user: "reader", password: "p", permissions: ${allowed('"fettle.default.>", "_INBOX.>", "$JS.API.INFO"')} },
      ] }`,
    });
    const env = (user: string) => ({ NATS_URL: guarded.url, NATS_USER: user, NATS_PASSWORD: "p" });
    const [stranger, none, reader, replicas, all] = await Promise.all([
      natsOf(env("stranger")),
      natsOf(env("none")),
      natsOf(env("reader")),
      natsOf({ ...env("all"), FETTLE_REPLICAS: "3" }),
      natsOf(env("all")),
    ]);
    expect(stranger).toMatchObject({ status: "failed" });
    expect(stranger.detail).toMatch(/^Cannot connect to NATS at .*NATS_USER/);
    expect(none.detail).toMatch(/^Cannot exchange messages on "fettle\.default\.check\..*does not permit/s);
    expect(reader.detail).toMatch(/^Cannot make the stream "fettle-default-check-.*does not permit/s);
    expect(replicas.detail).toMatch(/^Cannot make the stream .* FETTLE_REPLICAS is above 1/);
    expect(all).toMatchObject({ status: "ok" });
  });
});
