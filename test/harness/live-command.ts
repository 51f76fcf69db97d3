// A `fettle` command that goes on until it is told to end: what it says as it says it, and its requests.
import type { ChildProcess } from "node:child_process";
import { defer } from "#src/core/deferred";
import { runFettle, type Run, type RunOptions } from "./program.ts";

/** A command that runs. */
export interface LiveCommand extends AsyncDisposable {
  /** The line of --json, once it has said it. @throws Error with what it said where it ends before. */
  readonly told: Promise<Readonly<Record<string, unknown>>>;
  readonly ended: Promise<Run>;
  /** Resolves once it has said that on standard error. @throws Error where it ends before. */
  heard(text: string): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts it; once the test is over it runs no more. */
export async function startFettle(
  args: readonly string[],
  options: Pick<RunOptions, "cwd" | "env">,
): Promise<LiveCommand> {
  const running = defer<ChildProcess>();
  const ended = runFettle(args, { ...options, onStart: (child) => running.resolve(child) });
  const child = await running.promise;
  const said = { stdout: "", stderr: "" };
  const hearers = new Set<() => void>();
  let hasEnded = false;
  const hear = () => {
    for (const hearer of hearers) hearer();
  };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (text: string) => {
      said[name] += text;
      hear();
    });
  }
  child.once("close", () => {
    hasEnded = true;
    hear();
  });
  const until = (isSo: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const isThere = isSo();
        if (!isThere && !hasEnded) return;
        hearers.delete(look);
        if (isThere) resolve();
        else reject(new Error(`It ended after:\n${said.stdout}${said.stderr}`));
      };
      hearers.add(look);
      look();
    });
  const signal = (name: NodeJS.Signals) => {
    // Of a child's own `kill`, Deno delivers the first signal only.
    if (child.pid !== undefined && !hasEnded) process.kill(child.pid, name);
  };
  const told = until(() => said.stdout.includes("\n")).then(
    () => JSON.parse(said.stdout.split("\n", 1)[0] ?? "") as Readonly<Record<string, unknown>>,
  );
  told.catch(() => undefined);
  return {
    told,
    ended,
    heard: (text) => until(() => said.stderr.includes(text)),
    signal,
    [Symbol.asyncDispose]: async () => {
      signal("SIGKILL");
      await ended;
    },
  };
}
