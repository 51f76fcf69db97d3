// What a workflow gives: for each step what came of it, what failed and why, and what all of it cost.
// Invariant: a result is there however the workflow ended, and holds all that was done: partial work is never lost.
import type { PlannedStep } from "./dag.ts";
import { addTokens, NO_TOKENS, type TokenUsage } from "./model.ts";
import type { TaskFailure, TaskResult, TaskStatus } from "./task.ts";

/** How a step ended. */
export type StepStatus = TaskStatus | "skipped";

/** What came of one step. */
export interface StepResult {
  /** The step's id. */
  readonly id: string;
  /** The role that did it. */
  readonly agent: string;
  /** `skipped`: its `when` did not hold. */
  readonly status: StepStatus;
  /** Null unless `status` is `success`; with `forEach`, always the list of the items' outputs, null where one failed. */
  readonly output: unknown;
  /** Why it failed; null where it did not. */
  readonly error: TaskFailure | null;
  /** The items that failed; empty without `forEach`. */
  readonly failures: readonly ItemFailure[];
  /** Every task that was run for it, in the order of the items and of their tries; the last is what counts. */
  readonly tasks: readonly TaskResult[];
  /** From its start to its end, in seconds. */
  readonly executionTime: number;
  /** All of its tasks' together. */
  readonly tokens: TokenUsage;
  /** US dollars; null where a price is unknown. */
  readonly costUsd: number | null;
  /** Whether all of it was taken from the record: nothing was run for it this time. */
  readonly recorded: boolean;
}

/** One item of a `forEach` that failed. */
export interface ItemFailure {
  /** Its place in the list. */
  readonly index: number;
  /** The item itself. */
  readonly item: unknown;
  /** The task of its last try; null where none was begun. */
  readonly taskId: string | null;
  /** Why its last try failed. */
  readonly error: TaskFailure;
}

/** What failed, and why: a step, or an item of one. */
export interface WorkflowFailure {
  /** The step's id. */
  readonly step: string;
  /** The item's place in the list; null for the step itself. */
  readonly index: number | null;
  /** Why it failed. */
  readonly error: TaskFailure;
}

/** What a workflow gives. */
export interface WorkflowResult {
  /** The workflow's id. */
  readonly id: string;
  /** `success`: each step succeeded or was skipped. */
  readonly status: TaskStatus;
  /** One for each step, in their order. */
  readonly steps: readonly StepResult[];
  /** The outputs of the steps that succeeded, by id. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Every step and item that failed, in the order of the steps. */
  readonly failures: readonly WorkflowFailure[];
  /** From its start to its end, in seconds. */
  readonly executionTime: number;
  /** Of all tasks, those of the record too. */
  readonly tokens: TokenUsage;
  /** US dollars for all tasks; null where a price is unknown. */
  readonly costUsd: number | null;
  /** Whether nothing was run this time: it had ended before. */
  readonly recorded: boolean;
}

/** The tries of one item of a step, or of its only task, in order; the last is what counts. */
export interface ItemOutcome {
  /** Null where the step is one task. */
  readonly index: number | null;
  readonly tasks: readonly TaskResult[];
}

/** What a step's chart knows when it ends. */
export interface StepOutcome {
  readonly status: StepStatus;
  readonly output: unknown;
  readonly error: TaskFailure | null;
  readonly failures: readonly ItemFailure[];
  readonly tasks: readonly TaskResult[];
}

/** Whether a step runs; `error` is why that cannot be told. */
export type Decision =
  { readonly run: boolean; readonly error: null } | { readonly run: false; readonly error: TaskFailure };

/** A step whose `when` did not hold. */
export const SKIPPED: StepOutcome = Object.freeze({
  status: "skipped",
  output: null,
  error: null,
  failures: [],
  tasks: [],
});

/** The end of a step that was not run at all, from the result that was stored for it. */
export function refusedStep(result: TaskResult): StepOutcome {
  const { status, error } = result;
  return { status, output: null, error, failures: [], tasks: [result] };
}

/** A step's end, from what came of its items, or of its only task where `items` is null. */
export function concludeStep(
  step: PlannedStep,
  items: readonly unknown[] | null,
  outcomes: readonly ItemOutcome[],
): StepOutcome {
  const ordered = [...outcomes].sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  const tasks = ordered.flatMap((outcome) => outcome.tasks);
  if (items === null) {
    const last = tasks.at(-1);
    if (last === undefined) throw new Error(`Step "${step.id}" cannot end: it has no task.`);
    return { status: last.status, output: last.output, error: last.error, failures: [], tasks };
  }
  const last = ordered.map((outcome) => outcome.tasks.at(-1));
  const failures = last.flatMap((result, index): ItemFailure[] => {
    const error = result === undefined ? NOT_BEGUN : result.error;
    return error === null ? [] : [{ index, item: items[index], taskId: result?.taskId ?? null, error }];
  });
  const cancelled = failures.some(({ error }) => error.category === "cancelled");
  const failed = failures.length > step.allowFailures;
  return {
    status: cancelled ? "cancelled" : failed ? "failure" : "success",
    output: last.map((result) => result?.output ?? null),
    error: cancelled || failed ? describeFailures(step, items.length, failures) : null,
    failures,
    tasks,
  };
}

const NOT_BEGUN: TaskFailure = Object.freeze({
  name: "CancelledError",
  message: "It was not begun: the workflow was cancelled.",
  category: "cancelled",
});

function describeFailures(step: PlannedStep, total: number, failures: readonly ItemFailure[]): TaskFailure {
  const broken = failures.filter(({ error }) => error.category !== "cancelled");
  const [first] = broken.length > 0 ? broken : failures;
  const undone = failures.length - broken.length;
  const counts = [
    ...(broken.length > 0 ? [`${broken.length} failed`] : []),
    ...(undone > 0 ? [`${undone} were cancelled`] : []),
  ];
  return {
    name: first?.error.name ?? "Error",
    message:
      `Of ${total} items of step "${step.id}", ${counts.join(" and ")}; ` +
      `the first, item ${first?.index ?? 0}: ${first?.error.message ?? ""}`,
    category: first?.error.category ?? "internal",
  };
}

/** What tasks used, together. */
export function sumOf(
  parts: readonly { readonly tokens: TokenUsage; readonly costUsd: number | null }[],
): Pick<StepResult, "tokens" | "costUsd"> {
  return {
    tokens: parts.reduce((sum, { tokens }) => addTokens(sum, tokens), NO_TOKENS),
    costUsd: parts.reduce<number | null>(
      (sum, { costUsd }) => (sum === null || costUsd === null ? null : sum + costUsd),
      0,
    ),
  };
}

/** A workflow's end, from those of its steps. */
export function concludeWorkflow(
  id: string,
  steps: readonly StepResult[],
): Omit<WorkflowResult, "executionTime" | "recorded"> {
  const status = steps.some((step) => step.status === "cancelled")
    ? "cancelled"
    : steps.some((step) => step.status === "failure")
      ? "failure"
      : "success";
  const succeeded = steps.filter((step) => step.status === "success");
  return {
    id,
    status,
    steps,
    outputs: Object.fromEntries(succeeded.map((step) => [step.id, step.output])),
    failures: steps.flatMap((step): WorkflowFailure[] => [
      ...(step.error === null ? [] : [{ step: step.id, index: null, error: step.error }]),
      ...step.failures.map(({ index, error }) => ({ step: step.id, index, error })),
    ]),
    ...sumOf(steps),
  };
}
