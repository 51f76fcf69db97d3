// Runs a planned workflow: each step as soon as what it depends on has succeeded.
// Invariant: a failed step fails what depends on it, directly or through others, and nothing else; there is one
// result for each step, in the order of the steps.
import { ancestorsOf, type PlannedStep } from "../src/core/dag.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";

/** How a workflow's steps are run and refused. */
export interface WorkflowOptions {
  /** Runs a step with its whole context. */
  readonly run: (step: PlannedStep, context: Readonly<Record<string, unknown>>) => Promise<TaskResult>;
  /** The result of a step that is not run. */
  readonly refuse: (step: PlannedStep, error: TaskFailure) => Promise<TaskResult>;
  readonly signal?: AbortSignal | undefined;
}

/** Runs all steps; resolves when each has its result. */
export async function runWorkflow(
  steps: readonly PlannedStep[],
  options: WorkflowOptions,
): Promise<readonly TaskResult[]> {
  const started = new Map<string, Promise<TaskResult>>();
  const start = (step: PlannedStep): Promise<TaskResult> => {
    const running = started.get(step.id) ?? runStep(step, dependencies(step), options);
    started.set(step.id, running);
    return running;
  };
  const dependencies = (step: PlannedStep) =>
    ancestorsOf(step, steps).map(async (earlier): Promise<[string, TaskResult]> => [
      earlier.id,
      await start(earlier),
    ]);
  return Promise.all(steps.map(start));
}

async function runStep(
  step: PlannedStep,
  dependencies: readonly Promise<[string, TaskResult]>[],
  options: WorkflowOptions,
): Promise<TaskResult> {
  const earlier = await Promise.all(dependencies);
  if (options.signal?.aborted === true) {
    const message = `Step "${step.id}" was not run: the workflow was cancelled.`;
    return options.refuse(step, { name: "CancelledError", message, category: "cancelled" });
  }
  const failed = earlier.find(([, result]) => result.status !== "success");
  if (failed !== undefined) {
    const [id, { status }] = failed;
    const verb = status === "cancelled" ? "was cancelled" : "failed";
    const message = `Step "${step.id}" was not run: step "${id}", on which it depends, ${verb}.`;
    return options.refuse(step, { name: "DependencyError", message, category: "dependency" });
  }
  const previousStepResults = Object.fromEntries(earlier.map(([id, result]) => [id, result.output]));
  return options.run(
    step,
    step.dependsOn.length === 0 ? step.context : { ...step.context, previousStepResults },
  );
}
