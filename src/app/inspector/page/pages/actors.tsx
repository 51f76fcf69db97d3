// All actors: searched, narrowed down, and live; one of them with its chart beside the list.
import type { ActorPage, ActorRow } from "../../shapes.ts";
import { charts, mesh } from "../live.ts";
import { useObservable } from "../observable.ts";
import { usePaging } from "../paging.ts";
import { ChartView } from "../parts/chart-view.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Filters } from "../parts/filters.tsx";
import { Icon } from "../parts/icon.tsx";
import { StateMark } from "../parts/state-mark.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useEvents, useNow, useReading } from "../reading.ts";
import { hrefOf, listOf, type Route } from "../route.ts";
import { useLight } from "../lighting.ts";
import { ago, hueOf, plural } from "../words.ts";

const STATES = [
  "preparing",
  "serving.accepting",
  "serving.paused",
  "serving.draining",
  "crashed",
  "backingOff",
  "finishing",
  "stopping",
];

/** The page. */
export function ActorsPage({ place }: { readonly place: Route }) {
  const seen = useObservable(mesh);
  const { query = "", role = "", node = "", state = "" } = place.filter;
  const list = usePaging<ActorRow>("actors", {
    name: "actors",
    keyOf: ({ address }) => address,
    filter: { query, role, node, state },
  });
  useEvents(
    (event) => {
      if (event.type !== "actors") return;
      const states = new Map(event.actors.map(({ address, to }) => [address, to]));
      list.change((row) => ({ ...row, state: states.get(row.address) ?? row.state }));
      if (event.isSampled || event.actors.some(({ from, to }) => from === null || to === null))
        list.refresh();
    },
    [list.rows],
  );
  const isNarrowed = [query, role, node, state].some((value) => value !== "");
  return (
    <article class={place.id === null ? "page" : "page split"}>
      <div class="split-list">
        <header class="page-head">
          <h1>Actors</h1>
        </header>
        <Filters
          place={place}
          placeholder="Search actors"
          choices={[
            { name: "role", label: "Agent", options: seen?.agents.map((agent) => agent.role) ?? [] },
            { name: "node", label: "Node", options: seen?.nodes.map((one) => one.name) ?? [] },
            { name: "state", label: "State", options: STATES },
          ]}
          said={list.isRead ? plural(list.total, "actor") : ""}
        />
        {!list.isRead ? (
          <Waiting error={list.error} />
        ) : list.total === 0 ? (
          isNarrowed ? (
            <Empty title="No actor fits.">Search for other words, or take a filter away.</Empty>
          ) : (
            <Empty title="No actors run." command="fettle inspect agents.ts">
              A program that has started a mesh has an actor for each of its agents, or more.
            </Empty>
          )
        ) : (
          <VirtualList
            label="Actors"
            rows={list.rows}
            total={list.total}
            rowHeight={49}
            keyOf={({ address }) => address}
            draw={(row) => <Row row={row} filter={place.filter} isOpen={row.address === place.id} />}
            onEnd={list.more}
          />
        )}
      </div>
      {place.id === null ? null : (
        <Detail address={place.id} listed={list.rows.find(({ address }) => address === place.id)} />
      )}
    </article>
  );
}

function Row(props: {
  readonly row: ActorRow;
  readonly filter: Readonly<Record<string, string>>;
  readonly isOpen: boolean;
}) {
  const { address, role, node, state, tasks, mailbox, restarts, lastCrash } = props.row;
  return (
    <a
      class="row actor-row"
      href={hrefOf("actors", address, props.filter)}
      aria-current={props.isOpen ? "true" : undefined}
      data-row
    >
      <span class="row-state">
        <StateMark state={state} />
      </span>
      <span class="row-what">
        <span class="row-title mono">{address}</span>
        <span class="quiet">
          {role} on {node}
          {lastCrash === null ? "" : ` · crashed: ${lastCrash.message}`}
        </span>
      </span>
      <span class="row-figure">{tasks === 0 ? "" : plural(tasks, "task")}</span>
      <span class="row-figure wide">{mailbox === 0 ? "" : `${mailbox} in mailbox`}</span>
      <span class="row-figure wide">{restarts === 0 ? "" : plural(restarts, "restart")}</span>
    </a>
  );
}

function Detail({ address, listed }: { readonly address: string; readonly listed: ActorRow | undefined }) {
  const reading = useReading<ActorPage>("actors", { query: address, limit: 20 });
  const all = useObservable(charts);
  const now = useNow();
  const actor = listed ?? reading.value?.actors.find((one) => one.address === address);
  const whole = all?.["agent"];
  const { lit, taken } = useLight(whole?.graph, actor?.state ?? null);
  const shown = all?.["agent.brief"] ?? whole;
  return (
    <aside class="split-detail card" aria-label={`The actor ${address}`}>
      <header>
        <h2 class="mono">{address}</h2>
        <a class="button plain" href={listOf("actors")} aria-label="Close">
          <Icon name="close" />
        </a>
      </header>
      {actor === undefined ? (
        reading.value === null ? (
          <Waiting error={reading.error} />
        ) : (
          <Empty title="This actor is not there (any more)." />
        )
      ) : (
        <>
          <p class="task-facts">
            <a href={hrefOf("tasks", null, { role: actor.role })}>{actor.role}</a>
            <span class="quiet">on {actor.node}</span>
            <span class="quiet">{plural(actor.tasks, "task")}</span>
            <span class="quiet">{actor.mailbox} in mailbox</span>
            <span class="quiet">{plural(actor.restarts, "restart")}</span>
          </p>
          {actor.lastCrash === null ? null : (
            <p class="failure">
              Crashed {ago(actor.lastCrash.at, now)}: {actor.lastCrash.message}
            </p>
          )}
          {shown === undefined ? null : (
            <ChartView
              chart={shown}
              title={`The chart of ${address}`}
              caption={<StateMark state={actor.state} />}
              lit={lit}
              taken={taken}
              marks={{ [lit.at(-1) ?? ""]: hueOf(actor.state) }}
              follows
            />
          )}
        </>
      )}
    </aside>
  );
}
