// `fettle show <taskId>`: a task's journal as a timeline.
// Invariant: it reads alone, and works while a mesh runs on the same data.
import { Command } from "commander";
import type { JournalEntry } from "../../core/journal.ts";
import { paint, print, printJson } from "../output.ts";
import { openStoredMesh, readTask } from "../stored-mesh.ts";
import { isGone } from "../node-name.ts";
import { summarize, type TaskSummary } from "../../task-list.ts";
import { timeline, type TimelineEvent } from "../timeline.ts";
import { duration, goesOn, moment } from "../wording.ts";

interface ShowOptions {
  readonly full?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ fettle show t1            what happened to the task t1, and when
  $ fettle show t1 --full     with all of the code, the inputs and the outputs
  $ fettle show t1 --json     the journal as { "task": …, "entries": [{ "at", "type", … }] }

"fettle tasks" lists the ids. Times count from the task's acceptance. "fettle replay t1" does the task again from its
journal alone and compares.`;

/** The command. */
export function showCommand(): Command {
  return new Command("show")
    .description("show a task's journal as a timeline")
    .argument("<taskId>", "the task's id")
    .option("--full", "cut no value, however long")
    .option("--json", "print the journal as one JSON document")
    .addHelpText("after", EXAMPLES)
    .action(show);
}

async function show(taskId: string, options: ShowOptions): Promise<void> {
  await using stored = await openStoredMesh();
  const entries = await readTask(stored, taskId);
  const task = summarize(entries, isGone);
  if (options.json === true) {
    printJson({ task, entries });
    return;
  }
  print(describe(task, entries, options.full === true));
}

function describe(task: TaskSummary, entries: readonly JournalEntry[], full: boolean): string {
  const events = timeline(entries, { full });
  const times = events.map(({ after }) => `+${duration(after)}`);
  const width = Math.max(0, ...times.map((time) => time.length));
  const lines = events.map((event, at) => lineOf(event, (times[at] ?? "").padStart(width)));
  const head = `${paint.bold(task.taskId)}  ${task.role}  ${task.status}  ${paint.dim(moment(task.acceptedAt))}`;
  return [head, ...lines, ...ending(task)].join("\n");
}

function lineOf({ text, details, good, type }: TimelineEvent, time: string): string {
  const tint = good === null ? (type === "state" ? paint.dim : String) : good ? paint.green : paint.red;
  const indent = " ".repeat(time.length + 4);
  const below = details.map((detail) => `\n${detail.replace(/^(?=.)/gm, indent)}`);
  return `${paint.dim(time)}  ${tint(text)}${below.join("")}`;
}

/** What comes next for a task that has not ended. */
function ending(task: TaskSummary): readonly string[] {
  const next = task.interrupted ? `; after that, ${goesOn(task)}` : "";
  if (task.status === "awaiting-approval") {
    return [paint.yellow(`Waits for a person: fettle approvals approve ${task.approvalId ?? ""}${next}`)];
  }
  if (task.interrupted) return [paint.yellow(`Interrupted: ${goesOn(task)}.`)];
  if (task.status === "waiting") {
    const by = task.queue === null ? "" : `: ${goesOn(task)}`;
    return [paint.yellow(`Waits to be taken up${by}.`)];
  }
  return task.status === "running" ? [paint.cyan("Runs.")] : [];
}
