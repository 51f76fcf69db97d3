// Whether a step of a workflow runs: asks its `when`, as data or as the program's own function.
// Invariant: it does not throw; what a function throws is why the step is not run.
import { holds } from "../src/core/condition.ts";
import type { PlannedStep } from "../src/core/dag.ts";
import { messageOf } from "../src/core/errors.ts";
import type { Scope } from "../src/core/reference.ts";
import type { Decision } from "../src/core/workflow-result.ts";

/** Decides on a step by what came before it. */
export async function decide({ id, when }: PlannedStep, scope: Scope): Promise<Decision> {
  if (when === null) return { run: true, error: null };
  if (typeof when !== "function") return { run: holds(when, scope), error: null };
  try {
    return { run: await when(scope.outputs), error: null };
  } catch (thrown) {
    const message = `Step "${id}" was not run: its "when" threw: ${messageOf(thrown)}`;
    const name = thrown instanceof Error ? thrown.name : "Error";
    return { run: false, error: { name, message, category: "handler" } };
  }
}
