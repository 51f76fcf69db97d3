// Calls the `fettle` command in the process of the test, for what it says to its arguments and settings: quicker than a
// process for each. Its wiring, signals and what happens between processes are shown by `runFettle`.
// Invariant: one call at a time; what is printed meanwhile is the command's, and afterwards the process is as it was.
import { vi } from "vitest";
import { main } from "#src/app/cli";
import type { Run, RunOptions } from "./program.ts";

let before: Promise<unknown> = Promise.resolve();

/** Runs the command; gives what a process would have said, and its exit code. */
export function callFettle(
  args: readonly string[],
  options: Partial<Pick<RunOptions, "cwd" | "env">> = {},
): Promise<Run> {
  const run = before.then(() => call(args, options.cwd ?? process.cwd(), options.env ?? {}));
  before = run.catch(() => undefined);
  return run;
}

async function call(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  const own = { cwd: process.cwd(), env: { ...process.env }, exitCode: process.exitCode };
  process.exitCode = undefined;
  process.chdir(cwd);
  setEnv({ PATH: own.env["PATH"] ?? "", HOME: cwd, NO_COLOR: "1", ...env });
  try {
    return { code: await main(args), ...said };
  } finally {
    setEnv(own.env);
    process.chdir(own.cwd);
    process.exitCode = own.exitCode;
    for (const spy of spies) spy.mockRestore();
  }
}

function setEnv(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
}
