// Runs programs as child processes on the runtime that runs the tests, in a folder and an environment of their own.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What a program did. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The folder of the project, ending in `/`. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

const isDeno = "Deno" in globalThis;

/**
 * Runs a JavaScript file to its end. The environment holds PATH, HOME and what is given: no keys of the machine's.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
): Promise<Run> {
  const { cwd, env = {}, signal } = options;
  // Deno looks for its settings from the folder of the file; it is told here, for files outside of the project.
  const runtime = isDeno ? ["run", "--allow-all", "--config", `${projectRoot}deno.json`] : [];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...runtime, file, ...args], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: cwd, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      ...(signal === undefined ? {} : { signal }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs the `fettle` command. */
export function runFettle(
  args: readonly string[],
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  },
): Promise<Run> {
  return runProgram(`${projectRoot}bin/fettle.js`, args, options);
}
