// A mesh over NATS and the raw client, side by side on one server: two nodes of the one, two connections of the other.
import { defineAgent, Mesh } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { connect } from "nats";
import { silentLog } from "#src/core/log";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { reasonOf } from "../contenders.mjs";
import { ROLE } from "../durable/fettle.mjs";
import { createInstantModel, requireDone, taskOf } from "../durable/work.mjs";
import { startServer } from "./server.mjs";

/** What is sent: an order of a few fields. */
export const BODY = { kind: "order", id: 12_345, customer: "Ada Lovelace", items: [1, 2, 3] };
/** What raw clients send of it. */
export const TEXT = JSON.stringify(BODY);

/** Connects to a server, as a raw client. */
export const rawClient = (url) => connect({ servers: url, noAsyncTraces: true });

/** Opens a node of a mesh; what it is made of is closed with it. */
export async function openNode(url, { mesh = "bench", agents, ...options }) {
  const fabric = await createNatsFabric({ connection: await rawClient(url), mesh });
  const node = new Mesh({ fabric, mode: "distributed", name: mesh, log: silentLog, ...options });
  for (const agent of agents) node.add(agent);
  await node.start();
  const close = async (how) => {
    await node.stop(how);
    await fabric.close();
  };
  return { node, fabric, close };
}

/** Counts what arrives, and tells when it is enough. */
class Counter {
  #left = 0;
  #enough = () => undefined;

  expect(count) {
    this.#left = count;
    return new Promise((resolve) => (this.#enough = resolve));
  }

  count = () => {
    this.#left -= 1;
    if (this.#left === 0) this.#enough();
  };
}

/** Opens the server and two nodes of a mesh; absent where there is no server. */
export async function openContenders() {
  let server;
  try {
    server = await startServer();
  } catch (error) {
    return {
      contenders: [],
      absent: [{ name: "over NATS", absent: reasonOf(error) }],
      close: async () => undefined,
    };
  }
  const { url } = server;
  const sandbox = createSandbox();
  const counter = new Counter();
  const handle = (message) => {
    if (message.type === "send") counter.count();
    return message.body;
  };
  const capabilities = ["x"];
  const common = { capabilities, mailboxSize: 1_000_000, handle };
  const far = await openNode(url, {
    agents: [
      defineAgent({ role: "echo", ...common }),
      defineAgent({ role: "keeper", ...common, mailbox: "durable" }),
    ],
  });
  const worker = defineAgent({
    role: ROLE,
    capabilities,
    systemPrompt: "Work.",
    concurrency: 64,
    mailboxSize: 100_000,
  });
  const near = await openNode(url, { agents: [worker], model: createInstantModel(), sandbox });
  const raw = [await rawClient(url), await rawClient(url)];
  const close = async () => {
    for (const one of [near, far]) await one.close();
    for (const one of raw) await one.close();
    await sandbox.close();
    await server.close();
  };
  const run = async (kind) => requireDone(kind, await near.node.execute(ROLE, taskOf(kind)));
  return { contenders: [{ url, sandbox, counter, near, far, raw, run }], absent: [], close };
}
