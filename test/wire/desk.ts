// A mesh whose agents any client can ask, on a real server, and a client that knows nothing of our code.
import { connect, headers, type Msg, type NatsConnection } from "nats";
import { createMemoryFabric, TestMesh, type TestMeshOptions } from "fettle/testing";
import type { AgentDefinition, Fabric } from "fettle";
import { NatsKeyValue } from "#src/fabric/nats/key-value";
import { NatsLedger } from "#src/fabric/nats/ledger";
import type { NatsLink } from "#src/fabric/nats/link";
import { NatsMessages } from "#src/fabric/nats/messages";
import { NatsQueue } from "#src/fabric/nats/queue";
import { Streams } from "#src/fabric/nats/streams";
import { NatsWire } from "#src/fabric/nats/wire";
import type { NatsServer } from "../harness/nats-server.ts";
import { newMeshName, openLink } from "../fabric/nats/mesh-server.ts";

/** A mesh that serves clients, and one of these. */
export interface Desk extends AsyncDisposable {
  readonly name: string;
  readonly mesh: TestMesh;
  readonly client: NatsConnection;
  ask(role: string, payload: string | Uint8Array, given?: Record<string, string>): Promise<Msg>;
}

/** Starts a mesh on a server. */
export async function openDesk(
  server: NatsServer,
  agents: readonly AgentDefinition[],
  given: TestMeshOptions & { readonly onServer?: boolean } = {},
): Promise<Desk> {
  const { onServer = false, ...options } = given;
  const name = newMeshName();
  const link = await openLink(server, {
    mesh: name,
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  const fabric = options.fabric ?? (onServer ? fabricOn(link) : createMemoryFabric());
  const mesh = new TestMesh({ wire: new NatsWire(link), ...options, fabric, name });
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  const client = await connect({ servers: server.url });
  return {
    name,
    mesh,
    client,
    ask: (role, payload, given = {}) =>
      client.request(`fettle.${name}.task.${role}`, payload, { timeout: 20_000, headers: headersOf(given) }),
    [Symbol.asyncDispose]: async () => {
      await mesh.stop({ mode: "cancel" });
      await client.close();
      await link.close();
      await fabric.close();
    },
  };
}

/** The mesh's fabric on the server; only blobs are in memory. */
function fabricOn(link: NatsLink): Fabric {
  const memory = createMemoryFabric();
  const streams = new Streams(link);
  return {
    name: "nats",
    messages: new NatsMessages(link, () => undefined),
    keyValue: new NatsKeyValue(link, streams, () => undefined),
    ledger: new NatsLedger(link, streams),
    queue: new NatsQueue(link, streams),
    blobs: memory.blobs,
    close: () => memory.close(),
    [Symbol.asyncDispose]: () => memory.close(),
  };
}

/** A task's result as a client reads it from key-value, as soon as it is there. */
export async function resultOf(desk: Desk, taskId: string): Promise<Record<string, unknown>> {
  const results = await desk.client.jetstream().views.kv(`fettle-${desk.name}-results`);
  const watch = await results.watch({ key: taskId });
  for await (const entry of watch) {
    if (entry.operation === "PUT") return entry.json();
  }
  throw new Error(`the watch of "${taskId}" has ended`);
}

export function headersOf(given: Record<string, string>) {
  const made = headers();
  for (const [name, value] of Object.entries(given)) made.set(name, value);
  return made;
}

/** The number of a service's error; null where the answer is none. */
export function errorCode(message: Msg): number | null {
  const code = message.headers?.get("Nats-Service-Error-Code") ?? "";
  return code === "" ? null : Number(code);
}

export function jsonOf(message: Msg): Record<string, unknown> {
  return JSON.parse(message.string()) as Record<string, unknown>;
}
