// `fettle events <id>`: what a task, or a workflow and its tasks, is doing, as its nodes tell it.
// Invariant: it only listens; it ends when what it listens for has ended, also where that was before it listened.
import { Command } from "commander";
import { z } from "zod";
import { defer } from "../../core/deferred.ts";
import { requireName } from "../../core/names.ts";
import { onInterrupt } from "../interrupt.ts";
import { loadConfig } from "../config.ts";
import { openMeshClient } from "../mesh-client.ts";
import { paint, print } from "../output.ts";
import { beginning } from "../wording.ts";

interface EventsOptions {
  readonly server?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle events prices-1              the events of the task prices-1, until it has ended
  $ fettle events report                those of the workflow "report" and of all its tasks
  $ fettle events prices-1 --json       one JSON object a line, as it is told

The mesh is that of FETTLE_MESH on --server, else NATS_URL. Events are told once and not kept: what was before is in "fettle show".`;

const toldSchema = z.looseObject({ type: z.string(), at: z.string() });
type Told = z.infer<typeof toldSchema>;

/** The command. */
export function eventsCommand(): Command {
  return new Command("events")
    .description("follow a task or a workflow of a mesh over NATS")
    .argument("<id>", "the id of the task or the workflow")
    .option("-s, --server <url>", "the NATS servers, separated by commas; default: NATS_URL")
    .option("--json", "print each event as JSON, one a line")
    .addHelpText("after", EXAMPLES)
    .action(follow);
}

async function follow(id: string, options: EventsOptions): Promise<void> {
  const { json = false } = options;
  requireName(id, "The id");
  await using client = await openMeshClient(loadConfig({ given: { NATS_URL: options.server } }));
  const { messages, subjects } = client;
  const interrupt = onInterrupt();
  const ended = defer<undefined>();
  const unsubscribe = messages.subscribe(subjects.event(id), ({ payload }) => {
    const event = read(payload);
    if (event === null) return;
    print(json ? payload : describe(event));
    if (isEnd(event, id)) ended.resolve(undefined);
  });
  try {
    const result = await client.result(id);
    if (result === null) await Promise.race([ended.promise, interrupt.happened]);
    else if (json)
      print(JSON.stringify({ v: 1, type: "finished", taskId: id, role: result.role, status: result.status }));
    else
      print(`The task "${id}" has ended before: ${result.status}. "fettle result ${id}" gives its result.`);
    if (interrupt.exitCode !== undefined) process.exitCode = interrupt.exitCode;
  } finally {
    unsubscribe();
    interrupt.release();
  }
}

function isEnd(event: Told, id: string): boolean {
  if (event.type === "workflow-finished") return event["workflowId"] === id;
  return event.type === "finished" && event["taskId"] === id;
}

function read(payload: string): Told | null {
  try {
    return toldSchema.parse(JSON.parse(payload));
  } catch {
    return null;
  }
}

/** An event in one line: when, of what, and what. */
function describe({ type, at, ...event }: Told): string {
  const { v: _v, node: _node, role, taskId, workflowId, trace: _trace, cut: _cut, ...rest } = event;
  const what = Object.entries(rest).map(([name, value]) => `${name} ${beginning(shown(value), 120)}`);
  const whose = [role, taskId ?? workflowId].filter((part) => typeof part === "string").join(" ");
  const time = new Date(at).toISOString().slice(11, 23);
  return `${paint.dim(time)}  ${paint.dim(beginning(whose, 60))}  ${paint.bold(beginning(type, 40))}  ${what.join("  ")}`.trimEnd();
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
