// The mesh at a glance: what is under way, who is there, and what it has cost.
import type { AgentRow, MeshOverview, NodeRow } from "../../shapes.ts";
import { mesh } from "../live.ts";
import { perform } from "../notices.ts";
import { useObservable } from "../observable.ts";
import { Empty, Waiting } from "../parts/empty.tsx";
import { Icon } from "../parts/icon.tsx";
import { StateBar, StateMark } from "../parts/state-mark.tsx";
import { useNow } from "../reading.ts";
import { hrefOf } from "../route.ts";
import { ago, count, dollars, duration, hueOf, plural, tokenSum, tokenWords } from "../words.ts";

const MODES = {
  embedded: "in one process",
  distributed: "over NATS",
  stored: "as stored in its data folder",
} as const;

/** The page. */
export function MeshPage() {
  const seen = useObservable(mesh);
  if (seen === null) return <Waiting error={null} />;
  const up = seen.nodes.filter(({ state }) => state !== "gone").length;
  return (
    <article class="page">
      <header class="page-head">
        <div>
          <h1>{seen.name}</h1>
          <p class="quiet">
            {[MODES[seen.mode], plural(up, "node"), plural(seen.totals.actors, "actor"), ...seen.models].join(
              " · ",
            )}
          </p>
        </div>
      </header>
      <div>
        <Totals totals={seen.totals} />
        <p class="counted quiet">
          {seen.mode === "stored"
            ? "Counted over all tasks that are stored."
            : "What became of tasks is counted since each node started."}
        </p>
      </div>
      <section aria-labelledby="agents">
        <h2 id="agents">Agents</h2>
        {seen.agents.length === 0 ? (
          <Empty title="No agents yet." command="fettle init my-agents">
            A mesh works by its agents: add one in a program, or begin with a project that has one.
          </Empty>
        ) : (
          <ul class="cards">
            {seen.agents.map((agent) => (
              <AgentCard
                key={agent.role}
                agent={agent}
                canPause={seen.can.pause}
                without={seen.mode === "stored" ? "" : "no node has it"}
              />
            ))}
          </ul>
        )}
      </section>
      <section aria-labelledby="nodes">
        <h2 id="nodes">Nodes</h2>
        {seen.nodes.length === 0 ? (
          <Empty title="No node is up." command="fettle inspect agents.ts">
            {seen.mode === "stored"
              ? "What is seen here is what the data folder holds: no program is asked. A mesh that is to be steered is opened with its agents."
              : "A mesh works on the nodes that are up: programs that have started it."}
          </Empty>
        ) : (
          <ul class="nodes">
            {seen.nodes.map((node) => (
              <Node key={node.name} node={node} />
            ))}
          </ul>
        )}
      </section>
    </article>
  );
}

function Totals({ totals }: Pick<MeshOverview, "totals">) {
  const { awaitingApproval: asked, costUsd, tokens } = totals;
  return (
    <dl class="totals">
      <Total name="at work" value={count(totals.running)} hue={totals.running > 0 ? "hue-work" : ""} />
      <Total
        name="waiting"
        value={count(totals.waiting + totals.queued)}
        note={totals.queued > 0 ? `${count(totals.queued)} queued` : ""}
      />
      <Total
        name="to approve"
        value={count(asked)}
        hue={asked > 0 ? "hue-ask" : ""}
        href={hrefOf("approvals")}
      />
      <Total name="succeeded" value={count(totals.success)} hue={totals.success > 0 ? "hue-good" : ""} />
      <Total
        name="failed"
        value={count(totals.failure)}
        hue={totals.failure > 0 ? "hue-bad" : ""}
        note={totals.cancelled > 0 ? `${count(totals.cancelled)} cancelled` : ""}
      />
      <Total name="repairs" value={count(totals.repairs)} />
      <Total name="tokens" value={count(tokenSum(tokens))} title={tokenWords(tokens)} />
      <Total
        name="cost"
        value={dollars(costUsd)}
        title={costUsd === null ? "A model's price is not known" : ""}
      />
    </dl>
  );
}

function Total(props: {
  readonly name: string;
  readonly value: string;
  readonly hue?: string;
  readonly note?: string;
  readonly title?: string;
  readonly href?: string;
}) {
  const { name, value, hue = "", note = "", title = "", href } = props;
  return (
    <div class={`total ${isNone(value) ? "none" : hue}`} title={title === "" ? undefined : title}>
      <dt>
        {href === undefined ? name : <a href={href}>{name}</a>}
        {note === "" ? null : <small> · {note}</small>}
      </dt>
      <dd>{value}</dd>
    </div>
  );
}

function isNone(value: string): boolean {
  return value === "0" || value === "$0";
}

function AgentCard({
  agent,
  canPause,
  without,
}: {
  readonly agent: AgentRow;
  readonly canPause: boolean;
  /** What is said of it where no node has it. */
  readonly without: string;
}) {
  const { role, kind, isPaused, states, taskStates, running, waiting, awaitingApproval, queued } = agent;
  const inHand = { running, waiting, awaitingApproval };
  return (
    <li class="card agent">
      <header>
        <h3>
          <a href={hrefOf("actors", null, { role })}>{role}</a>
        </h3>
        <span class="quiet">
          {kind === null ? without : kind === "prompt" ? "writes code" : "own handler"}
          {agent.nodes.length > 1 ? ` · ${agent.nodes.length} nodes` : ""}
        </span>
        {canPause && kind !== null ? <PauseButton role={role} isPaused={isPaused} /> : null}
      </header>
      <StateBar states={states} noun="actor" />
      <StateBar states={Object.keys(taskStates).length > 0 ? taskStates : inHand} noun="task" />
      <dl class="facts">
        <Fact name="in hand" value={count(running + waiting + awaitingApproval)} />
        <Fact name="queued" value={queued === null ? "–" : count(queued)} />
        <Fact name="succeeded" value={count(agent.success)} />
        <Fact name="failed" value={count(agent.failure)} hue={agent.failure > 0 ? "hue-bad" : ""} />
        <Fact name="repairs" value={count(agent.repairs)} />
        <Fact name="cost" value={dollars(agent.costUsd)} />
      </dl>
      <footer>
        <a href={hrefOf("tasks", null, { role })}>
          Tasks<span class="sr"> of {role}</span>
        </a>
        <a href={hrefOf("actors", null, { role })}>
          Actors<span class="sr"> of {role}</span>
        </a>
        <span class="quiet capabilities">{agent.capabilities.join(", ")}</span>
      </footer>
    </li>
  );
}

function PauseButton({ role, isPaused }: { readonly role: string; readonly isPaused: boolean }) {
  const deed = isPaused ? "resume" : "pause";
  return (
    <button
      type="button"
      class="small"
      aria-pressed={isPaused}
      onClick={() =>
        void perform(
          `agents/${encodeURIComponent(role)}/${deed}`,
          `${role} is ${isPaused ? "at work again" : "paused"}.`,
        )
      }
    >
      <Icon name={isPaused ? "play" : "pause"} />
      {isPaused ? "Resume" : "Pause"}
      <span class="sr"> {role}</span>
    </button>
  );
}

function Fact({
  name,
  value,
  hue = "",
}: {
  readonly name: string;
  readonly value: string;
  readonly hue?: string;
}) {
  return (
    <div class={isNone(value) ? "none" : hue}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Node({ node }: { readonly node: NodeRow }) {
  const now = useNow();
  const { name, state, running, waiting, awaitingApproval, places, startedAt, goneAt } = node;
  const share = places === 0 ? 0 : Math.min(1, running / places);
  return (
    <li class={`card node ${state === "gone" ? "gone" : ""}`} data-node={name}>
      <div class="node-name">
        <strong>{name}</strong>
        <span class="quiet">
          {[node.isSelf ? "serves this page" : "", node.version === null ? "" : `v${node.version}`]
            .filter((part) => part !== "")
            .join(" · ")}
        </span>
      </div>
      <div>
        <StateMark state={state} />
        <span class="quiet since">
          {state === "gone" && goneAt !== null
            ? ago(goneAt, now)
            : startedAt === null
              ? ""
              : `for ${duration(Math.max(0, Math.floor((now - startedAt) / 1000) * 1000))}`}
        </span>
      </div>
      <div class="load">
        <div
          class={`bar ${hueOf("running")}`}
          role="img"
          aria-label={`${running} of ${places} places at work`}
        >
          <span class={hueOf("running")} style={{ flexGrow: share }} />
          <span class="rest" style={{ flexGrow: 1 - share }} />
        </div>
        <span class="quiet">
          {running} of {places} places
        </span>
      </div>
      <span class="quiet">
        {plural(node.actors, "actor")}
        {waiting > 0 ? ` · ${waiting} waiting` : ""}
        {awaitingApproval > 0 ? ` · ${awaitingApproval} to approve` : ""}
      </span>
    </li>
  );
}
