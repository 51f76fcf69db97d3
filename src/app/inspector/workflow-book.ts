// Workflows as the page shows them: rows for lists, steps with their progress, and their graph, laid out once.
// Invariant: what is told comes from a workflow's record and from the rows of its tasks; a graph never changes.
import type { TaskStatus } from "../../core/task.ts";
import type { WorkflowList, WorkflowSummary } from "../../workflow-list.ts";
import { layoutChart } from "../charts/layout.ts";
import type { PlacedChart } from "../charts/placed-chart.ts";
import { workflowGraph } from "../charts/workflow-graph.ts";
import { Problem } from "../http/problem.ts";
import type { StepRow, TaskRow, WorkflowDetail, WorkflowRow } from "./shapes.ts";
import type { Veil } from "./veil.ts";

/** What workflows are shown with. */
export interface WorkflowBookOptions {
  readonly workflows: WorkflowList;
  /** The tasks that are known. */
  readonly tasks: () => Iterable<TaskRow>;
  readonly veil: Veil;
}

/** Tasks of a step that are told. */
const MOST_TASKS = 100;
/** Larger ones take seconds to be laid out, in which a mesh in the same process would stand still. */
const MOST_STEPS = 120;
/** Graphs that are kept. */
const MOST_GRAPHS = 50;

/** Shows workflows. */
export class WorkflowBook {
  readonly #options: WorkflowBookOptions;
  readonly #graphs = new Map<string, Promise<PlacedChart>>();

  constructor(options: WorkflowBookOptions) {
    this.#options = options;
  }

  /** A workflow's row; null where there is none of that id. @throws JournalError */
  async row(id: string): Promise<WorkflowRow | null> {
    const summary = await this.#options.workflows.find(id);
    return summary === null ? null : rowOf(summary);
  }

  /** A workflow with its steps; the graph where it is asked for. @throws Problem 404, JournalError */
  async detail(id: string, { withGraph }: { readonly withGraph: boolean }): Promise<WorkflowDetail> {
    const { workflows, veil } = this.#options;
    const summary = await workflows.find(id);
    if (summary === null) {
      throw new Problem(404, "WORKFLOW_UNKNOWN", `There is no workflow "${id}" in this mesh.`);
    }
    return {
      workflow: rowOf(summary),
      steps: veil.data(this.#stepsOf(summary)),
      graph: withGraph && summary.steps.length <= MOST_STEPS ? await this.#graphOf(id) : null,
    };
  }

  #stepsOf({ workflowId, steps }: WorkflowSummary): StepRow[] {
    const underWay = new Map<string, string[]>();
    for (const { taskId, step, endedAt } of this.#options.tasks()) {
      if (step?.workflowId !== workflowId || endedAt !== null) continue;
      underWay.set(step.stepId, [...(underWay.get(step.stepId) ?? []), taskId]);
    }
    return steps.map(({ id, agent, dependsOn, status, tasks }) => {
      const ended = new Set(tasks.map(({ taskId }) => taskId));
      const others = (underWay.get(id) ?? []).filter((taskId) => !ended.has(taskId));
      const all = [...tasks, ...others.map((taskId) => ({ taskId, status: null as TaskStatus | null }))];
      return {
        id,
        agent,
        dependsOn,
        status,
        success: tasks.filter((task) => task.status === "success").length,
        failure: tasks.filter((task) => task.status !== "success").length,
        tasks: all.slice(-MOST_TASKS),
      };
    });
  }

  async #graphOf(id: string): Promise<PlacedChart> {
    const known = this.#graphs.get(id);
    if (known !== undefined) return known;
    const placed = this.#layOut(id);
    this.#graphs.set(id, placed);
    placed.catch(() => this.#graphs.delete(id));
    const [oldest] = this.#graphs.keys();
    if (this.#graphs.size > MOST_GRAPHS && oldest !== undefined) this.#graphs.delete(oldest);
    return placed;
  }

  async #layOut(id: string): Promise<PlacedChart> {
    const { workflows, veil } = this.#options;
    const [started] = await workflows.after(id, null, 1);
    const steps = started?.entry.type === "started" ? started.entry.steps : [];
    return layoutChart(veil.data(workflowGraph(id, steps)), { direction: "right" });
  }
}

function rowOf({
  workflowId,
  status,
  startedAt,
  endedAt,
  steps,
  tokens,
  costUsd,
}: WorkflowSummary): WorkflowRow {
  const stepsEnded = steps.filter((step) => step.status !== "waiting" && step.status !== "running").length;
  return { workflowId, status, startedAt, endedAt, steps: steps.length, stepsEnded, tokens, costUsd };
}
