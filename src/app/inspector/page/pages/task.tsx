// One task: what became of it, its chart, and its timeline, through which one can walk back.
// Invariant: chart and timeline show the same moment; while it runs, they follow it unless one has walked away.
import { useState } from "preact/hooks";
import type { TaskDetail } from "../../shapes.ts";
import { mesh } from "../live.ts";
import { useObservable } from "../observable.ts";
import { CancelTask } from "../parts/cancel-task.tsx";
import { CodeView } from "../parts/code-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { Scrubber } from "../parts/scrubber.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { TaskChart } from "../parts/task-chart.tsx";
import { TaskResult } from "../parts/task-result.tsx";
import { Timeline } from "../parts/timeline.tsx";
import { usePlaying } from "../playing.ts";
import { useNow } from "../reading.ts";
import { hrefOf, listOf } from "../route.ts";
import { useTaskKeys } from "../task-keys.ts";
import { useTask } from "../task-reading.ts";
import { clock, count, dollars, duration, plural, tokenSum, tokenWords } from "../words.ts";

/** The page. */
export function TaskPage({ taskId }: { readonly taskId: string }) {
  const { detail, error, writing } = useTask(taskId);
  if (detail === null) {
    return (
      <article class="page">
        <Back />
        {error?.status === 404 ? (
          <Empty title="There is no such task." command="fettle tasks">
            Nothing is known of a task “{taskId}” in this mesh.
          </Empty>
        ) : (
          <Waiting error={error} />
        )}
      </article>
    );
  }
  return <Shown detail={detail} writing={writing} />;
}

function Shown({ detail, writing }: { readonly detail: TaskDetail; readonly writing: string }) {
  const { task, moments, result } = detail;
  const playing = usePlaying(moments);
  const [side, setSide] = useState<"timeline" | "chart">("timeline");
  const isAsked = moments.at(-1)?.type === "model-asked" && result === null && !task.interrupted;
  useTaskKeys(playing, moments.length);
  return (
    <article class="page task">
      <Head detail={detail} />
      <div class="sides" role="group" aria-label="What is shown">
        {(["timeline", "chart"] as const).map((one) => (
          <button key={one} type="button" aria-pressed={side === one} onClick={() => setSide(one)}>
            {one === "timeline" ? "Timeline" : "Chart"}
          </button>
        ))}
      </div>
      <div class={`task-body shows-${side}`}>
        <div class="task-timeline">
          {result === null ? null : <TaskResult result={result} />}
          {detail.context === "" ? null : (
            <details class="fold">
              <summary>Context</summary>
              <CodeView code={detail.context} language="json" label="What the task was given" />
            </details>
          )}
          <Timeline
            moments={moments}
            playing={playing}
            isOver={result !== null}
            writing={isAsked || writing !== "" ? writing : null}
          />
        </div>
        <TaskChart task={task} moments={moments} playing={playing} />
      </div>
      {moments.length === 0 ? null : (
        <Scrubber moments={moments} playing={playing} isOver={result !== null} />
      )}
    </article>
  );
}

function Back() {
  return (
    <a class="back" href={listOf("tasks")}>
      <Icon name="back" />
      Tasks
    </a>
  );
}

function Head({ detail }: { readonly detail: TaskDetail }) {
  const { task, result } = detail;
  const seen = useObservable(mesh);
  const now = useNow();
  const { taskId, role, status, state, acceptedAt, endedAt, repairs, tokens, costUsd, node, step } = task;
  const replayed =
    result?.isReplayed === true || detail.moments.some(({ isReplayed }) => isReplayed === true);
  return (
    <header class="task-head">
      <Back />
      <h1>{task.task}</h1>
      <p class="task-facts">
        <StateMark state={endedAt === null && state !== null ? state : status} />
        {replayed ? <span class="chip hue-ask">replayed from a recording</span> : null}
        {task.interrupted ? <span class="chip hue-mend">interrupted</span> : null}
        <a href={hrefOf("tasks", null, { role })}>{role}</a>
        {step === null ? null : <a href={hrefOf("workflows", step.workflowId)}>step {step.stepId}</a>}
        {node === null ? null : <span class="quiet">on {node}</span>}
        <span class="quiet" title={`Accepted ${clock(acceptedAt)}`}>
          {endedAt === null ? "for" : "took"} {duration((endedAt ?? Math.max(now, acceptedAt)) - acceptedAt)}
        </span>
        <span class="quiet">{plural(repairs, "repair")}</span>
        <span class="quiet" title={tokenWords(tokens)}>
          {count(tokenSum(tokens))} tokens
        </span>
        {costUsd === null ? null : <span class="quiet">{dollars(costUsd)}</span>}
        <span class="quiet mono id">{taskId}</span>
        {endedAt === null && seen?.can.cancel === true ? <CancelTask taskId={taskId} /> : null}
      </p>
    </header>
  );
}
