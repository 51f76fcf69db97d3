// The crash test: kills real processes by SIGKILL at every write that must last and at random instants, starts them
// again on the same folder, and counts from outside what was lost, changed or done again.
// Invariant: exits with 1 on any fault; the seed, which is printed, gives the same plan again.
import { parseArgs } from "node:util";
import { describeMachine } from "../../bench/machine.mjs";
import { run } from "./campaign.mjs";
import { chance, instantPlan, pointPlan } from "./plan.mjs";
import { SCENARIOS } from "./scenarios/scenarios.mjs";
import { FAULTS, tableOf } from "./table.mjs";
import { judge } from "./verdict.mjs";
import { openWitness } from "./witness.mjs";

const HELP = `Kills Fettle at every journal point and at random instants, and counts what it lost or did twice:
npm run chaos -- [options]

  --short          a few dozen kills in place of all points and 200 instants
  --only NAMES     some scenarios, with commas between them: ${Object.keys(SCENARIOS).join(", ")}
  --seed NUMBER    of the random instants; chosen and printed where absent
  --points N       so many journal points of each scenario, evenly spread; all where absent
  --instants N     kills at random instants over all scenarios; 200 where absent
  --kill DEATHS    with --only: one run with these deaths, as a fault of an earlier run tells them
  --nats           another test: nodes over NATS, which are killed while they work; --nats --help tells of it
  --json           print JSON in place of the table
  --help           this text`;
/** Runs at once: each is a process with a sandbox of its own. */
const AT_ONCE = 2;
const SHORT = { points: 1, instants: 1 };

// It ends the process.
if (process.argv.includes("--nats")) await import("./fleet/run.mjs");

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string" },
    seed: { type: "string" },
    points: { type: "string", default: "Infinity" },
    instants: { type: "string", default: "200" },
    kill: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) console.log(HELP);
else await main();

async function main() {
  const names = Object.keys(SCENARIOS).filter((name) => options.only?.split(",").includes(name) ?? true);
  if (names.length === 0) throw new Error(`No scenario is called "${options.only}".\n${HELP}`);
  const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(options.seed);
  if (!Number.isInteger(seed)) throw new Error(`--seed must be a whole number, not "${options.seed}".`);
  const instants = options.short ? SHORT.instants : Math.ceil(Number(options.instants) / names.length);
  const points = options.short ? SHORT.points : Number(options.points);
  if (Number.isNaN(points)) throw new Error(`--points must be a number, not "${options.points}".`);
  if (!Number.isInteger(instants)) throw new Error(`--instants must be a number, not "${options.instants}".`);
  console.error(`seed ${seed}`);
  const random = chance(seed);
  const witness = await openWitness();
  const rows = [];
  const faults = [];
  try {
    for (const name of names) {
      const { row, found } = await campaign(witness, name, { random, points, instants });
      rows.push(row);
      faults.push(...found);
    }
  } finally {
    await witness.close();
  }
  const machine = describeMachine();
  if (options.json) console.log(JSON.stringify({ machine, seed, short: options.short, rows, faults }));
  else {
    const { cpu, cores, memoryGiB, os, runtime, date } = machine;
    console.log(
      `${tableOf(rows)}\n\n${cpu}, ${cores} cores, ${memoryGiB} GiB; ${os}; ${runtime}; ${date}; seed ${seed}.`,
    );
  }
  for (const { name, deaths, kind, message } of faults) {
    console.error(`\n${kind.toUpperCase()} in ${name}, killed at ${JSON.stringify(deaths)}:\n  ${message}`);
  }
  if (faults.length > 0) process.exitCode = 1;
}

/** One scenario: undisturbed first, then killed in every way that is planned. */
async function campaign(witness, name, { random, points, instants }) {
  const scenario = SCENARIOS[name];
  const undisturbed = await run(witness, { name, id: name, scenario, deaths: [] });
  if (!undisturbed.ended) throw new Error(`The scenario "${name}" fails undisturbed: ${undisturbed.why}`);
  const { writes, tookMs } = undisturbed;
  const plans =
    options.kill === undefined
      ? [...pointPlan(writes, random, points), ...instantPlan(tookMs, random, instants)]
      : [JSON.parse(options.kill)];
  const row = {
    name,
    title: scenario.title,
    points: writes.length,
    runs: 0,
    kills: 0,
    modelsAgain: 0,
    toolsAgain: 0,
  };
  for (const kind of FAULTS) row[kind] = 0;
  const found = [];
  const expected = undisturbed.calls.filter(({ kind }) => kind === "model").length;
  const next = plans.entries();
  const worker = async () => {
    for (const [index, deaths] of next) {
      const killed = await run(witness, { name: `${name}-${index}`, id: name, scenario, deaths });
      const verdict = judge(undisturbed, killed);
      row.runs += 1;
      row.kills += killed.kills.length;
      row.modelsAgain += Math.max(0, verdict.models - expected);
      row.toolsAgain += verdict.toolsAgain;
      for (const fault of verdict.faults) {
        row[fault.kind] += 1;
        found.push({ name, deaths: killed.kills, ...fault });
      }
      if (process.stderr.isTTY || row.runs % 50 === 0 || row.runs === plans.length) {
        console.error(
          `${name}: ${row.runs} of ${plans.length} runs, ${row.kills} kills, ${found.length} faults`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { row, found };
}
