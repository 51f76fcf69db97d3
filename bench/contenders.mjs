// The ways to run a piece of code that are measured side by side: Fettle, what the runtime itself offers, and the
// packages in peers/. Each gives the value of `1 + 1` in an environment made for that run alone.
// Invariant: what cannot be had here is named with its reason and left out; nothing else fails because of it.
import { execFile } from "node:child_process";
import os from "node:os";
import process from "node:process";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { createSandbox } from "fettle/sandbox";
import { createGuestCaller } from "./guest-calls.mjs";

const execute = promisify(execFile);
const DENO = "Deno" in globalThis;

/**
 * Each contender: its name, what keeps its guests apart, whether it is slow enough to be sampled less, whether it
 * works in other processes, and how it is opened.
 */
const CONTENDERS = [
  {
    name: "Fettle",
    apart: "fresh engine instance, in warm threads",
    open: () => openFettle({}),
  },
  {
    name: "Fettle, isolation: process",
    apart: "fresh engine instance, in warm processes",
    elsewhere: true,
    open: () => openFettle({ isolation: "process" }),
  },
  {
    name: "node:vm",
    apart: "nothing: no security boundary",
    open: openVm,
  },
  {
    name: "worker thread per run",
    apart: "a heap of its own; the host's rights",
    slow: true,
    open: async () => ({ run: runThread, close: async () => undefined }),
  },
  {
    name: "process per run",
    apart: "a process; the host's rights",
    slow: true,
    elsewhere: true,
    open: async () => ({ run: runProcess, close: async () => undefined }),
  },
  { name: "isolated-vm", apart: "fresh V8 isolate, a native add-on", open: peer("isolated-vm") },
  { name: "@sebastianwessel/quickjs", apart: "fresh context, on the host's thread", open: peer("quickjs") },
  { name: "run", apart: "fresh context, in a worker", open: peer("run") },
];

/** Opens all contenders that are to be had; the others are given with the reason. */
export async function openContenders() {
  const contenders = [];
  const absent = [];
  for (const { open, ...described } of CONTENDERS) {
    try {
      const contender = { slow: false, elsewhere: false, ...described, ...(await open()) };
      const value = await contender.run();
      if (value !== 2) throw new Error(`1 + 1 gave ${String(value)}`);
      contenders.push(contender);
    } catch (error) {
      absent.push({ name: described.name, absent: reasonOf(error) });
    }
  }
  return { contenders, absent, close: () => Promise.all(contenders.map(({ close }) => close())) };
}

/** A warm thread that only sends back what it gets: what any sandbox in another thread pays at the least. */
export async function openEcho() {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
     parentPort.on("message", (message) => parentPort.postMessage(message));`,
    { eval: true },
  );
  let answer = () => undefined;
  worker.on("message", () => answer());
  const run = () =>
    new Promise((resolve) => {
      answer = resolve;
      worker.postMessage({ type: "run", code: "result = 1 + 1" });
    });
  await run();
  const name = "(a message to a warm thread and back)";
  return { name, apart: "not a sandbox: the floor", slow: false, run, close: () => worker.terminate() };
}

async function openFettle(options) {
  const sandbox = createSandbox(options);
  return {
    run: async () => (await sandbox.execute("result = 1 + 1")).value,
    callTool: createGuestCaller(sandbox),
    close: () => sandbox.close(),
  };
}

async function openVm() {
  const vm = await import("node:vm");
  return {
    run: async () => vm.runInNewContext("1 + 1"),
    callTool: async (count) => {
      const moments = [];
      const noop = async () => void moments.push(performance.now());
      await vm.runInNewContext(`(async () => { for (let i = 0; i < ${count}; i += 1) await noop({}); })()`, {
        noop,
      });
      return moments;
    },
    close: async () => undefined,
  };
}

/** The value is timed, the end of the thread is not. */
function runThread() {
  const worker = new Worker(`require("node:worker_threads").parentPort.postMessage(1 + 1)`, { eval: true });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

async function runProcess() {
  const args = DENO ? ["eval", "--print", "1 + 1"] : ["--print", "1 + 1"];
  const { stdout } = await execute(process.execPath, args);
  return Number(stdout);
}

function peer(name) {
  return async () => {
    const { open } = await import(new URL(`peers/${name}.mjs`, import.meta.url).href);
    return open({ cores: os.availableParallelism() });
  };
}

/** Why a contender is not there, for the table. */
export function reasonOf({ code, message }) {
  const missing = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"];
  if (missing.includes(code)) return "not installed, or not built for this runtime";
  return String(message).split("\n")[0].slice(0, 120);
}
