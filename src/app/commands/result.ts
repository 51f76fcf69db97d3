// `fettle result <taskId>`: what came of a task, from the mesh's key-value.
// Invariant: it only reads; a task that has not ended has no result, and that is said.
import { Command } from "commander";
import { TaskError, UnknownError } from "../../core/errors.ts";
import { requireName } from "../../core/names.ts";
import { onInterrupt } from "../interrupt.ts";
import { loadConfig } from "../config.ts";
import { openMeshClient, type MeshClient } from "../mesh-client.ts";
import { showResult } from "../result-output.ts";

interface ResultOptions {
  readonly server?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle result prices-1              what came of the task prices-1
  $ fettle result prices-1 --wait       the same, once it has ended
  $ fettle result prices-1 --json

The mesh is that of FETTLE_MESH on --server, else NATS_URL. Exits with 0 where the task succeeded, with 1 where it did not, or has no
result yet.`;

/** The command. */
export function resultCommand(): Command {
  return new Command("result")
    .description("print the result of a task of a mesh over NATS")
    .argument("<taskId>", "the task's id")
    .option("--wait", "wait until the task has ended")
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option("--json", "print the result as JSON")
    .addHelpText("after", EXAMPLES)
    .action(result);
}

async function result(taskId: string, options: ResultOptions): Promise<void> {
  const { wait = false, json = false } = options;
  requireName(taskId, "The task's id");
  await using client = await openMeshClient(loadConfig({ given: { NATS_URL: options.server } }));
  const found = await client.result(taskId);
  if (found !== null) {
    showResult(found, { json, config: client.config });
    return;
  }
  if (!wait) throw await noResult(client, taskId);
  const interrupt = onInterrupt();
  try {
    showResult(await client.awaitResult(taskId, interrupt.signal), { json, config: client.config });
  } catch (thrown) {
    if (interrupt.exitCode === undefined) throw thrown;
    process.exitCode = interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

async function noResult({ tasks, name }: MeshClient, taskId: string): Promise<Error> {
  const known = await tasks.find(taskId);
  if (known === null) {
    return new UnknownError(
      "TASK_UNKNOWN",
      `There is no result of a task "${taskId}" in the mesh "${name}", and nobody has taken up a task of that id. ` +
        "One that was just submitted waits in its queue; --wait waits for its result.",
    );
  }
  return new TaskError(
    `The task "${taskId}" has no result yet: it is ${known.status}. --wait waits for it, "fettle events ${taskId}" follows it.`,
    { retryable: true },
  );
}
