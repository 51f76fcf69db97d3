// A node of a mesh over NATS that does what it is told over standard input, a line of JSON a call, and answers each.
// Invariant: its model and its tools are the witness's, so that all it does is seen from outside.
import { createInterface } from "node:readline";
import { Mesh } from "fettle";
import { createScriptedModel } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { agentsOf } from "./agents.mjs";
import { openTelling } from "./telling.mjs";

const {
  name,
  mesh: meshName,
  nats,
  witness,
  agents = [],
  concurrency,
  env = {},
} = JSON.parse(process.argv[2]);

const say = await openTelling(witness);
const tell = (call) => say({ mesh: meshName, node: name, ...call });
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const config = loadConfig({
  env: { NATS_URL: nats, FETTLE_MESH: meshName, FETTLE_SANDBOX_ISOLATES: "1", LOG_LEVEL: "debug", ...env },
  envFile: null,
});
const mesh = new Mesh({
  config,
  model: createScriptedModel(({ messages }) => {
    const [{ content } = { content: "" }] = messages;
    return tell({ kind: "model", text: content, repair: messages.length >> 1 });
  }),
});
for (const agent of agentsOf(agents, { tell, node: name, concurrency })) mesh.add(agent);
const starting = mesh.start();
starting.catch(() => undefined); // It is told to whoever asks whether it has started.

const methods = {
  metrics: () => mesh.metrics.text(),
  started: () => starting.then(() => null),
  stop: async (options) => {
    await mesh.stop(options);
    return null;
  },
};
for await (const line of createInterface({ input: process.stdin })) void serve(JSON.parse(line));
process.exit(0);

async function serve({ id, method, args }) {
  try {
    const value = await (methods[method] ?? mesh[method].bind(mesh))(...args);
    answer({ id, value: value ?? null });
  } catch ({ name, code, message }) {
    answer({ id, error: { name, code, message } });
  }
}
