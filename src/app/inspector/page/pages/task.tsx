// One task: what became of it, its chart, and its timeline, through which one can walk back.
// Invariant: chart and timeline show the same moment; while it runs, they follow it unless one has walked away.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Moment, TaskDetail, TaskEnd, TaskRow } from "../../shapes.ts";
import { isTyping } from "../keys.ts";
import { lightOf } from "../lighting.ts";
import { charts, mesh } from "../live.ts";
import { perform } from "../notices.ts";
import { useObservable } from "../observable.ts";
import { ChartView } from "../parts/chart-view.tsx";
import { CodeView } from "../parts/code-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { Scrubber } from "../parts/scrubber.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { Timeline } from "../parts/timeline.tsx";
import { usePlaying, type Playing } from "../playing.ts";
import { useNow } from "../reading.ts";
import { hrefOf, listOf } from "../route.ts";
import { useTask } from "../task-reading.ts";
import {
  clock,
  count,
  dollars,
  duration,
  hueOf,
  plural,
  stateWords,
  tokenSum,
  tokenWords,
} from "../words.ts";

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
          {result === null ? null : <Result result={result} />}
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
        {endedAt === null && seen?.can.cancel === true ? <Cancel taskId={taskId} /> : null}
      </p>
    </header>
  );
}

/** Asks once more before a task is cancelled: it cannot be taken back. */
function Cancel({ taskId }: { readonly taskId: string }) {
  const [isAsking, setAsking] = useState<boolean | null>(null);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isAsking !== null) first.current?.focus();
  }, [isAsking]);
  if (isAsking !== true) {
    return (
      <button key="ask" ref={first} type="button" class="small" onClick={() => setAsking(true)}>
        Cancel task
      </button>
    );
  }
  return (
    <span
      class="sure"
      role="group"
      aria-label="Cancel this task?"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        setAsking(false);
      }}
    >
      <button
        key="sure"
        ref={first}
        type="button"
        class="small danger"
        onClick={() => {
          setAsking(false);
          void perform(`tasks/${encodeURIComponent(taskId)}/cancel`, "The task is being cancelled.");
        }}
      >
        Yes, cancel it
      </button>
      <button type="button" class="small" onClick={() => setAsking(false)}>
        No
      </button>
    </span>
  );
}

function Result({ result }: { readonly result: TaskEnd }) {
  const { status, output, error, isReused, functionId, model, executionTime } = result;
  const hue = status === "success" ? "hue-good" : status === "failure" ? "hue-bad" : "hue-idle";
  return (
    <section class={`card result ${hue}`} aria-labelledby="result">
      <header>
        <h2 id="result">{status === "success" ? "Result" : stateWords(status)}</h2>
        <span class="quiet">{duration(executionTime * 1000)} at work</span>
        {isReused ? <span class="quiet">by proven code</span> : null}
        {model === null ? null : <span class="quiet">{model}</span>}
        {functionId === null ? null : <span class="quiet">kept as {functionId}</span>}
      </header>
      {error === null ? null : (
        <p class="failure">
          <strong>{error.name}</strong> {error.message}
        </p>
      )}
      {output === "" ? null : <CodeView code={output} language={looksLikeJson(output)} label="Output" />}
    </section>
  );
}

function looksLikeJson(text: string): "json" | "text" {
  return /^\s*(?:[[{"\d-]|true\b|false\b|null\b)/.test(text) ? "json" : "text";
}

function TaskChart(props: {
  readonly task: TaskRow;
  readonly moments: readonly Moment[];
  readonly playing: Playing;
}) {
  const { task, moments, playing } = props;
  const all = useObservable(charts);
  const whole = all?.["task"];
  const shown = all?.["task.brief"] ?? whole;
  const { state, from } = stateAt(moments, playing.at, task);
  const { lit, taken } = useMemo(() => lightOf(whole?.graph, from, state), [whole, from, state]);
  return (
    <aside class="task-chart" aria-label="The task's chart">
      {shown === undefined ? (
        <Waiting error={null} />
      ) : (
        <ChartView
          chart={shown}
          title="The task's chart"
          caption={
            <p role="status">
              {state === null ? "not taken up yet" : <StateMark state={state} />}
              {playing.isLive ? null : <span class="quiet"> at moment {playing.at + 1}</span>}
            </p>
          }
          lit={lit}
          taken={taken}
          marks={{ [lit.at(-1) ?? ""]: hueOf(state) }}
          follows
        />
      )}
    </aside>
  );
}

/** The state at a moment, and the one before it. */
function stateAt(
  moments: readonly Moment[],
  at: number,
  task: TaskRow,
): { readonly state: string | null; readonly from: string | null } {
  const states = moments.slice(0, at + 1).map((moment) => moment.state);
  const state = states.at(-1) ?? (at >= moments.length - 1 ? task.state : null);
  const from = states.findLast((one) => one !== state) ?? null;
  return { state, from };
}

function useTaskKeys({ at, goTo, step, goLive, play }: Playing, length: number): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (isTyping(target) || target.closest(".chart-view, pre, select, dialog") !== null) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else if (event.key === "Home") goTo(0);
      else if (event.key === "End") goLive();
      else if (event.key === " " && target.closest("button, a, summary") === null) play();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [at, length, play]);
}
