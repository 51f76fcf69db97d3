// What a step comes to once its turn has come: its data, its items, why it cannot run, when it is tried again.
// Invariant: pure, so that a step taken up from its record comes to the same again.
import type { PlannedStep } from "./dag.ts";
import { describeReference, lookUp, type Reference, type Scope } from "./reference.ts";
import type { TaskFailure } from "./task.ts";
import type { StepResult } from "./workflow-result.ts";

/** What a step's tasks are about: the items of its `forEach`, or null for a single task; or why there are none. */
export type Listing =
  | { readonly ok: true; readonly items: readonly unknown[] | null }
  /** `error` is null where the step that gives the list was skipped, and so is this one. */
  | { readonly ok: false; readonly error: TaskFailure | null };

/** The items of a step. */
export function listItems(step: PlannedStep, scope: Scope): Listing {
  const { forEach } = step;
  if (forEach === null) return { ok: true, items: null };
  if (isList(forEach)) return { ok: true, items: forEach };
  const reference = forEach;
  if (reference.step !== undefined && !Object.hasOwn(scope.outputs, reference.step)) {
    return { ok: false, error: null };
  }
  const found = lookUp(reference, scope);
  if (Array.isArray(found)) return { ok: true, items: found };
  const seen = found === undefined ? "nothing" : found === null ? "null" : `a value of type ${typeof found}`;
  const message = `Step "${step.id}" goes through a list that is not there: ${describeReference(reference)} is ${seen}.`;
  return { ok: false, error: { name: "TypeError", message, category: "dependency" } };
}

/** Array.isArray knows no readonly arrays. */
function isList(value: readonly unknown[] | Reference): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Why a step cannot run: one that it depends on, directly or through others, did not succeed; null where it can. */
export function blockOf(step: PlannedStep, earlier: readonly StepResult[]): TaskFailure | null {
  const failed = earlier.find(({ status }) => status === "failure" || status === "cancelled");
  if (failed === undefined) return null;
  const verb = failed.status === "cancelled" ? "was cancelled" : "failed";
  const message = `Step "${step.id}" was not run: step "${failed.id}", on which it depends, ${verb}.`;
  return { name: "DependencyError", message, category: "dependency" };
}

/** What a step's references are looked up in: the outputs of what came before, and its context over the workflow's. */
export function scopeOf(
  step: PlannedStep,
  shared: Readonly<Record<string, unknown>>,
  earlier: readonly StepResult[],
): Scope {
  const succeeded = earlier.filter(({ status }) => status === "success");
  return {
    outputs: Object.fromEntries(succeeded.map(({ id, output }) => [id, output])),
    context: { ...shared, ...step.context },
  };
}

/** The context of a step's task: its own, the outputs of what came before, and the item. */
export function contextOf(
  step: PlannedStep,
  scope: Scope,
  item: { readonly index: number; readonly value: unknown } | null,
): Readonly<Record<string, unknown>> {
  return {
    ...scope.context,
    ...(step.dependsOn.length === 0 ? {} : { previousStepResults: scope.outputs }),
    ...(item === null ? {} : { item: item.value, index: item.index }),
  };
}

const FINAL: ReadonlySet<string> = new Set(["cancelled", "dependency", "budget", "internal"]);

/** Whether another try may mend a failure. */
export function mayBeTriedAgain({ category }: TaskFailure): boolean {
  return !FINAL.has(category);
}

const MAX_BACKOFF_MS = 300_000;

/** How long to wait before a try (the second is 2), in milliseconds: doubled each time, five minutes at most. */
export function delayBefore(attempt: number, backoffMs: number): number {
  return Math.min(backoffMs * 2 ** (attempt - 2), Math.max(backoffMs, MAX_BACKOFF_MS));
}
