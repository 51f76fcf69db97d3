// The process that is killed: a mesh on a data folder that goes on where an earlier life left, is given what was not
// accepted yet, and ends once everything has.
// Invariant: it asks for nothing that was accepted before: that must go on by itself.
import { createEmbeddedFabric, createOpenAiModel, Mesh } from "fettle";
import { loadConfig } from "#src/app/config";
import { deadly } from "./deadly-fabric.mjs";
import { SCENARIOS } from "./scenarios/scenarios.mjs";
import { watchTools } from "./recording-tools.mjs";

const { scenario: name, directory, url, death } = JSON.parse(process.argv[2] ?? "{}");
const MESH = "chaos";
const POLL_MS = 5;
/** Time for messages that were put off. */
const CLEARED_MS = 15_000;

const tell = (path, body) =>
  globalThis.fetch(`${url}/${path}`, { method: "POST", body: JSON.stringify(body) });
const scenario = SCENARIOS[name];
const own = createEmbeddedFabric({ dataDirectory: directory });
const { fabric, writes } = deadly(own, death);
const mesh = new Mesh({
  name: MESH,
  fabric,
  config: loadConfig({
    env: { FETTLE_SANDBOX_ISOLATES: "1", LOG_LEVEL: "error" },
    envFile: null,
  }),
  model: createOpenAiModel({
    model: "chaos-1",
    apiKey: "none",
    baseURL: `${url}/v1`,
    prices: { "openai/chaos-1": { input: 1, output: 10 } },
  }),
  ...scenario.options,
});
for (const agent of scenario.agents) mesh.add(watchTools(agent, (call) => tell("tool", call)));

const known = new Set(await own.ledger.names());
await tell("told", { type: "begins" });
await mesh.start();
let hasEnded = false;
const answering = answerApprovals();
await Promise.all([
  ...scenario.tasks.map(async ({ role, task }) => {
    const ledger = `${MESH}.task.${task.id}`;
    if (!known.has(ledger)) await mesh.execute(role, task);
    else await lastEntry(ledger, '"finished"');
  }),
  ...scenario.workflows.map(async ({ id, steps, context = {} }) => {
    const ledger = `${MESH}.workflow.${id}`;
    if (!known.has(ledger)) await mesh.workflow(id, steps, { context });
    else await lastEntry(ledger, '"ended"');
  }),
]);
hasEnded = true;
await answering;
const left = await cleared();
const { budget } = scenario.options ?? {};
const spent = budget === undefined ? {} : await mesh.budget({ name: "mesh", budget });
await mesh.stop();
await own.close();
await tell("told", { type: "ended", writes, left, spent });
process.exit(0);

/** Waits until nothing is left over; gives what is all the same. */
async function cleared() {
  const until = Date.now() + CLEARED_MS;
  for (;;) {
    const left = await leftOver();
    if (left.length === 0 || Date.now() > until) return left;
    await pause();
  }
}

/** What nobody came for: messages in queues, and approvals. */
async function leftOver() {
  const queues = scenario.agents.map(async ({ role }) => {
    const { waiting, inHand, dead } = await own.queue.size(`${MESH}.task.${role}`);
    const counted = waiting + inHand + dead;
    return counted === 0 ? [] : [`${role}: ${waiting} waiting, ${inHand} in hand, ${dead} dead`];
  });
  return [...(await Promise.all(queues)).flat(), ...(await own.keyValue.keys("approvals"))];
}

async function lastEntry(ledger, kind) {
  while (!(await own.ledger.last(ledger))?.payload.includes(kind)) await pause();
}

/** Allows whatever is asked, and says so first. */
async function answerApprovals() {
  while (!hasEnded) {
    for (const { approvalId, status } of await mesh.pending()) {
      if (status !== "pending") continue;
      await tell("told", { type: "approves", approvalId });
      await mesh.approve(approvalId, { by: "chaos" }).catch((thrown) => {
        if (!["APPROVAL_ANSWERED", "APPROVAL_UNKNOWN"].includes(thrown.code)) throw thrown;
      });
    }
    await pause();
  }
}

function pause() {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
