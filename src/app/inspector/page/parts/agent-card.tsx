// An agent on the mesh's page: its actors and tasks by state, what became of its tasks, and a way to pause it.
import type { AgentRow } from "../../shapes.ts";
import { perform } from "../notices.ts";
import { hrefOf } from "../route.ts";
import { count, dollars, isNone } from "../words.ts";
import { Icon } from "./icon.tsx";
import { StateBar } from "./state-mark.tsx";

/** The card. */
export function AgentCard({
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
