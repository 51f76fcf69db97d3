// Workflow steps as a graph: names resolved, cycles refused, before anything runs.
// Invariant: a graph that exists can be run to its end: every dependency is there and comes first somewhere.
import { stepsIn, type Condition } from "./condition.ts";
import { WorkflowError } from "./errors.ts";
import { isName } from "./names.ts";
import type { Reference } from "./reference.ts";
import { stepProblems } from "./step-schema.ts";

/** Whether a step runs, decided by a program; given the outputs of all steps that came before, by id. */
export type Decide = (outputs: Readonly<Record<string, unknown>>) => boolean | Promise<boolean>;

/** A step of a workflow, as users write it. */
export interface WorkflowStep {
  /** Unique in the workflow; `step<index>` where absent. */
  readonly id?: string;
  /** The role of the agent that does the step. */
  readonly agent: string;
  /** What to do, in plain language. */
  readonly task: string;
  /** Data for this step, beside the outputs of earlier steps, which it finds as `previousStepResults` where it depends on any. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Ids or indices of the steps that must succeed first. */
  readonly dependsOn?: readonly (string | number)[];
  /**
   * The step is a task for each item of this list, each with `item` and `index` in its context; the output is the
   * list of their outputs. A list, or where one is found when the step begins.
   */
  readonly forEach?: readonly unknown[] | Reference;
  /** How many items are at work at once; 8 where absent. */
  readonly concurrency?: number;
  /** How many items may fail, or `true` for any number, before the step does; none where absent. */
  readonly allowFailures?: boolean | number;
  /** Time for one try of a task, in milliseconds; the agent's own limits hold besides. */
  readonly timeoutMs?: number;
  /** How often a task that failed is tried again; the wait before it doubles each time. */
  readonly retries?: number | { readonly max: number; readonly backoffMs?: number };
  /** The step runs only where this holds; else it is skipped, and what depends on it runs without its output. */
  readonly when?: Condition | Decide;
}

/** A step with its id, its dependencies' ids and its defaults settled. */
export interface PlannedStep {
  readonly id: string;
  readonly index: number;
  readonly agent: string;
  readonly task: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly dependsOn: readonly string[];
  /** Null where the step is one task. */
  readonly forEach: readonly unknown[] | Reference | null;
  readonly concurrency: number;
  /** How many items may fail. */
  readonly allowFailures: number;
  readonly timeoutMs: number | null;
  readonly retries: { readonly max: number; readonly backoffMs: number };
  readonly when: Condition | Decide | null;
}

const CONCURRENCY = 8;
const BACKOFF_MS = 1000;

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
  const planned = steps.map((step: WorkflowStep, index) => planStep(step, { index, ids }));
  refuseCollisions(planned);
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

function planStep(
  step: WorkflowStep,
  { index, ids }: { readonly index: number; readonly ids: readonly string[] },
): PlannedStep {
  const id = ids[index] ?? "";
  if (typeof step.task !== "string" || step.task.trim() === "") {
    throw new WorkflowError(`Step "${id}" has no task.`);
  }
  const problems = stepProblems(step).map(({ path, message }) => [...path, message].join(": "));
  if (problems.length > 0) throw new WorkflowError(`Step "${id}" cannot be used: ${problems.join("; ")}.`);
  const { forEach = null, when = null, retries = 0, allowFailures = 0, context = {} } = step;
  const fault = faultOf(step);
  if (fault !== undefined) throw new WorkflowError(`Step "${id}" ${fault}.`);
  const from = forEach !== null && "step" in forEach && forEach.step !== undefined ? [forEach.step] : [];
  const asked = when === null || typeof when === "function" ? [] : stepsIn(when);
  const names = [...(step.dependsOn ?? []), ...from, ...asked];
  return {
    id,
    index,
    agent: step.agent,
    task: step.task,
    context,
    dependsOn: [...new Set(names.map((name) => resolveName(name, id, ids)))],
    forEach,
    concurrency: step.concurrency ?? CONCURRENCY,
    allowFailures: typeof allowFailures === "number" ? allowFailures : allowFailures ? Infinity : 0,
    timeoutMs: step.timeoutMs ?? null,
    retries: {
      max: typeof retries === "number" ? retries : retries.max,
      backoffMs: (typeof retries === "number" ? undefined : retries.backoffMs) ?? BACKOFF_MS,
    },
    when,
  };
}

/** What options contradict each other. */
function faultOf({ forEach, concurrency, allowFailures, context = {} }: WorkflowStep): string | undefined {
  if (forEach === undefined) {
    const alone = concurrency !== undefined ? "concurrency" : allowFailures !== undefined && "allowFailures";
    return alone === false ? undefined : `has ${alone}, which is for steps with forEach`;
  }
  const taken = ["item", "index"].find((name) => name in context);
  return taken === undefined ? undefined : `has "${taken}" in its context, where forEach puts its own`;
}

/** Tasks of a step are named after it: no other step may have such a name. */
function refuseCollisions(steps: readonly PlannedStep[]): void {
  const byId = new Map(steps.map((step) => [step.id, step]));
  for (const { id } of steps) {
    const [, owner = "", item, retry] = /^(.+?)(-\d+)?(-r\d+)?$/.exec(id) ?? [];
    const other = byId.get(owner);
    if (other === undefined || other.id === id) continue;
    const clashes =
      item === undefined
        ? retry !== undefined && other.forEach === null && other.retries.max > 0
        : other.forEach !== null && (retry === undefined || other.retries.max > 0);
    if (clashes) {
      throw new WorkflowError(
        `Step "${id}" is named as a task of step "${owner}" will be: rename one of them.`,
      );
    }
  }
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
