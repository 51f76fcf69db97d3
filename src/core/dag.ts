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
  const byId = new Map(steps.map((one) => [one.id, one]));
  const found = new Set<string>();
  const open = [...step.dependsOn];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    open.push(...(byId.get(id)?.dependsOn ?? []));
  }
  return steps.filter(({ id }) => found.has(id));
}

function resolveName(name: string | number, step: string, ids: readonly string[]): string {
  const id = typeof name === "number" ? ids[name] : ids.includes(name) ? name : undefined;
  if (id === undefined) {
    throw new WorkflowError(
      `Step "${step}" depends on ${JSON.stringify(name)}, which is no step of this workflow ` +
        `(steps: ${ids.join(", ")}).`,
    );
  }
  return id;
}

/** Takes away what waits for nothing until nothing is left (Kahn, 1962); what stays waits in a circle. */
function refuseCycles(steps: readonly PlannedStep[]): void {
  const waiting = new Map(steps.map((step) => [step.id, new Set(step.dependsOn)]));
  const followers = new Map<string, string[]>();
  for (const { id, dependsOn } of steps) {
    for (const dependency of dependsOn) followers.set(dependency, [...(followers.get(dependency) ?? []), id]);
  }
  const free = steps.filter(({ dependsOn }) => dependsOn.length === 0).map(({ id }) => id);
  for (let id = free.pop(); id !== undefined; id = free.pop()) {
    waiting.delete(id);
    for (const follower of followers.get(id) ?? []) {
      const rest = waiting.get(follower);
      rest?.delete(id);
      if (rest?.size === 0) free.push(follower);
    }
  }
  const [start] = waiting.keys();
  if (start === undefined) return;
  const path: string[] = [];
  for (let id = start; !path.includes(id); id = [...(waiting.get(id) ?? [])][0] ?? start) path.push(id);
  const [last] = [...(waiting.get(path.at(-1) ?? "") ?? [])];
  const circle = [...path.slice(path.indexOf(last ?? start)), last ?? start];
  throw new WorkflowError(`Steps wait for each other: ${circle.join(" → ")}.`);
}
