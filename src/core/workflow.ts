// Workflows as they are defined and compared: the definition that a file exports, and the text that a record keeps.
// Invariant: two definitions with the same canonical form ask for the same work; functions are known by their place
// only, since what one decided is in the record.
import { canonical } from "./canonical.ts";
import type { AgentDefinition } from "./agent.ts";
import { planWorkflow, type PlannedStep, type WorkflowStep } from "./dag.ts";
import { WorkflowError } from "./errors.ts";
import { isName } from "./names.ts";

/** A workflow that a file exports, made by {@link defineWorkflow}. */
export interface WorkflowDefinition {
  readonly kind: "workflow";
  /** What a run is called unless it is given an id of its own. */
  readonly id: string | undefined;
  /** What every step finds in its context, unless it has its own of that name. */
  readonly context: Readonly<Record<string, unknown>>;
  readonly steps: readonly WorkflowStep[];
  /** The agents that do the steps, besides those that the file exports. */
  readonly agents: readonly AgentDefinition[];
}

/** What {@link defineWorkflow} takes. */
export interface WorkflowOptions {
  /** What a run is called unless it is given an id of its own; letters, digits, `_` and `-`. */
  readonly id?: string;
  /** What every step finds in its context, unless it has its own of that name. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** What is done, in any order: `dependsOn` says what comes first. */
  readonly steps: readonly WorkflowStep[];
  /** The agents that do the steps, besides those that the file exports. */
  readonly agents?: readonly AgentDefinition[];
}

const OPTIONS: readonly string[] = ["id", "context", "steps", "agents"];

/**
 * Defines a workflow and checks it.
 *
 * @throws WorkflowError that names the step and what is wrong with it.
 * @example
 * export const workflow = defineWorkflow({
 *   id: "report",
 *   steps: [
 *     { id: "fetch", agent: "researcher", task: "Find the prices." },
 *     { id: "write", agent: "writer", task: "Write about them.", dependsOn: ["fetch"] },
 *   ],
 * });
 */
export function defineWorkflow(options: WorkflowOptions): WorkflowDefinition {
  for (const key of Object.keys(options)) {
    if (OPTIONS.includes(key)) continue;
    throw new WorkflowError(`Unknown workflow option "${key}"; known are: ${OPTIONS.join(", ")}.`);
  }
  const { id, context = {}, steps, agents = [] } = options;
  if (id !== undefined && !isName(id)) {
    throw new WorkflowError(
      `The workflow's id ${JSON.stringify(id)} is not valid: use letters, digits, "_" and "-".`,
    );
  }
  planWorkflow(steps);
  return Object.freeze({ kind: "workflow", id, context, steps, agents });
}

/** The id of a task of a workflow: `<workflow>-<step>`, with `-<index>` for an item and `-r<try>` for a retry. */
export function workflowTaskId(
  workflow: string,
  task: { readonly step: string; readonly index: number | null; readonly attempt: number },
): string {
  const item = task.index === null ? "" : `-${task.index}`;
  const retry = task.attempt === 1 ? "" : `-r${task.attempt}`;
  return `${workflow}-${task.step}${item}${retry}`;
}

/** A step in plain data: what is compared, and what a step is made from again. */
export interface StoredStep extends Omit<WorkflowStep, "when"> {
  readonly id: string;
  /** `"function"`: decided by the program. */
  readonly when?: Exclude<WorkflowStep["when"], (...args: never) => unknown> | "function";
}

/** A planned step in plain data, defaults left out, so that a new default does not make old records differ. */
export function storedStep(step: PlannedStep): StoredStep {
  const { id, agent, task, context, dependsOn, forEach, timeoutMs, retries, allowFailures, when } = step;
  return {
    id,
    agent,
    task,
    ...(Object.keys(context).length === 0 ? {} : { context }),
    ...(dependsOn.length === 0 ? {} : { dependsOn: [...dependsOn].sort() }),
    ...(forEach === null ? {} : { forEach, concurrency: step.concurrency }),
    ...(allowFailures === 0 ? {} : { allowFailures: allowFailures === Infinity ? true : allowFailures }),
    ...(timeoutMs === null ? {} : { timeoutMs }),
    ...(retries.max === 0 ? {} : { retries }),
    ...(when === null ? {} : { when: typeof when === "function" ? "function" : when }),
  };
}

/** Whether steps can be run from their record alone: nothing in them is a program's own. */
export function isPlain(steps: readonly StoredStep[]): steps is readonly (StoredStep & WorkflowStep)[] {
  return steps.every(({ when }) => when !== "function");
}

/** What a definition differs in from the one that is recorded; null where they ask for the same. */
export function differenceOf(recorded: readonly StoredStep[], given: readonly StoredStep[]): string | null {
  const before = new Map(recorded.map((step) => [step.id, step]));
  for (const step of given) {
    const other = before.get(step.id);
    if (other === undefined) return `step "${step.id}" is not in the record`;
    if (canonical(other) === canonical(step)) continue;
    const names = [...new Set([...Object.keys(other), ...Object.keys(step)])] as (keyof StoredStep)[];
    const changed = names.filter((name) => canonical(other[name]) !== canonical(step[name]));
    return `step "${step.id}" has another ${changed.join(" and ")} (${describeChange(other, step, changed[0])})`;
  }
  const gone = recorded.find(({ id }) => given.every((step) => step.id !== id));
  if (gone !== undefined) return `step "${gone.id}" of the record is missing`;
  const moved = given.find(({ id }, index) => recorded[index]?.id !== id);
  return moved === undefined ? null : `step "${moved.id}" stands elsewhere`;
}

function describeChange(before: StoredStep, after: StoredStep, name: keyof StoredStep | undefined): string {
  if (name === undefined) return "";
  return `${excerpt(before[name])} in the record, ${excerpt(after[name])} now`;
}

function excerpt(value: unknown): string {
  if (value === undefined) return "none";
  const text = canonical(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
