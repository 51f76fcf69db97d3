// A workflow's steps as a chart: each step a state, each dependency a transition.
// Invariant: made from the plain form that a record keeps, so that a plan and its record give the same chart.
import type { Condition } from "../../core/condition.ts";
import { describeReference, type Reference } from "../../core/reference.ts";
import type { StoredStep } from "../../core/workflow.ts";
import type { ChartFact, ChartGraph, ChartState, ChartTransition } from "./graph.ts";

/**
 * The chart of a workflow's steps, as its record has them; those of a plan come by `storedStep` of core/workflow.ts.
 *
 * @example
 * workflowGraph("report", planWorkflow(steps).map(storedStep))
 */
export function workflowGraph(id: string, steps: readonly StoredStep[]): ChartGraph {
  const root: ChartState = {
    ...EMPTY,
    id,
    key: id,
    parent: null,
    type: "compound",
  };
  const counts = new Map<string, number>();
  return {
    kind: "workflow",
    id,
    states: [root, ...steps.map((step) => stateOf(id, step))],
    transitions: steps.flatMap((step) =>
      inOrder(step, steps).map((dependency): ChartTransition => {
        const source = `${id}.${dependency}`;
        const count = counts.get(source) ?? 0;
        counts.set(source, count + 1);
        return { ...DEPENDENCY, id: `${source}/${count}`, source, targets: [`${id}.${step.id}`] };
      }),
    ),
  };
}

const EMPTY = {
  initial: null,
  isTransient: false,
  description: null,
  entry: [],
  exit: [],
  invokes: [],
  tags: [],
  facts: [],
} as const;

const DEPENDENCY = {
  kind: "dependency",
  event: "",
  label: "",
  guard: null,
  isOtherwise: false,
  actions: [],
} as const;

/** A step's dependencies in the order of the steps. */
function inOrder({ dependsOn = [] }: StoredStep, steps: readonly StoredStep[]): readonly string[] {
  const names = new Set(dependsOn.map((name) => (typeof name === "number" ? steps[name]?.id : name)));
  return steps.map(({ id }) => id).filter((id) => names.has(id));
}

function stateOf(workflow: string, step: StoredStep): ChartState {
  return {
    ...EMPTY,
    id: `${workflow}.${step.id}`,
    key: step.id,
    parent: workflow,
    type: "step",
    description: step.task,
    facts: factsOf(step),
  };
}

function factsOf({
  agent,
  forEach,
  concurrency,
  allowFailures,
  when,
  retries,
  timeoutMs,
}: StoredStep): ChartFact[] {
  const facts: ChartFact[] = [{ name: "agent", text: agent }];
  if (when !== undefined)
    facts.push({ name: "when", text: when === "function" ? "the program says so" : conditionText(when) });
  if (forEach !== undefined) {
    facts.push({
      name: "each",
      text: isList(forEach) ? `of ${forEach.length} items` : describeReference(forEach),
    });
    facts.push({ name: "at once", text: String(concurrency) });
  }
  if (allowFailures !== undefined && allowFailures !== false) {
    facts.push({ name: "may fail", text: allowFailures === true ? "any" : String(allowFailures) });
  }
  const again = typeof retries === "object" ? retries.max : (retries ?? 0);
  if (again > 0) facts.push({ name: "retries", text: String(again) });
  if (timeoutMs !== undefined) facts.push({ name: "time", text: `${timeoutMs / 1000} s a try` });
  return facts;
}

function isList(value: readonly unknown[] | Reference): value is readonly unknown[] {
  return Array.isArray(value);
}

/** A condition as people read it: `fetch.total atLeast 3 and not …`. */
function conditionText(condition: Condition): string {
  if ("all" in condition) return condition.all.map(inner).join(" and ");
  if ("any" in condition) return condition.any.map(inner).join(" or ");
  if ("not" in condition) return `not ${inner(condition.not)}`;
  const { step, path = [], ...tests } = condition;
  const place = [step ?? "context", ...(typeof path === "string" ? [path] : path)].filter(
    (part) => part !== "",
  );
  const asked = Object.entries(tests).map(([name, operand]) => `${name} ${JSON.stringify(operand) ?? ""}`);
  return `${place.join(".")} ${asked.join(" and ")}`;
}

function inner(condition: Condition): string {
  return "all" in condition || "any" in condition
    ? `(${conditionText(condition)})`
    : conditionText(condition);
}
