// Calls the `fettle` command in the process of the test, for what it says to its arguments alone: quicker than a process
// for each. What has to do with processes, settings and signals is shown by `runFettle`.
// Invariant: one call at a time; what is printed meanwhile is the command's.
import { main } from "#src/app/cli";
import type { Run } from "./program.ts";

let before: Promise<unknown> = Promise.resolve();

/** Runs the command; gives what a process would have said, and its exit code. */
export function callFettle(args: readonly string[]): Promise<Run> {
  const run = before.then(() => call(args));
  before = run.catch(() => undefined);
  return run;
}

async function call(args: readonly string[]): Promise<Run> {
  const said = { stdout: "", stderr: "" };
  const restore = (["stdout", "stderr"] as const).map((name) => {
    const stream = process[name];
    const write = stream.write.bind(stream);
    stream.write = (text: string | Uint8Array) => {
      said[name] += String(text);
      return true;
    };
    return () => (stream.write = write);
  });
  try {
    return { code: await main(args), ...said };
  } finally {
    for (const one of restore) one();
  }
}
