// One workflow: its steps as a graph with how each stands, and its steps as a list with their tasks.
import { useEffect } from "preact/hooks";
import type { PlacedChart } from "../../../charts/placed-chart.ts";
import type { StepRow, WorkflowDetail } from "../../shapes.ts";
import { watch } from "../live.ts";
import { ChartView } from "../parts/chart-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { Share, StateBar, StateMark } from "../parts/state-mark.tsx";
import { useEvents, useNow, useReading } from "../reading.ts";
import { go, hrefOf, listOf } from "../route.ts";
import { count, dollars, duration, hueOf, plural } from "../words.ts";
import { TaskLinks } from "./tasks.tsx";

/** The page. */
export function WorkflowPage({ workflowId }: { readonly workflowId: string }) {
  const { value, error, change } = useReading<WorkflowDetail>(`workflows/${encodeURIComponent(workflowId)}`);
  useEffect(() => {
    watch({ workflow: workflowId });
    return () => watch({});
  }, [workflowId]);
  useEvents(
    (event) => {
      if (event.type !== "workflow" || event.detail.workflow.workflowId !== workflowId) return;
      change((now) => ({ ...event.detail, graph: event.detail.graph ?? now.graph }));
    },
    [workflowId],
  );
  return (
    <article class="page">
      <a class="back" href={listOf("workflows")}>
        <Icon name="back" />
        Workflows
      </a>
      {value !== null ? (
        <Shown detail={value} />
      ) : error?.status === 404 ? (
        <Empty title="There is no such workflow." />
      ) : (
        <Waiting error={error} />
      )}
    </article>
  );
}

function Shown({ detail }: { readonly detail: WorkflowDetail }) {
  const { workflow, steps, graph } = detail;
  const now = useNow();
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{workflow.workflowId}</h1>
          <p class="task-facts">
            <StateMark state={workflow.status} />
            <span class="quiet">
              {workflow.stepsEnded} of {plural(workflow.steps, "step")} ended
            </span>
            <span class="quiet">
              {workflow.endedAt === null ? "for" : "took"}{" "}
              {duration((workflow.endedAt ?? Math.max(now, workflow.startedAt)) - workflow.startedAt)}
            </span>
            {workflow.costUsd === null ? null : <span class="quiet">{dollars(workflow.costUsd)}</span>}
          </p>
        </div>
      </header>
      <StateBar states={counted(steps)} noun="step" />
      {graph === null ? (
        <p class="card note">
          <strong>Too large for a graph.</strong> This workflow has {count(steps.length)} steps; graphs are
          drawn of up to 120. All steps are below, each with what it waits for.
        </p>
      ) : (
        <Graph detail={detail} graph={graph} />
      )}
      <section aria-labelledby="steps">
        <h2 id="steps">Steps</h2>
        <ul class="steps">
          {steps.map((step) => (
            <Step key={step.id} step={step} />
          ))}
        </ul>
      </section>
    </>
  );
}

/** How many steps stand in each way, those first that were first to come. */
function counted(steps: readonly StepRow[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of steps) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The steps as a graph; a step leads to its task, or to its place in the list where it has several. */
function Graph({ detail, graph }: { readonly detail: WorkflowDetail; readonly graph: PlacedChart }) {
  const { workflow, steps } = detail;
  const idOf = (step: StepRow) => `${workflow.workflowId}.${step.id}`;
  const pick = (id: string) => {
    const step = steps.find((one) => idOf(one) === id);
    const [task] = step?.tasks ?? [];
    if (step?.tasks.length === 1 && task !== undefined) go("tasks", task.taskId);
    else if (step !== undefined)
      document.getElementById(`step-${step.id}`)?.scrollIntoView({ block: "center" });
  };
  return (
    <ChartView
      chart={graph}
      title={`The steps of ${workflow.workflowId}`}
      caption={<small class="quiet">A step leads to its task.</small>}
      marks={Object.fromEntries(steps.map((step) => [idOf(step), hueOf(step.status)]))}
      lit={steps.filter(({ status }) => status === "running").map(idOf)}
      onPick={pick}
      follows
    />
  );
}

function Step({ step }: { readonly step: StepRow }) {
  const { id, agent, dependsOn, status, success, failure, tasks } = step;
  const open = tasks.filter((task) => task.status === null).length;
  const [only] = tasks;
  return (
    <li class="step-row" id={`step-${id}`} data-step={id} data-status={status}>
      <StateMark state={status} />
      <div class="row-what">
        {tasks.length === 1 && only !== undefined ? (
          <a class="row-title" href={hrefOf("tasks", only.taskId)} data-row>
            {id}
          </a>
        ) : (
          <span class="row-title">{id}</span>
        )}
        <span class="quiet">
          {agent}
          {dependsOn.length === 0 ? "" : ` · after ${dependsOn.join(", ")}`}
        </span>
      </div>
      {tasks.length <= 1 ? null : (
        <details class="fold">
          <summary data-row>
            {plural(tasks.length, "task")}
            <span class="sr"> of {id}</span>
          </summary>
          <div
            class="bar"
            role="img"
            aria-label={`${success} succeeded, ${failure} failed, ${open} under way`}
          >
            <Share number={success} hue="hue-good" />
            <Share number={failure} hue="hue-bad" />
            <Share number={open} hue="hue-work" />
          </div>
          <TaskLinks tasks={tasks} />
        </details>
      )}
    </li>
  );
}
