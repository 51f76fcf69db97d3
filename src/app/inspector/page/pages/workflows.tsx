// All workflows, the newest first, with how far each has come.
import type { WorkflowRow } from "../../shapes.ts";
import { usePaging } from "../paging.ts";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Filters } from "../parts/filters.tsx";
import { Share, StateMark } from "../parts/state-mark.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useEvents, useNow } from "../reading.ts";
import { hrefOf, type Route } from "../route.ts";
import { ago, dollars, duration, hueOf, plural } from "../words.ts";

/** The page. */
export function WorkflowsPage({ place }: { readonly place: Route }) {
  const { query = "" } = place.filter;
  const list = usePaging<WorkflowRow>("workflows", {
    name: "workflows",
    keyOf: ({ workflowId }) => workflowId,
    filter: { query },
  });
  useEvents(
    (event) => {
      if (event.type === "workflows") list.refresh();
    },
    [list.rows],
  );
  return (
    <article class="page">
      <header class="page-head">
        <h1>Workflows</h1>
      </header>
      <Filters
        place={place}
        placeholder="Search workflows"
        choices={[]}
        said={list.isRead ? `${list.isWhole ? "" : "at least "}${plural(list.total, "workflow")}` : ""}
      />
      {!list.isRead ? (
        <Waiting error={list.error} />
      ) : list.total === 0 ? (
        query === "" ? (
          <Empty title="No workflows yet." command="fettle workflow report.yaml">
            A workflow is tasks that depend on each other: in a file, or given to mesh.workflow().
          </Empty>
        ) : (
          <Empty title="No workflow fits.">Search for other words.</Empty>
        )
      ) : (
        <VirtualList
          label="Workflows"
          head={
            <div class="row workflow-row row-head">
              <span>status</span>
              <span>workflow</span>
              <span>progress</span>
              <span class="row-figure wide">cost</span>
              <span class="row-figure wide">took</span>
              <span class="row-figure">started</span>
            </div>
          }
          rows={list.rows}
          total={list.total}
          rowHeight={49}
          keyOf={({ workflowId }) => workflowId}
          draw={(row) => <Row row={row} />}
          onEnd={list.more}
        />
      )}
    </article>
  );
}

function Row({ row }: { readonly row: WorkflowRow }) {
  const now = useNow(5000);
  const { workflowId, status, startedAt, endedAt, steps, stepsEnded, costUsd } = row;
  return (
    <a class="row workflow-row" href={hrefOf("workflows", workflowId)} data-row>
      <span class="row-state">
        <StateMark state={status} />
      </span>
      <span class="row-what">
        <span class="row-title">{workflowId}</span>
        <span class="quiet">
          {stepsEnded} of {plural(steps, "step")}
        </span>
      </span>
      <span class="row-bar bar" aria-hidden="true">
        <Share number={stepsEnded} hue={hueOf(status)} />
        <Share number={Math.max(0, steps - stepsEnded)} hue="rest" />
      </span>
      <span class="row-figure wide">{dollars(costUsd)}</span>
      <span class="row-figure wide">{duration((endedAt ?? Math.max(now, startedAt)) - startedAt)}</span>
      <span class="row-figure">{ago(startedAt, now)}</span>
    </a>
  );
}
