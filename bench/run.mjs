// The benchmark: every line in one run on one machine, beside what else runs code, as a table, a plot and JSON.
// Invariant: it asserts nothing about time: it measures, names the machine, and says where an aim is missed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openContenders } from "./contenders.mjs";
import { openContenders as openDurableContenders } from "./durable/contenders.mjs";
import { durableBytes } from "./lines/durable-bytes.mjs";
import { durableParts } from "./lines/durable-parts.mjs";
import { durableRepair, durableTask } from "./lines/durable-task.mjs";
import { durableThroughput } from "./lines/durable-throughput.mjs";
import { openContenders as openHttpContenders } from "./http/contenders.mjs";
import { httpHeld } from "./lines/http-held.mjs";
import { httpTask } from "./lines/http-task.mjs";
import { natsAsk } from "./lines/nats-ask.mjs";
import { natsDurableMailbox } from "./lines/nats-durable-mailbox.mjs";
import { natsMailbox } from "./lines/nats-mailbox.mjs";
import { natsNodes } from "./lines/nats-nodes.mjs";
import { natsTakeover } from "./lines/nats-takeover.mjs";
import { natsTask } from "./lines/nats-task.mjs";
import { polling } from "./lines/polling.mjs";
import { recovery } from "./lines/recovery.mjs";
import { task } from "./lines/task.mjs";
import { throughput } from "./lines/throughput.mjs";
import { toolCall } from "./lines/tool-call.mjs";
import { waiting } from "./lines/waiting.mjs";
import { warmRun } from "./lines/warm-run.mjs";
import { openContenders as openNetworkContenders } from "./network/contenders.mjs";
import { describeMachine, runtimeName, RUNTIME_ARGS } from "./machine.mjs";
import { FULL, SHORT } from "./plan.mjs";
import { drawPlot } from "./plot.mjs";
import { quoteResults } from "./quote.mjs";
import { finish, writeReport } from "./report.mjs";

/** Lines that share their contenders, which are open for these lines only. */
const GROUPS = [
  { open: openContenders, lines: [warmRun, throughput, waiting, toolCall, task, polling] },
  {
    open: openDurableContenders,
    lines: [durableTask, durableRepair, durableParts, durableThroughput, durableBytes, recovery],
  },
  { open: openHttpContenders, lines: [httpTask, httpHeld] },
  {
    open: openNetworkContenders,
    lines: [natsAsk, natsMailbox, natsDurableMailbox, natsTask, natsTakeover, natsNodes],
  },
];
const LINES = GROUPS.flatMap(({ lines }) => lines);
const HELP = `Measures Fettle and what it is compared with: node bench/run.mjs [options]

  --short       a few seconds, small counts: to see that it works, not how fast it is
  --only LINES  some lines, separated by commas: ${LINES.map(({ id }) => id).join(", ")}
  --out DIR     where <runtime>.md, .json and .svg go; bench/results, and from there into docs/benchmarks.md, where
                absent; nowhere where absent with --short or --only
  --json        print JSON in place of the table
  --help        this text

The packages it compares with are installed into bench/peers on the first full run; what cannot be had is left out.`;

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    only: { type: "string" },
    out: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (options.help) console.log(HELP);
else await main();

async function main() {
  const wanted = options.only?.split(",") ?? LINES.map(({ id }) => id);
  const lines = LINES.filter(({ id }) => wanted.includes(id));
  const unknown = wanted.find((id) => lines.every((line) => line.id !== id));
  if (unknown !== undefined) throw new Error(`No line is called "${unknown}".\n${HELP}`);
  if (!options.short) installPeers();
  const machine = describeMachine();
  const groups = GROUPS.map(({ open, lines: all }) => ({
    open,
    lines: all.filter((line) => lines.includes(line)),
  })).filter((group) => group.lines.length > 0);
  const results = [];
  const absent = [];
  for (const group of groups) {
    const measured = groups.length === 1 ? await measure(group) : measureApart(group);
    results.push(...measured.lines);
    absent.push(...measured.absent);
  }
  const run = { machine, short: options.short, lines: results, absent };
  const report = writeReport(run);
  const isWhole = !options.short && options.only === undefined;
  const out = options.out ?? (isWhole ? join(import.meta.dirname, "results") : undefined);
  if (out !== undefined) writeResults(out, run, report);
  if (options.out === undefined && isWhole) await quoteResults();
  console.log(options.json ? JSON.stringify(run) : report);
}

async function measure({ open, lines }) {
  const counts = options.short ? SHORT : FULL;
  const { contenders, absent, close } = await open();
  const results = [];
  for (const line of contenders.length > 0 ? lines : []) {
    console.error(`${line.title} …`);
    results.push(finish(line, await line.measure({ contenders, counts })));
  }
  await close();
  return { lines: results, absent };
}

/** In a process of its own: what other groups left in memory and in the compiler would slow it. */
function measureApart({ lines }) {
  const asked = ["--only", lines.map(({ id }) => id).join(","), "--json"];
  if (options.short) asked.push("--short");
  const { status, stdout, error } = spawnSync(
    process.execPath,
    [...RUNTIME_ARGS, import.meta.filename, ...asked],
    {
      stdio: ["ignore", "pipe", "inherit"],
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`The lines ${asked[1]} could not be measured.`);
  return JSON.parse(stdout);
}

function writeResults(out, run, report) {
  mkdirSync(out, { recursive: true });
  const file = (extension) => join(out, `${runtimeName()}.${extension}`);
  writeFileSync(file("json"), `${JSON.stringify(run, null, 2)}\n`);
  writeFileSync(file("md"), report);
  writeFileSync(file("svg"), drawPlot(run));
}

/** The packages to compare with; a failure leaves them out, and the table says so. */
function installPeers() {
  const cwd = join(import.meta.dirname, "peers");
  if (existsSync(join(cwd, "node_modules"))) return;
  console.error("Installing what Fettle is compared with into bench/peers …");
  spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd, stdio: ["ignore", "ignore", "inherit"] });
}
