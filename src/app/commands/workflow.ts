// `fettle workflow <file>`: runs a workflow from a module, JSON or YAML, or goes on with one that was broken off.
// Invariant: an interrupt cancels the workflow and still gives what was done; only results go to standard output; no other
// workflow or task is taken up, because the mesh has a task queue of the workflow's name.
import { inspect } from "node:util";
import { Command } from "commander";
import { planWorkflow, type WorkflowStep } from "../../core/dag.ts";
import { WorkflowError } from "../../core/errors.ts";
import { requireName } from "../../core/names.ts";
import type { WorkflowResult } from "../../core/workflow-result.ts";
import { loadConfig } from "../config.ts";
import { onInterrupt } from "../interrupt.ts";
import { Mesh } from "../mesh.ts";
import { colours, paint, print, printable, printJson } from "../output.ts";
import { readContext } from "../task-context.ts";
import { loadWorkflow, newRunId } from "../workflow-file.ts";
import { WorkflowProgress } from "../workflow-progress.ts";
import { WorkflowView } from "../workflow-view.ts";

interface WorkflowCommandOptions {
  readonly id?: string;
  readonly context?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const HELP = `
A file says which agent does what, and what comes before it:

  # report.yaml
  id: report
  agents: ./agents.ts            # exports agents made by defineAgent()
  steps:
    - id: fetch
      agent: researcher
      task: Find the prices of context.articles.
      retries: 2
    - id: describe
      agent: writer
      task: Describe context.item in one sentence.
      forEach: { step: fetch, path: articles }
      concurrency: 4
    - id: alarm
      agent: writer
      task: Write a warning about the prices.
      when: { step: fetch, path: total, greaterThan: 1000 }

or, as a program:  export const workflow = defineWorkflow({ id, steps: [{ agent, task }, …] });

Examples:
  $ fettle workflow report.yaml --context @articles.json
  $ fettle workflow report.ts --id report-2026-11
  $ fettle workflow report.yaml --json --quiet

The same --id again goes on where it was: what is done is taken from the record and not paid twice. Without an id, in
the file or here, each run gets one of its own.

Exits with 0 where each step succeeded or was skipped, 1 where one failed, 130 where Ctrl-C cancelled the workflow.`;

/** The command. */
export function workflowCommand(): Command {
  return new Command("workflow")
    .description("run a workflow from a file, or go on with one that was broken off")
    .argument("<file>", "JavaScript or TypeScript that exports a workflow, or JSON or YAML with its steps")
    .option("--id <id>", "what the run is called; default: the file's, else a new one")
    .option("--context <json>", "what every step finds in its context: a JSON object, or @file.json")
    .option("--json", "print the result as JSON")
    .option("--quiet", "show no progress")
    .addHelpText("after", HELP)
    .action(workflow);
}

async function workflow(file: string, options: WorkflowCommandOptions): Promise<void> {
  const given = readContext(options.context);
  const loaded = await loadWorkflow(file);
  const id = options.id ?? loaded.id ?? newRunId(file);
  requireName(id, "The workflow's id");
  const config = loadConfig();
  const mesh = new Mesh({ config, taskQueue: id });
  for (const agent of loaded.agents) mesh.add(agent);
  const view = new WorkflowView();
  const interrupt = onInterrupt();
  let progress: WorkflowProgress | null = null;
  try {
    await mesh.start();
    progress = options.quiet === true ? null : new WorkflowProgress(view);
    const result = await mesh.workflow(id, loaded.steps, {
      signal: interrupt.signal,
      context: { ...loaded.context, ...given },
      onEvent: (event) => {
        view.take(event);
        progress?.show(event);
      },
    });
    progress?.end();
    if (options.json === true) printJson(result);
    else print(report(result, { view, ends: endsOf(loaded.steps) }));
    if (result.status !== "success") process.exitCode = interrupt.exitCode ?? 1;
  } catch (thrown) {
    if (thrown instanceof WorkflowError && options.id === undefined && loaded.id !== undefined) {
      throw new WorkflowError(`${thrown.message} Or run it under another: --id <id>.`);
    }
    throw thrown;
  } finally {
    progress?.end();
    interrupt.release();
    await mesh.stop({ mode: "cancel" });
  }
}

/** The whole tree, the outputs that no other step took up, what failed, and where it came from. */
function report(
  result: WorkflowResult,
  { view, ends }: { readonly view: WorkflowView; readonly ends: ReadonlySet<string> },
): string {
  const { status, steps, failures } = result;
  const tint = status === "success" ? paint.green : status === "cancelled" ? paint.yellow : paint.red;
  const last = Object.entries(result.outputs).filter(([id]) => ends.has(id));
  const outputs = last.map(([id, output]) => {
    const text = typeof output === "string" ? output : inspect(output, { depth: 8, breakLength: 96 });
    return `${paint.bold(id)}\n${indented(text)}`;
  });
  const items = failures.filter(({ index }) => index !== null);
  const failed = items.map(
    ({ step, index, error }) => `${step}[${index ?? 0}]: ${error.name}: ${error.message}`,
  );
  const taken = steps.filter(({ recorded }) => recorded).length;
  const source =
    taken === 0
      ? ""
      : result.recorded
        ? "; it had ended before: all of it is from the record, nothing was run or paid now"
        : `; ${taken} of ${steps.length} steps are from the record`;
  return [
    view.lines(colours).join("\n"),
    ...outputs,
    ...(failed.length === 0 ? [] : [`${paint.bold("items that failed")}\n${indented(failed.join("\n"))}`]),
    `${tint(status)}${source}`,
  ].join("\n\n");
}

/** The ids of the steps that no other depends on. */
function endsOf(steps: readonly WorkflowStep[]): ReadonlySet<string> {
  const planned = planWorkflow(steps);
  const taken = new Set(planned.flatMap(({ dependsOn }) => dependsOn));
  return new Set(planned.map(({ id }) => id).filter((id) => !taken.has(id)));
}

function indented(text: string): string {
  return printable(text).replace(/^(?=.)/gm, "  ");
}
