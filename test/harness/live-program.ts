// Starts a program in the runtime that runs the tests, to be watched line by line and ended by the test.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** A running program and what it has said. */
export interface Program {
  readonly child: ChildProcess;
  /** Lines of its standard output as they come. */
  readonly lines: AsyncIterator<string>;
  /** Resolves with its exit code, or the signal that ended it, and what it wrote to standard error. */
  readonly ended: Promise<{ readonly code: number | string | null; readonly stderr: string }>;
}

/** Starts a script with arguments; `shell` is put before the command, as `ulimit -f 100;` would be. */
export function startProgram(script: URL, args: readonly string[], shell?: string): Program {
  const deno = "Deno" in globalThis ? ["run", "-A"] : [];
  // A child that writes coverage would write where the test says that nothing can be written.
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const command = [process.execPath, ...deno, script.pathname, ...args];
  const child =
    shell === undefined
      ? spawn(command[0] ?? "", command.slice(1), { env, stdio: ["ignore", "pipe", "pipe"] })
      : spawn("sh", ["-c", `${shell} exec "$@"`, "sh", ...command], {
          env,
          stdio: ["ignore", "pipe", "pipe"],
        });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<{ code: number | string | null; stderr: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, stderr }));
  });
  return { child, lines: linesOf(child.stdout), ended };
}

/** Reads on whether or not anyone takes the lines: a program is only ever closed once its output was read. */
function linesOf(stream: Readable): AsyncIterator<string> {
  const lines: string[] = [];
  let wake: () => void = () => undefined;
  let ended = false;
  createInterface({ input: stream })
    .on("line", (line) => {
      lines.push(line);
      wake();
    })
    .on("close", () => {
      ended = true;
      wake();
    });
  return {
    next: async () => {
      while (lines.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      const value = lines.shift();
      return value === undefined ? { done: true, value } : { done: false, value };
    },
  };
}
