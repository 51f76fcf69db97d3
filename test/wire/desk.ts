// A mesh whose agents any client can ask, on a real server, and a client that knows nothing of our code.
import { connect, headers, type Msg, type NatsConnection } from "nats";
import { TestMesh, type TestMeshOptions } from "fettle/testing";
import type { AgentDefinition } from "fettle";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import type { NatsServer } from "../harness/nats-server.ts";
import { newMeshName } from "../fabric/nats/mesh-server.ts";

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
  given: TestMeshOptions & { readonly user?: string; readonly password?: string } = {},
): Promise<Desk> {
  const { user, password, ...options } = given;
  const { log = silentLog, name = newMeshName() } = options;
  const settings = { servers: [server.url], user, password };
  const connection = await openConnection(settings, { name: "test", log });
  const fabric = await createNatsFabric({ connection, mesh: name, log });
  const mesh = new TestMesh({ wire: fabric.wire, fabric, ...options, name });
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  const client = await connect({
    servers: server.url,
    ...(user === undefined ? {} : { user, pass: password ?? "" }),
  });
  return {
    name,
    mesh,
    client,
    ask: (role, payload, given = {}) =>
      client.request(`fettle.${name}.task.${role}`, payload, { timeout: 20_000, headers: headersOf(given) }),
    [Symbol.asyncDispose]: async () => {
      await mesh.stop({ mode: "cancel" });
      await client.close();
      await fabric.close();
    },
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
