// A task's result as a command's output, and what it means for the exit code.
import type { TaskResult } from "../core/task.ts";
import { storeUrl } from "./blobs.ts";
import type { Config } from "./config.ts";
import { colours, print, printJson } from "./output.ts";
import { reportResult } from "./report.ts";

/** Prints a result, for people or as JSON; the command fails where the task did. */
export function showResult(
  result: TaskResult,
  { json, config }: { readonly json: boolean; readonly config: Config },
): void {
  const { logDirectory } = config;
  if (json) printJson(result);
  else print(reportResult(result, { colour: colours, logDirectory, store: storeUrl(config) }));
  if (result.status !== "success") process.exitCode = 1;
}
