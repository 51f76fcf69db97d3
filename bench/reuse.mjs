// What `reuse: "exact"` saves: the examples are run as they are, again and again, and what their models are asked and
// answer is counted. Five successes make code golden; from the sixth run on it can answer without a model.
// Invariant: the count is the same on every machine: answers are played back, and tokens are counted by a rule.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { FunctionRegistry } from "../dist/src/index.js";
import { createSandbox } from "../dist/src/sandbox/sandbox.js";
import { measurement } from "./reuse/fettle.mjs";

/** All but those whose tasks wait for a person or are meant to fail. */
const EXAMPLES = [
  "calculator",
  "repair",
  "tools-and-context",
  "custom-agent",
  "research-write",
  "review-merge",
  "financial-pipeline",
];
const RUNS = 6;
const ROOT = join(import.meta.dirname, "..");

measurement.sandbox = createSandbox();
const say = console.log;
console.log = () => undefined;
const folder = join(ROOT, `dist/reuse-${process.pid}`);
try {
  await mkdir(folder, { recursive: true });
  for (const name of EXAMPLES) await bundle(name);
  for (measurement.run = 1; measurement.run <= RUNS; measurement.run += 1) {
    for (const name of EXAMPLES) {
      await import(`${pathToFileURL(join(folder, `${name}.mjs`)).href}?run=${measurement.run}`);
    }
  }
} finally {
  console.log = say;
  await measurement.sandbox.close();
  await rm(folder, { recursive: true, force: true });
}
report();

/** An example as one file that can be imported again and again, with its own folder's answers and data. */
async function bundle(name) {
  const main = join(ROOT, "examples", name, "main.ts");
  const shim = join(ROOT, "bench/reuse/fettle.mjs");
  await build({
    entryPoints: [main],
    outfile: join(folder, `${name}.mjs`),
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    alias: { fettle: shim },
    external: [shim, "zod"],
    define: { "import.meta.url": JSON.stringify(pathToFileURL(main).href) },
    logLevel: "error",
  });
}

async function report() {
  const registry = new FunctionRegistry(measurement.fabric.keyValue);
  const entries = await registry.list();
  const tasks = [...new Set(measurement.asked.map(({ task }) => task))];
  const rows = tasks.map((task) => {
    const inRun = (run) => measurement.asked.filter((one) => one.task === task && one.run === run);
    const tokens = (run) => inRun(run).reduce((sum, one) => sum + one.tokens, 0);
    const versions = entries.find((entry) => entry.task === task)?.versions ?? [];
    const taint = versions.find(({ stage }) => stage === "golden")?.taint;
    const asked = taint === undefined ? "asked: prose, there is no code" : `asked: its code holds ${taint}`;
    const why = inRun(RUNS).length === 0 ? "reused" : asked;
    return { task, first: tokens(1), repeat: tokens(RUNS), why };
  });
  const total = (run) => rows.reduce((sum, row) => sum + row[run], 0);
  const [first, repeat] = [total("first"), total("repeat")];
  const saved = Math.round((1 - repeat / first) * 1000) / 10;
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ rows, first, repeat, savedPercent: saved }));
    return;
  }
  console.log(`| task | tokens, run 1 | tokens, run ${RUNS} | |\n| --- | ---: | ---: | --- |`);
  for (const row of rows) console.log(`| ${row.task} | ${row.first} | ${row.repeat} | ${row.why} |`);
  console.log(`| together | ${first} | ${repeat} | ${saved} % saved |`);
}
