// Nodes as processes of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { RUNTIME_ARGS } from "../machine.mjs";

const SCRIPT = new URL("node.mjs", import.meta.url).pathname;

/** Starts a node; resolves once it serves. */
export async function startNode({ url, mesh, thinking, atOnce }) {
  const args = [url, mesh, String(thinking), String(atOnce)];
  const child = spawn(process.execPath, [...RUNTIME_ARGS, SCRIPT, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const waiting = [];
  const said = new Set();
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.add(line);
    for (const { awaited, resolve } of waiting) if (awaited === line) resolve();
  });
  const says = (awaited) =>
    said.has(awaited) ? Promise.resolve() : new Promise((resolve) => waiting.push({ awaited, resolve }));
  await says("serves");
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const stop = async () => {
    child.stdin.end("stop\n");
    await ended;
  };
  return { says, kill, stop };
}
