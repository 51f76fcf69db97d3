// Clients of a mesh of several nodes: whoever is asked, the task is done once, and its asker hears of it.
import { connect, createInbox, RequestStrategy, type Msg, type NatsConnection } from "nats";
import { describe, expect, it } from "vitest";
import { defineAgent, Mesh, type AgentDefinition } from "fettle";
import { loadConfig } from "#src/app/config";
import { silentLog } from "#src/core/log";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";
import { errorCode, headersOf, jsonOf } from "./desk.ts";

const server = serverForTests();

function startNode(on: NatsServer, name: string, agent: AgentDefinition): Promise<Mesh> {
  const config = loadConfig({ env: { NATS_URL: on.url, FETTLE_MESH: name }, envFile: null });
  const mesh = new Mesh({ config, log: silentLog });
  mesh.add(agent);
  return mesh.start();
}

interface Done {
  readonly node: string;
  readonly taskId: string;
}

function echoOn(node: string, done: Done[]): AgentDefinition {
  return defineAgent({
    role: "echo",
    capabilities: ["repeat"],
    concurrency: 1,
    handle: (message) => {
      if (message.type !== "task") return null;
      done.push({ node, taskId: message.id });
      return message.task;
    },
  });
}

async function stream(client: NatsConnection, subject: string, payload: string): Promise<readonly Msg[]> {
  const inbox = createInbox();
  const subscription = client.subscribe(inbox);
  client.publish(subject, payload, { reply: inbox, headers: headersOf({ "Fettle-Stream": "events" }) });
  const messages: Msg[] = [];
  for await (const message of subscription) {
    messages.push(message);
    if (message.headers?.get("Fettle-Event") === "") break;
  }
  return messages;
}

describe("a mesh of two nodes", () => {
  it("does each task once, and whoever asked hears its events and gets its result", async () => {
    const name = newMeshName();
    const done: Done[] = [];
    await using first = await startNode(server.get(), name, echoOn("a", done));
    await using second = await startNode(server.get(), name, echoOn("b", done));
    const client = await connect({ servers: server.get().url });
    const asked = Array.from({ length: 20 }, (_, at) =>
      stream(client, `fettle.${name}.task.echo`, JSON.stringify({ task: `task ${at}`, id: `t${at}` })),
    );
    for (const [at, messages] of (await Promise.all(asked)).entries()) {
      const last = messages.at(-1) as Msg;
      expect(errorCode(last)).toBeNull();
      expect(jsonOf(last)).toMatchObject({ taskId: `t${at}`, output: `task ${at}`, status: "success" });
      expect(
        messages.filter((message) => message.headers?.get("Fettle-Event") === "state").length,
      ).toBeGreaterThan(0);
    }
    expect(done.map(({ taskId }) => taskId).sort()).toEqual(
      Array.from({ length: 20 }, (_, at) => `t${at}`).sort(),
    );
    const services: string[] = [];
    for await (const message of await client.requestMany(`$SRV.INFO.fettle-${name}-echo`, "", {
      maxMessages: 2,
      strategy: RequestStrategy.Count,
      maxWait: 5_000,
    })) {
      services.push((jsonOf(message) as { metadata: { node: string } }).metadata.node);
    }
    expect(new Set(services).size).toBe(2);
    expect([first, second]).toHaveLength(2);
    await client.close();
  });

  it("of which one stops answers all that it was asked, or says to ask again", async () => {
    const name = newMeshName();
    const done: Done[] = [];
    const first = await startNode(server.get(), name, echoOn("a", done));
    await using _second = await startNode(server.get(), name, echoOn("b", done));
    const client = await connect({ servers: server.get().url });
    const ask = async (id: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const answer = await client.request(`fettle.${name}.task.echo`, JSON.stringify({ task: "x", id }), {
          timeout: 20_000,
        });
        if (errorCode(answer) === null) return jsonOf(answer);
        expect(errorCode(answer)).toBe(503);
      }
    };
    const asked = Array.from({ length: 30 }, (_, at) => ask(`s${at}`));
    await first.stop({ mode: "suspend" });
    for (const result of await Promise.all(asked))
      expect(result).toMatchObject({ status: "success", output: "x" });
    expect(new Set(done.map(({ taskId }) => taskId)).size).toBe(30);
    await client.close();
  });
});

describe("a server that is killed and comes back", () => {
  it("loses no submit, and agents answer on it as before", async () => {
    await using own = await startNatsServer();
    const name = newMeshName();
    const done: Done[] = [];
    await using _node = await startNode(own, name, echoOn("a", done));
    const client = await connect({ servers: own.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const js = client.jetstream();
    const ids = Array.from({ length: 20 }, (_, at) => `k${at}`);
    await Promise.all(ids.map((id) => js.publish(`fettle.${name}.queue.task.echo`, "x", { msgID: id })));
    const results = await js.views.kv(`fettle-${name}-results`, { bindOnly: true });
    await own.stop("SIGKILL");
    await own.start();
    for (const id of ids) {
      // The client's own connection comes back by and by.
      const read = () => results.get(id).catch(() => null);
      while ((await read()) === null) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    for (;;) {
      const answer = await client
        .request(`fettle.${name}.task.echo`, '{"task":"after","id":"after"}', { timeout: 20_000 })
        .catch(() => null); // The node may not have come back yet.
      if (answer === null) continue;
      expect(jsonOf(answer)).toMatchObject({ status: "success", output: "after" });
      break;
    }
    expect(new Set(done.map(({ taskId }) => taskId))).toEqual(new Set([...ids, "after"]));
    await client.close();
  });
});
