// The mesh at a glance: what is under way, who is there, and what it has cost.
import type { MeshOverview } from "../../shapes.ts";
import { mesh } from "../live.ts";
import { useObservable } from "../observable.ts";
import { AgentCard } from "../parts/agent-card.tsx";
import { Empty, Waiting } from "../parts/empty.tsx";
import { NodeCard } from "../parts/node-card.tsx";
import { hrefOf } from "../route.ts";
import { count, dollars, isNone, plural, tokenSum, tokenWords } from "../words.ts";

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
              <NodeCard key={node.name} node={node} />
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
