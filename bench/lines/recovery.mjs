// Unfinished tasks after a SIGKILL: a real process takes them in and is killed, another starts on the same folder. From
// its start until every task's model was asked again, and until every task has ended.
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { inFolder } from "../durable/disk.mjs";
import { RUNTIME_ARGS } from "../machine.mjs";

const SCRIPT = new URL("../durable/recovery.mjs", import.meta.url).pathname;

/** Each row: the runtime, the shape, and what it needs of its caller. */
const ROWS = [
  ["fettle", "flight", "Fettle", "by itself, at start(); waiting for the model when killed"],
  ["fettle", "queued", "Fettle, waiting in the queue when killed", "by itself, at start(), 64 at once"],
  [
    "langgraph",
    "flight",
    "LangGraph.js, SQLite",
    "each invoked by a caller that knows it; waiting for the model when killed",
  ],
];

export const recovery = {
  id: "recovery",
  title: "Recovery of unfinished tasks after SIGKILL",
  unit: "s until all are resumed",
  better: "less",
  headline: "resumedS",
  aims: [
    { column: "resumedS", below: 10 },
    { column: "lost", below: 1 },
  ],
  async measure({ contenders, counts }) {
    const isThere = contenders.some(({ name }) => name.startsWith("LangGraph"));
    const rows = [];
    for (const [runtime, shape, name, apart] of ROWS) {
      if (runtime === "langgraph" && !isThere) continue;
      rows.push({
        name,
        apart,
        ...(await inFolder((directory) => recover(runtime, shape, directory, counts.unfinished))),
      });
    }
    return rows;
  },
};

async function recover(runtime, shape, directory, tasks) {
  const args = [shape, directory, String(tasks)];
  const first = start(runtime, "begin", ...args);
  await first.said;
  first.child.kill("SIGKILL");
  await first.ended;
  const second = start(runtime, "resume", ...args);
  const { resumedMs, endedMs, lost, asked, rssMb } = await second.said;
  await second.ended;
  return { resumedS: resumedMs / 1000, endedS: endedMs / 1000, lost, asked, rssMb, tasks };
}

function start(...args) {
  const child = spawn(process.execPath, [...RUNTIME_ARGS, SCRIPT, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  const lines = createInterface({ input: child.stdout });
  const said = new Promise((resolve, reject) => {
    lines.once("line", (line) => resolve(JSON.parse(line)));
    ended.then((code) => reject(new Error(`${args.join(" ")} ended with ${code} and said nothing.`)));
  });
  return { child, said, ended };
}
