// Runs programs as child processes on the runtime that runs the tests, in a folder and an environment of their own.
import { spawn, type ChildProcess } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program did. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and how a program runs. */
export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Given the process as soon as it runs, to watch or to interrupt it. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** The folder of the project, ending in `/`. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

const isDeno = "Deno" in globalThis;

/**
 * What goes before a program's file on the runtime that runs the tests. Deno looks for its settings from the folder of the
 * file; it is told here, for files outside of the project.
 */
export const RUNTIME_ARGS: readonly string[] = isDeno
  ? ["run", "--allow-all", "--config", `${projectRoot}deno.json`]
  : [];

/** Deno's own cache stays where it is: in a HOME of the test's it would be a trace that the program did not leave. */
const caches: Readonly<Record<string, string>> = isDeno
  ? { DENO_DIR: process.env["DENO_DIR"] ?? join(homedir(), ".cache/deno") }
  : {};

/**
 * Runs a JavaScript file to its end. The environment holds PATH, HOME and what is given: no keys of the machine's.
 */
export function runProgram(file: string, args: readonly string[], options: RunOptions): Promise<Run> {
  const { cwd, env = {}, signal, onStart } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...RUNTIME_ARGS, file, ...args], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: cwd, NO_COLOR: "1", ...caches, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    onStart?.(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs the `fettle` command. */
export function runFettle(args: readonly string[], options: RunOptions): Promise<Run> {
  return runProgram(`${projectRoot}bin/fettle.js`, args, options);
}
