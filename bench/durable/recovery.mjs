// One process of a recovery: it takes tasks in and is killed, or starts again and goes on with them.
// Called as `recovery.mjs RUNTIME begin|resume SHAPE DIRECTORY COUNT`; says what it has come to as one line of JSON.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { createSandbox } from "fettle/sandbox";
import { openFettle, ROLE } from "./fettle.mjs";
import { createInstantModel, taskOf } from "./work.mjs";

const [runtime, act, shape, directory, given] = process.argv.slice(2);
const count = Number(given);
/** Queued: few may run, the others wait. In flight: all run, each waits for the model. */
const concurrency = shape === "queued" ? 64 : count;
const ENDS = new Set(["done", "failed", "cancelled"]);
const ids = Array.from({ length: count }, (_, index) => `t${index}`);
const ACTS = { fettle: { begin, resume }, langgraph: { begin: beginGraph, resume: resumeGraph } };

const said = await ACTS[runtime][act]();
// The parent reads it whole and then kills this process, or waits for its end.
writeFileSync(1, `${JSON.stringify(said)}\n`);
if (act === "begin") await sleep(600_000);

/** Resolves when all are accepted, and in the shape `flight` all wait for the model. */
async function begin() {
  const model = createInstantModel({ answers: false });
  const { mesh, fabric } = await openFettle(directory, { model, concurrency });
  for (const id of ids) mesh.execute(ROLE, { id, task: taskOf("plain") }).catch(() => undefined);
  const asked = shape === "queued" ? concurrency : count;
  while (model.asked < Math.min(asked, count)) await sleep(50);
  for (;;) {
    const { waiting, inHand } = await fabric.queue.size(`default.task.${ROLE}`);
    const journals = await fabric.ledger.names("default.task.");
    if (waiting + inHand === count && journals.length === count) return { begun: count };
    await sleep(200);
  }
}

/** Resolves when all have ended. A task is resumed once its model is asked again. */
async function resume() {
  const sandbox = createSandbox({ maxQueued: count });
  const started = performance.now();
  const model = createInstantModel();
  let resumedMs = 0;
  let ended = 0;
  let everyone;
  const all = new Promise((resolve) => (everyone = resolve));
  const { fabric, close } = await openFettle(directory, {
    model: watched(model, () => (resumedMs = performance.now() - started)),
    concurrency,
    sandbox,
    onEvent: (event) => {
      if (event.type !== "state" || !ENDS.has(event.state)) return;
      ended += 1;
      if (ended === count) everyone();
    },
  });
  await all;
  const endedMs = performance.now() - started;
  const last = await Promise.all(ids.map((id) => fabric.ledger.last(`default.task.${id}`)));
  const done = last.filter((entry) => entry?.payload.includes('"success"')).length;
  const said = { resumedMs, endedMs, lost: count - done, asked: model.asked, rssMb: peakMb() };
  await close();
  await sandbox.close();
  return said;
}

/** Tells when the last of all tasks has asked. */
function watched(model, whenAll) {
  const { ask } = model;
  model.ask = (request) => {
    const answer = ask(request);
    if (model.asked === count) whenAll();
    return answer;
  };
  return model;
}

async function openGraph(model, sandbox) {
  const { open } = await import("../peers/langgraph.mjs");
  return open({ file: join(directory, "graph.db"), synchronous: "FULL", model, sandbox });
}

async function beginGraph() {
  const model = createInstantModel({ answers: false });
  const graph = await openGraph(model, createSandbox({ isolates: 1 }));
  for (const id of ids) graph.begin(id, taskOf("plain")).catch(() => undefined);
  while (model.asked < count) await sleep(50);
  return { begun: count };
}

/** Its caller must know the threads, and resumes each. */
async function resumeGraph() {
  const sandbox = createSandbox({ maxQueued: count });
  const started = performance.now();
  const model = createInstantModel();
  let resumedMs = 0;
  const watching = watched(model, () => (resumedMs = performance.now() - started));
  const graph = await openGraph(watching, sandbox);
  const ends = await Promise.all(ids.map((id) => graph.resume(id)));
  const endedMs = performance.now() - started;
  const lost = ends.filter(({ output }) => output !== 1).length;
  await graph.close();
  await sandbox.close();
  return { resumedMs, endedMs, lost, asked: model.asked, rssMb: peakMb() };
}

/** The most memory that this process has had, in MB. */
function peakMb() {
  return process.resourceUsage().maxRSS / 1000;
}
