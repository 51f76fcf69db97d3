// `fettle submit <role> <task>`: puts a task into a role's queue, for whichever node of the mesh is free.
// Invariant: once it says so, the task is kept by the servers and will be done; the same id is never done twice.
import { Command } from "commander";
import { TaskError, UnknownError } from "../../core/errors.ts";
import { requireName } from "../../core/names.ts";
import { HEADER, readRequestHeaders } from "../../core/request-headers.ts";
import { onInterrupt } from "../interrupt.ts";
import { loadConfig } from "../config.ts";
import { openMeshClient, type MeshClient } from "../mesh-client.ts";
import { print, printJson } from "../output.ts";
import { showResult } from "../result-output.ts";
import { nearestName } from "../spelling.ts";
import { readContext } from "../task-context.ts";

interface SubmitOptions {
  readonly server?: string;
  readonly id?: string;
  readonly context?: string;
  readonly deadline?: string;
  readonly trace?: string;
  readonly wait?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle submit coder "Calculate the factorial of 10"
  $ fettle submit coder "What is the median price?" --id prices-1 --context @articles.json
  $ fettle submit coder "Name three primes" --wait --json
  $ fettle submit coder "Sum up today" --deadline 2026-01-31T18:00:00Z --trace "$TRACEPARENT"

The mesh is that of FETTLE_MESH on --server, else NATS_URL. The task waits in the servers until a node with the role takes it; the same
--id again does not do it again. At its --deadline it is cancelled, and not begun any more. "fettle result <id>" and "fettle events <id>" tell what becomes of it.

Exits with 0 where the task was submitted; with --wait as the task ends, 130 where Ctrl-C ended the wait (not the task).`;

/** The command. */
export function submitCommand(): Command {
  return new Command("submit")
    .description("submit a task to a mesh over NATS, to be done by one of its nodes")
    .argument("<role>", "the agent that is to do it")
    .argument("<task>", "what to do, in plain language")
    .option("--id <taskId>", "what the task is called; made where absent")
    .option("--context <json>", "the task's context: a JSON object, or @file.json")
    .option(
      "--deadline <time>",
      "when nobody needs the result any more: ISO 8601, or +<milliseconds> from now",
    )
    .option("--trace <traceparent>", "the trace that it belongs to, as W3C Trace Context writes it")
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option("--wait", "wait for the result, and print it")
    .option("--json", "print what became of it as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(submit);
}

async function submit(role: string, task: string, options: SubmitOptions): Promise<void> {
  const { id = crypto.randomUUID(), wait = false, json = false } = options;
  requireName(role, "The role");
  requireName(id, "--id");
  const context = readContext(options.context);
  const headers = headersOf(options);
  await using client = await openMeshClient(loadConfig({ given: { NATS_URL: options.server } }));
  await requireRole(client, role);
  const { queue, subjects, name } = client;
  const message = JSON.stringify({
    v: 1,
    id,
    task,
    ...(Object.keys(context).length === 0 ? {} : { context }),
  });
  const { duplicate } = await queue.publish(subjects.tasks(role), message, { id, headers });
  if (!wait) {
    if (json) printJson({ mesh: name, role, taskId: id, duplicate });
    else print(duplicate ? `"${id}" was submitted before: nothing was done now` : `submitted ${id}`);
    return;
  }
  const interrupt = onInterrupt();
  try {
    if (!json) process.stderr.write(`fettle: submitted ${id}: waits for its result\n`);
    const result = await client.awaitResult(id, interrupt.signal);
    showResult(result, { json, config: client.config });
  } catch (thrown) {
    if (interrupt.exitCode === undefined) throw thrown;
    process.stderr.write(`fettle: the task goes on; "fettle result ${id}" gives its result\n`);
    process.exitCode = interrupt.exitCode;
  } finally {
    interrupt.release();
  }
}

/** How it is to be done, as the headers of its message say it. @throws TaskError */
function headersOf({ deadline, trace }: SubmitOptions): Readonly<Record<string, string>> {
  const headers = {
    ...(deadline === undefined ? {} : { [HEADER.deadline]: deadline }),
    ...(trace === undefined ? {} : { [HEADER.trace]: trace }),
  };
  const lower = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const terms = readRequestHeaders(lower, Date.now());
  if (trace !== undefined && terms.trace === undefined) {
    throw new TaskError(
      `--trace is ${JSON.stringify(trace)}: it must be a traceparent, such as ` +
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.",
    );
  }
  return headers;
}

/** A role that no node ever had is most likely misspelt: its tasks would wait for ever. @throws UnknownError */
async function requireRole({ roles, name }: MeshClient, role: string): Promise<void> {
  if ((await roles.find(role)) !== null) return;
  const known = await roles.roles();
  const nearest = nearestName(role, known);
  const hint =
    known.length === 0
      ? "No node of that mesh has run on these servers yet: start one first."
      : nearest !== null && nearest.distance <= Math.max(2, role.length / 3)
        ? `Did you mean ${nearest.name}?`
        : `There are: ${known.join(", ")}.`;
  throw new UnknownError(
    "AGENT_UNKNOWN",
    `No agent with the role "${role}" was ever in the mesh "${name}". ${hint}`,
  );
}
