// Puts the newest figures into the tables of docs/benchmarks.md, so that the page never says anything else.
// Invariant: only the tables under the headings below are touched; a runtime without results has dashes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { figure } from "./report.mjs";

const PAGE = new URL("../docs/benchmarks.md", import.meta.url);
const RUNTIMES = { "Node 20": "node-20", "Node 26": "node-26", Deno: "deno-2" };

const QUEUED = "Fettle, waiting in the queue when killed";

/** Rows of Fettle's own figures: the line and column (and row, where it is not the first), the aim, the unit. */
const OWN = [
  ["warm-run p50", "< 0.5", "ms"],
  ["warm-run p99", "< 10", "ms"],
  ["throughput median", "≥ 500", "runs/s"],
  ["throughput cpuMs", "", "ms of processor a run"],
  ["waiting mbEach", "< 1", "MB each"],
  ["waiting lost", "0", "guests of 1,000"],
  ["tool-call p50", "< 0.1", "ms"],
  ["task p50", "< 3", "ms, in memory"],
  ["task p50 of Fettle, embedded", "", "ms, synced to disk"],
];
const COMPARED = ["warm-run", "throughput", "tool-call"];
/** Rows of durable work. */
const DURABLE = [
  ["durable-task p50", "< 5", "ms, one after the other"],
  ["durable-task p99", "", "ms"],
  ["durable-task commits", "", "commits of the state file a task"],
  ["durable-task syncs", "", "syncs of other files a task"],
  ["durable-repair p50", "", "ms, mended once"],
  ["durable-throughput perSecond", "≥ 300", "tasks/s, 64 at once"],
  ["durable-throughput cpuMs", "", "ms of processor a task"],
  ["durable-bytes journalKb of Fettle, plain", "", "KB of journal"],
  ["durable-bytes journalKb of Fettle, repair", "", "KB of journal"],
  ["durable-bytes journalKb of Fettle, tools", "", "KB of journal"],
  ["durable-bytes kbEach of Fettle, plain", "", "KB on disk"],
  ["durable-bytes kbEach of LangGraph.js, SQLite, plain", "", "KB on disk"],
  ["recovery resumedS", "< 10", "s until 10,000 in flight are resumed"],
  ["recovery endedS", "", "s until these have ended"],
  [`recovery resumedS of ${QUEUED}`, "< 10", "s until 10,000 of the queue are resumed"],
  ["recovery rssMb", "", "MB at most, 10,000 in flight"],
  ["recovery lost", "0", "tasks of 10,000"],
];
/** Rows of the HTTP service. */
const HTTP = [
  ["http-task p50", "", "ms, 64 connections"],
  ["http-task p99", "", "ms"],
  ["http-task p50 of Fettle, called directly", "", "ms, 64 at once"],
  ["http-task p99 of Fettle, called directly", "", "ms"],
  ["http-task perSecond", "", "tasks/s"],
  ["http-task perSecond of Fettle, called directly", "", "tasks/s"],
  ["http-task lost", "0", "of 3,000 requests"],
  ["http-held held", "", "requests held at once"],
  ["http-held lost", "0", "of them"],
  ["http-held startMs", "", "ms until all their tasks run"],
  ["http-held p99", "", "ms from the results until it is answered"],
  ["http-held p99 of Fettle, called directly", "", "ms"],
  ["http-held answerMs", "", "ms from the results until all are answered"],
  ["http-held answerMs of Fettle, called directly", "", "ms"],
];
/** Rows of work over NATS. */
const NETWORK = [
  ["nats-ask p50", "", "ms"],
  ["nats-ask overRaw", "≤ 1.3", "× the raw client's request"],
  ["nats-mailbox perSecond", "", "messages/s"],
  ["nats-mailbox overRaw", "≥ 0.7", "× raw publish and subscribe"],
  ["nats-durable-mailbox perSecond", "", "messages/s"],
  ["nats-durable-mailbox overRaw", "≥ 0.7", "× raw JetStream publish and consume"],
  ["nats-task p50", "", "ms, over NATS"],
  ["nats-task timesFettle of Fettle, embedded", "", "× that of the embedded fabric"],
  ["nats-takeover p50S", "", "s from the kill to the result"],
  ["nats-takeover p99S", "< 15", "s"],
  ["nats-nodes perSecond of 1 node", "", "tasks/s, at most 8"],
  ["nats-nodes perSecond of 2 nodes", "", "tasks/s, at most 16"],
  ["nats-nodes perSecond of 4 nodes", "", "tasks/s, at most 32"],
];
const BESIDE_LANGGRAPH = ["durable-task", "durable-repair", "durable-throughput", "recovery"];

/** Rewrites the page's tables from the results that are stored; formats the page where prettier is installed. */
export async function quoteResults() {
  const results = Object.values(RUNTIMES).map(readResults);
  const [first] = results;
  const rowsOf = (id) => first?.lines.find((line) => line.id === id)?.rows ?? [];
  const tables = {
    "What it shows": figuresOf(results, OWN),
    "Durable work": figuresOf(results, DURABLE),
    "Over HTTP": figuresOf(results, HTTP),
    "Over NATS": figuresOf(results, NETWORK),
    "Beside LangGraph.js": comparisonOf(first, BESIDE_LANGGRAPH),
    "Beside others": comparisonOf(first, COMPARED),
    "What polling costs": [
      ["", ...Object.keys(RUNTIMES)],
      ["---", ...results.map(() => "---:")],
      ...rowsOf("polling").map(({ name }) => [
        `\`${name}\``,
        ...results.map((run) => cell(run, "polling", "ratio", name)),
      ]),
    ],
  };
  let page = readFileSync(PAGE, "utf8");
  for (const [heading, rows] of Object.entries(tables)) page = replaceTable(page, heading, rows);
  const { format } = await import("prettier");
  writeFileSync(PAGE, await format(page, { parser: "markdown", printWidth: 110 }));
}

/** Fettle's own figures on each runtime: the line and column (and row), the aim, the unit. */
function figuresOf(results, rows) {
  return [
    ["", "aim", ...Object.keys(RUNTIMES), ""],
    ["---", "---:", ...results.map(() => "---:"), "---"],
    ...rows.map(([key, aim, unit]) => {
      const [, id, column, row] = /^(\S+) (\S+)(?: of (.*))?$/.exec(key);
      return [`\`${key}\``, aim, ...results.map((run) => cell(run, id, column, row)), unit];
    }),
  ];
}

/** How many times Fettle's figure each of the others has. */
function comparisonOf(run, ids) {
  const rows = ids.flatMap((id) => run?.lines.find((line) => line.id === id)?.rows ?? []);
  const names = [...new Set(rows.map(({ name }) => name))].filter((name) => name !== rows[0]?.name);
  return [
    ["", ...ids.map((id) => `\`${id}\``)],
    ["---", ...ids.map(() => "---:")],
    ...names.map((name) => [`\`${name}\``, ...ids.map((id) => cell(run, id, "timesFettle", name))]),
  ];
}

function readResults(name) {
  const file = new URL(`results/${name}.json`, import.meta.url);
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

function cell(run, id, column, name) {
  const rows = run?.lines.find((line) => line.id === id)?.rows ?? [];
  const value = rows.find((row) => name === undefined || row.name === name)?.[column];
  return figure(value ?? null);
}

/** The page with the one table of a section put anew. */
function replaceTable(page, heading, rows) {
  const start = page.indexOf(`\n## ${heading}\n`);
  const from = page.indexOf("\n|", start);
  if (start < 0 || from < 0) throw new Error(`docs/benchmarks.md has no table under "${heading}".`);
  const length = /^(?:\|.*\n)+/.exec(page.slice(from + 1))[0].length;
  const table = rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
  return page.slice(0, from + 1) + table + page.slice(from + 1 + length);
}
