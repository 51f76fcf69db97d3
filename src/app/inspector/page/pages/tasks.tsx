// All tasks, the newest first: searched, narrowed down, and live.
import type { TaskStanding } from "../../../../task-list.ts";
import type { TaskChange, TaskRow } from "../../shapes.ts";
import { mesh } from "../live.ts";
import { useObservable } from "../observable.ts";
import { usePaging } from "../paging.ts";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Filters } from "../parts/filters.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useEvents, useNow } from "../reading.ts";
import { hrefOf, type Route } from "../route.ts";
import { ago, count, dollars, duration, plural } from "../words.ts";

const STANDINGS: readonly TaskStanding[] = [
  "waiting",
  "running",
  "awaiting-approval",
  "success",
  "failure",
  "cancelled",
];

/** The page. */
export function TasksPage({ place }: { readonly place: Route }) {
  const seen = useObservable(mesh);
  const { query = "", role = "", status = "" } = place.filter;
  const list = usePaging<TaskRow>("tasks", {
    name: "tasks",
    keyOf: ({ taskId }) => taskId,
    filter: { query, role, status },
  });
  const known = new Set(list.rows.map(({ taskId }) => taskId));
  useEvents(
    (event) => {
      if (event.type !== "tasks") return;
      const changes = new Map(event.tasks.map((change) => [change.taskId, change]));
      list.change((row) => changed(row, changes.get(row.taskId)));
      if (event.isSampled || event.tasks.some(({ taskId, states }) => !known.has(taskId) || isEnd(states)))
        list.refresh();
    },
    [list.rows],
  );
  const isNarrowed = query !== "" || role !== "" || status !== "";
  return (
    <article class="page">
      <header class="page-head">
        <h1>Tasks</h1>
      </header>
      <Filters
        place={place}
        placeholder="Search tasks"
        choices={[
          { name: "role", label: "Agent", options: seen?.agents.map((agent) => agent.role) ?? [] },
          { name: "status", label: "Status", options: STANDINGS },
        ]}
        said={list.isRead ? `${list.isWhole ? "" : "at least "}${plural(list.total, "task")}` : ""}
      />
      {!list.isRead ? (
        <Waiting error={list.error} />
      ) : list.total === 0 ? (
        isNarrowed ? (
          <Empty title="No task fits.">Search for other words, or take a filter away.</Empty>
        ) : (
          <Empty title="No tasks yet." command={'fettle run agents.ts "What is 12 factorial?"'}>
            A task in plain language is all it takes.
          </Empty>
        )
      ) : (
        <VirtualList
          label="Tasks"
          head={
            <div class="row task-row row-head">
              <span>status</span>
              <span>task</span>
              <span class="row-figure wide">cost</span>
              <span class="row-figure wide">took</span>
              <span class="row-figure">accepted</span>
            </div>
          }
          rows={list.rows}
          total={list.total}
          rowHeight={57}
          keyOf={({ taskId }) => taskId}
          draw={(row) => <Row row={row} />}
          onEnd={list.more}
        />
      )}
    </article>
  );
}

function isEnd(states: readonly string[]): boolean {
  return ["done", "failed", "cancelled"].includes(states.at(-1) ?? "");
}

function changed(row: TaskRow, change: TaskChange | undefined): TaskRow {
  return change === undefined
    ? row
    : { ...row, status: change.status, state: change.states.at(-1) ?? row.state };
}

function Row({ row }: { readonly row: TaskRow }) {
  const now = useNow(5000);
  const { taskId, task, role, status, state, repairs, acceptedAt, endedAt, costUsd } = row;
  return (
    <a class="row task-row" href={hrefOf("tasks", taskId)} data-row>
      <span class="row-state">
        <StateMark state={endedAt === null && state !== null ? state : status} />
      </span>
      <span class="row-what">
        <span class="row-title">{task}</span>
        <span class="quiet">
          {role}
          {row.step === null ? "" : ` · ${row.step.stepId} of ${row.step.workflowId}`}
          {repairs === 0 ? "" : ` · ${plural(repairs, "repair")}`}
          {row.interrupted ? " · interrupted" : ""}
          {row.error === null ? "" : ` · ${row.error.name}: ${row.error.message}`}
        </span>
      </span>
      <span class="row-figure wide">{dollars(costUsd)}</span>
      <span class="row-figure wide">{duration((endedAt ?? Math.max(now, acceptedAt)) - acceptedAt)}</span>
      <span class="row-figure">{ago(acceptedAt, now)}</span>
    </a>
  );
}

/** Rows of tasks where only their ids are known. */
export function TaskLinks({
  tasks,
}: {
  readonly tasks: readonly { taskId: string; status: string | null }[];
}) {
  return (
    <ul class="task-links">
      {tasks.map(({ taskId, status }) => (
        <li key={taskId}>
          <a href={hrefOf("tasks", taskId)}>{taskId}</a> <StateMark state={status ?? "running"} />
        </li>
      ))}
      {tasks.length >= 100 ? <li class="quiet">the latest {count(tasks.length)}</li> : null}
    </ul>
  );
}
