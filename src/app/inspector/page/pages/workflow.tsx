// One workflow: its steps as a graph with how each stands, and its steps as a list with their tasks.
import { useEffect } from "preact/hooks";
import type { StepRow, WorkflowDetail } from "../../shapes.ts";
import { watch } from "../live.ts";
import { ChartView } from "../parts/chart-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { useEvents, useNow, useReading } from "../reading.ts";
import { go, hrefOf } from "../route.ts";
import { dollars, duration, hueOf, plural } from "../words.ts";
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
      <a class="back" href={hrefOf("workflows")}>
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
  const idOf = (step: StepRow) => `${workflow.workflowId}.${step.id}`;
  const marks = Object.fromEntries(steps.map((step) => [idOf(step), hueOf(step.status)]));
  const lit = steps.filter(({ status }) => status === "running").map(idOf);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{workflow.workflowId}</h1>
          <p class="task-facts">
            <StateMark state={workflow.status} />
            <span class="quiet">
              {workflow.stepsEnded} of {plural(workflow.steps, "step")}
            </span>
            <span class="quiet">
              {duration((workflow.endedAt ?? Math.max(now, workflow.startedAt)) - workflow.startedAt)}
            </span>
            <span class="quiet">{dollars(workflow.costUsd)}</span>
          </p>
        </div>
      </header>
      {graph === null ? null : (
        <ChartView
          chart={graph}
          title={`The steps of ${workflow.workflowId}`}
          marks={marks}
          lit={lit}
          onPick={(id) => {
            const step = steps.find((one) => idOf(one) === id);
            const task = step?.tasks.at(-1);
            if (step === undefined) return;
            if (task !== undefined && step.tasks.length === 1) go("tasks", task.taskId);
            else document.getElementById(`step-${step.id}`)?.scrollIntoView({ block: "center" });
          }}
        />
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

function Step({ step }: { readonly step: StepRow }) {
  const { id, agent, dependsOn, status, success, failure, tasks } = step;
  const open = tasks.filter((task) => task.status === null).length;
  return (
    <li class="card step" id={`step-${id}`} data-step={id} data-status={status}>
      <header>
        <h3>{id}</h3>
        <StateMark state={status} />
        <span class="quiet">
          {agent}
          {dependsOn.length === 0 ? "" : ` · after ${dependsOn.join(", ")}`}
        </span>
      </header>
      {success + failure + open === 0 ? null : (
        <div class="bar" role="img" aria-label={`${success} succeeded, ${failure} failed, ${open} under way`}>
          <Part number={success} hue="hue-good" />
          <Part number={failure} hue="hue-bad" />
          <Part number={open} hue="hue-work" />
        </div>
      )}
      {tasks.length === 0 ? null : tasks.length <= 3 ? (
        <TaskLinks tasks={tasks} />
      ) : (
        <details class="fold">
          <summary>{plural(tasks.length, "task")}</summary>
          <TaskLinks tasks={tasks} />
        </details>
      )}
    </li>
  );
}

function Part({ number, hue }: { readonly number: number; readonly hue: string }) {
  return <span class={number === 0 ? "none" : hue} style={{ flexGrow: number }} />;
}
