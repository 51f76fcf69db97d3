// The crash test of a mesh over NATS: workflows on three nodes, of which one is killed, stopped or sent away every few
// seconds, while the server is killed twice; then all that was promised is counted.
// Invariant: exits with 1 on any fault. Callers do what clients do: where their node dies, they ask another for the same id.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { openConnection } from "#src/fabric/nats/connection";
import { createSubjects } from "#src/core/subjects";
import { silentLog } from "#src/core/log";
import { loadModule } from "#src/app/module-loader";
import { describeMachine } from "../../../bench/machine.mjs";
import { chance } from "../plan.mjs";
import { DEEDS, Fleet, pause } from "./fleet.mjs";
import { AGENTS, answerOf, STEP_COUNT, stepsOf } from "./load.mjs";
import { FAULTS, judge, readEvidence } from "./verdict.mjs";

const harness = (file) => loadModule(fileURLToPath(new URL(`../../harness/${file}`, import.meta.url)));
const { startNatsServer } = await harness("nats-server.ts");
const { openWitness } = await harness("witness.ts");

const HELP = `Kills, stops and sends away nodes of a mesh over NATS while they work, and its server, and counts what was lost or
done twice: npm run chaos -- --nats [options]

  --short          20 workflows, one kill and one restart of the server
  --workflows N    so many; 500 where absent
  --seed NUMBER    of what is chosen by chance; chosen and printed where absent
  --json           print JSON in place of the table
  --help           this text`;
const MESH = "chaos";
const NODES = 3;
const FULL = { workflows: 500, atOnce: 40, everyMs: [1_500, 4_500], restarts: 2, slowness: 1 };
const SHORT = { workflows: 20, atOnce: 20, everyMs: null, restarts: 1, slowness: 0.5 };
/** Model and tool calls take up to so long, so that kills find them in flight; milliseconds. */
const LONGEST_MS = { model: 300, tool: 120 };
/** The server is away for so long, in milliseconds. */
const AWAY_MS = 1_500;
/** A workflow that has not ended after so long without any other ending will not: it is lost; milliseconds. */
const PATIENCE_MS = 90_000;
/** Time for what is cleared away after an end, in milliseconds. */
const CLEARED_MS = 30_000;

const { values: options } = parseArgs({
  options: {
    nats: { type: "boolean" },
    short: { type: "boolean", default: false },
    workflows: { type: "string" },
    seed: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

async function main() {
  const plan = options.short ? SHORT : FULL;
  const count = Number(options.workflows ?? plan.workflows);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--workflows must be a number, not "${options.workflows}".`);
  const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(options.seed);
  if (!Number.isInteger(seed)) throw new Error(`--seed must be a whole number, not "${options.seed}".`);
  console.error(`seed ${seed}`);
  const random = chance(seed);
  const [server, witness] = await Promise.all([startNatsServer(), openWitness()]);
  const fleet = new Fleet({ mesh: MESH, nats: server.url, witness: witness.url });
  try {
    const run = new Run({ ...plan, count, random, server, witness, fleet });
    const outcome = { seed, machine: describeMachine(), ...(await run.all()) };
    report(outcome);
    if (outcome.faults.length > 0) process.exitCode = 1;
  } finally {
    await fleet.close();
    await server.close();
    await witness[Symbol.asyncDispose]();
  }
}

/** One run of the fleet. */
class Run {
  #given;
  #workflows;
  #results = new Map();
  #times = [];
  #restarted = 0;
  #changedAt = 0;
  #isOver = false;

  constructor(given) {
    this.#given = given;
    this.#workflows = Array.from({ length: given.count }, (_, index) => `w${index + 1}`);
  }

  async all() {
    const { fleet, witness, random, slowness, server } = this.#given;
    await fleet.start(NODES);
    witness.answer(MESH, async (call) => {
      await pause(random() * LONGEST_MS[call.kind] * slowness);
      return answerOf(call);
    });
    await this.#ask("w0");
    const beganAt = performance.now();
    const disturbing = this.#disturb();
    const progress = setInterval(() => this.#tell(), 5_000);
    await this.#askAll();
    const tookMs = performance.now() - beganAt;
    this.#isOver = true;
    clearInterval(progress);
    await disturbing;
    const connection = await openConnection({ servers: [server.url] }, { name: "judge", log: silentLog });
    const fabric = await createNatsFabric({ connection, mesh: MESH });
    try {
      const left = await leftOver(fabric.queue);
      const evidence = await readEvidence(fabric.ledger, MESH, ["w0", ...this.#workflows]);
      const verdict = judge(
        { name: "w0", evidence },
        {
          workflows: this.#workflows,
          results: this.#results,
          evidence,
          calls: witness.calls,
          left,
          woken: fleet.woken,
        },
      );
      return { ...this.#counts(verdict), tookMs: Math.round(tookMs), faults: verdict.faults };
    } finally {
      await fabric.close();
    }
  }

  #counts({ faults, modelsAgain, toolsAgain }) {
    const { fleet, count, witness } = this.#given;
    const sorted = this.#times.toSorted((one, other) => one - other);
    const at = (share) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    return {
      workflows: count,
      steps: count * STEP_COUNT,
      calls: witness.calls.length,
      ...fleet.done,
      restarts: this.#restarted,
      ...Object.fromEntries(
        FAULTS.map((kind) => [kind, faults.filter((fault) => fault.kind === kind).length]),
      ),
      modelsAgain,
      toolsAgain,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  }

  async #askAll() {
    const next = this.#workflows.values();
    const caller = async () => {
      for (const workflow of next) await this.#ask(workflow);
    };
    this.#changedAt = Date.now();
    const stuck = this.#stuck();
    await Promise.race([Promise.all(Array.from({ length: this.#given.atOnce }, caller)), stuck]);
  }

  /** Resolves where nothing has ended for long: what is missing then is lost. */
  async #stuck() {
    while (!this.#isOver && Date.now() - this.#changedAt < PATIENCE_MS) await pause(1_000);
  }

  /** Has a workflow done, by another node where the one that was asked is no more. */
  async #ask(workflow) {
    const { fleet, random } = this.#given;
    const askedAt = performance.now();
    for (;;) {
      try {
        const result = await fleet.pick(random).call("workflow", workflow, stepsOf(workflow));
        this.#results.set(workflow, result);
        this.#times.push(performance.now() - askedAt);
        this.#changedAt = Date.now();
        return;
      } catch (thrown) {
        if (!["NodeEnded", "MeshStateError"].includes(thrown.name)) {
          this.#results.set(workflow, { status: `${thrown.name}: ${thrown.message}` });
          return;
        }
        await pause(50);
      }
    }
  }

  /** Does what is planned until all is over; resolves once all nodes are awake again. */
  async #disturb() {
    const { fleet, random, everyMs, restarts, count } = this.#given;
    const underWay = [];
    const restarting = (async () => {
      for (let part = 1; part <= restarts; part += 1) {
        if (await this.#reached((count * part) / (restarts + 1))) await this.#restart();
      }
    })();
    if (everyMs === null) {
      if (await this.#reached(count / 5)) underWay.push(fleet.disturb("kill", random));
    }
    while (everyMs !== null && !this.#isOver) {
      await pause(everyMs[0] + random() * (everyMs[1] - everyMs[0]));
      if (!this.#isOver) underWay.push(fleet.disturb(DEEDS[Math.floor(random() * DEEDS.length)], random));
    }
    await Promise.all([restarting, ...underWay]);
  }

  /** Resolves once so many workflows have ended, or all is over: false then. */
  async #reached(count) {
    while (!this.#isOver && this.#results.size < count) await pause(20);
    return !this.#isOver;
  }

  async #restart() {
    const { server } = this.#given;
    this.#restarted += 1;
    await server.stop("SIGKILL");
    await pause(AWAY_MS);
    await server.start();
  }

  #tell() {
    const { kill, stop, leave } = this.#given.fleet.done;
    console.error(
      `${this.#results.size - 1} of ${this.#given.count} workflows; ${kill} kills, ${stop} stops, ${leave} leaves, ` +
        `${this.#restarted} restarts of the server`,
    );
  }
}

/** What nobody came for: messages in queues. */
async function leftOver(queue) {
  const subjects = createSubjects(MESH);
  const until = Date.now() + CLEARED_MS;
  for (;;) {
    const left = [];
    for (const role of AGENTS) {
      const { waiting, inHand, dead } = await queue.size(subjects.tasks(role));
      if (waiting + inHand + dead > 0)
        left.push(`${role}: ${waiting} waiting, ${inHand} in hand, ${dead} dead`);
    }
    if (left.length === 0 || Date.now() > until) return left;
    await pause(200);
  }
}

const ROWS = [
  ["workflows", "workflows"],
  ["steps", "their steps"],
  ["calls", "calls of models and tools"],
  ["kill", "nodes killed"],
  ["stop", "nodes stopped for up to 14 s, and woken"],
  ["leave", "nodes sent away in order"],
  ["restarts", "restarts of the server, by SIGKILL"],
  ["lost", "lost"],
  ["duplicated", "results duplicated"],
  ["differing", "results that differ"],
  ["repeated", "recorded calls repeated"],
  ["modelsAgain", "in flight, asked again"],
  ["toolsAgain", "in flight, called again"],
  ["p50Ms", "time of a workflow, half of them (ms)"],
  ["p99Ms", "time of a workflow, 99 of 100 (ms)"],
];

function report({ faults, machine, seed, ...counts }) {
  if (options.json) console.log(JSON.stringify({ machine, seed, short: options.short, ...counts, faults }));
  else {
    const { cpu, cores, memoryGiB, os, runtime, date } = machine;
    const widest = Math.max(...ROWS.map(([, name]) => name.length));
    const line = (name, value) => `| ${name.padEnd(widest)} | ${String(value).padStart(6)} |`;
    const body = ROWS.map(([key, name]) => line(name, counts[key]));
    console.log([line("what", "count"), `| ${"-".repeat(widest)} | -----: |`, ...body].join("\n"));
    console.log(
      `\n${cpu}, ${cores} cores, ${memoryGiB} GiB; ${os}; ${runtime}; ${date}; ${Math.round(counts.tookMs / 1000)} s; seed ${seed}.`,
    );
  }
  for (const { kind, message } of faults.slice(0, 50)) console.error(`\n${kind.toUpperCase()}: ${message}`);
}

if (options.help) console.log(HELP);
else await main();
process.exit();
