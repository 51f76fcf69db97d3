// Puts the newest figures into the tables of docs/benchmarks.md, so that the page never says anything else.
// Invariant: only the tables under the three headings below are touched; a runtime without results has dashes.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { figure } from "./report.mjs";

const PAGE = new URL("../docs/benchmarks.md", import.meta.url);
const RUNTIMES = { "Node 20": "node-20", "Node 26": "node-26", Deno: "deno-2" };

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

/** Rewrites the page's tables from the results that are stored; formats the page where prettier is installed. */
export async function quoteResults() {
  const results = Object.values(RUNTIMES).map(readResults);
  const [first] = results;
  const rowsOf = (id) => first?.lines.find((line) => line.id === id)?.rows ?? [];
  const names = [...new Set(COMPARED.flatMap((id) => rowsOf(id).map(({ name }) => name)))].slice(1);
  const tables = {
    "What it shows": [
      ["", "aim", ...Object.keys(RUNTIMES), ""],
      ["---", "---:", ...results.map(() => "---:"), "---"],
      ...OWN.map(([key, aim, unit]) => {
        const [, id, column, row] = /^(\S+) (\S+)(?: of (.*))?$/.exec(key);
        return [`\`${key}\``, aim, ...results.map((run) => cell(run, id, column, row)), unit];
      }),
    ],
    "Beside others": [
      ["", ...COMPARED.map((id) => `\`${id}\``)],
      ["---", ...COMPARED.map(() => "---:")],
      ...names.map((name) => [`\`${name}\``, ...COMPARED.map((id) => cell(first, id, "timesFettle", name))]),
    ],
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
