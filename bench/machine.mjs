// What the figures were measured on, since without it they say nothing.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import process from "node:process";

const ROOT = new URL("../", import.meta.url);

/** What goes before the file of a process that is measured by itself, on the runtime of this one. */
export const RUNTIME_ARGS = "Deno" in globalThis ? ["run", "--allow-all", "--unstable-worker-options"] : [];

/** The machine, the runtime and the code under test. */
export function describeMachine() {
  const [cpu] = os.cpus();
  return {
    date: new Date().toISOString(),
    cpu: cpu?.model.trim() ?? "unknown",
    cores: os.availableParallelism(),
    memoryGiB: Number((os.totalmem() / 2 ** 30).toFixed(1)),
    os: `${os.type()} ${os.release()} ${os.arch()}`,
    runtime: runtime(),
    v8: process.versions.v8,
    fettle: JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")).version,
    commit: commit(),
    /** Processes that wanted a core in the last minute, when the run began: above `cores`, figures are too high. */
    load: Number(os.loadavg()[0].toFixed(2)),
  };
}

/** The runtime's name and major version, as result files are named: `node-20`. */
export function runtimeName() {
  const [name, version] = runtime().split(" ");
  return `${name.toLowerCase()}-${version.split(".")[0]}`;
}

function runtime() {
  const { Deno: deno } = globalThis;
  return deno === undefined ? `Node ${process.versions.node}` : `Deno ${deno.version.deno}`;
}

/** The last commit that changed the code under test, and whether it was changed since; null outside a clone. */
function commit() {
  const folders = ["src", "actors", "machines", "scripts"];
  const git = (...args) =>
    execFileSync("git", [...args, "--", ...folders], { cwd: ROOT, encoding: "utf8", stdio: "pipe" }).trim();
  try {
    return git("log", "-1", "--format=%h") + (git("status", "--porcelain") === "" ? "" : ", with changes");
  } catch {
    return null;
  }
}
