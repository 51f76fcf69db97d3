// Workflow steps as a graph: names resolved, cycles refused, before anything runs.
// Invariant: a graph that exists can be run to its end: every dependency is there and comes first somewhere.
import { WorkflowError } from "./errors.ts";
import { isName } from "./names.ts";

/** A step of a workflow, as users write it. */
export interface WorkflowStep {
  /** Unique in the workflow; `step<index>` where absent. */
  readonly id?: string;
  /** The role of the agent that does the step. */
  readonly agent: string;
  /** What to do, in plain language. */
  readonly task: string;
  readonly context?: Readonly<Record<string, unknown>>;
  /** Ids or indices of the steps that must succeed first. */
  readonly dependsOn?: readonly (string | number)[];
}

/** A step with its id and its dependencies' ids settled. */
export interface PlannedStep {
  readonly id: string;
  readonly index: number;
  readonly agent: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly dependsOn: readonly string[];
}

/**
 * Settles ids and dependencies of a workflow's steps.
 *
 * @throws WorkflowError that names the step, where an id is wrong or used twice, a dependency is unknown, or
 * steps wait for each other in a circle.
 */
export function planWorkflow(steps: readonly WorkflowStep[]): readonly PlannedStep[] {
  if (!Array.isArray(steps) || steps.length === 0) {
    throw new WorkflowError("A workflow needs at least one step.");
  }
  const ids = steps.map((step: WorkflowStep, index) => step.id ?? `step${index}`);
  const known = new Set<string>();
  for (const id of ids) {
    if (!isName(id)) {
      throw new WorkflowError(
        `Step id ${JSON.stringify(id)} is not valid: use letters, digits, "_" and "-".`,
      );
    }
    if (known.has(id)) throw new WorkflowError(`Two steps have the id "${id}".`);
    known.add(id);
  }
  const planned = steps.map((step: WorkflowStep, index): PlannedStep => {
    const id = ids[index] ?? "";
    if (typeof step.task !== "string" || step.task.trim() === "") {
      throw new WorkflowError(`Step "${id}" has no task.`);
    }
    return {
      id,
      index,
      agent: step.agent,
      task: step.task,
      context: step.context ?? {},
      dependsOn: [...new Set((step.dependsOn ?? []).map((name) => resolveName(name, id, ids)))],
    };
  });
  refuseCycles(planned);
  return planned;
}

/** All steps that come before a step, directly or through others, in the order of the plan. */
export function ancestorsOf(step: PlannedStep, steps: readonly PlannedStep[]): readonly PlannedStep[] {
  const found = new Set<string>();
  const visit = (id: string): void => {
    if (found.has(id)) return;
    found.add(id);
    steps.find((candidate) => candidate.id === id)?.dependsOn.forEach(visit);
  };
  step.dependsOn.forEach(visit);
  return steps.filter(({ id }) => found.has(id));
}

function resolveName(name: string | number, step: string, ids: readonly string[]): string {
  const id = typeof name === "number" ? ids[name] : ids.find((candidate) => candidate === name);
  if (id === undefined) {
    throw new WorkflowError(
      `Step "${step}" depends on ${JSON.stringify(name)}, which is no step of this workflow ` +
        `(steps: ${ids.join(", ")}).`,
    );
  }
  return id;
}

function refuseCycles(steps: readonly PlannedStep[]): void {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const settled = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    if (settled.has(id)) return;
    const start = path.indexOf(id);
    if (start !== -1) {
      throw new WorkflowError(`Steps wait for each other: ${[...path.slice(start), id].join(" → ")}.`);
    }
    for (const dependency of byId.get(id)?.dependsOn ?? []) visit(dependency, [...path, id]);
    settled.add(id);
  };
  for (const step of steps) visit(step.id, []);
}
