// The line on which a node tells what it knows of itself, has its actors paused, and shows what its agents' models are
// told. Other nodes, and the inspector, ask by the fabric's messages: so one that is near is asked as one that is far.
// Invariant: nothing is counted or kept for it but the latest moves of actors; whoever does not ask costs nothing.
import type { Clock } from "../src/core/clock.ts";
import {
  agentAnswer,
  agentQuestion,
  pauseAnswer,
  pauseWish,
  statusAnswer,
  statusQuestion,
  STATUS_VERBS,
  type ActorMove,
  type ActorQuestion,
  type ActorStatus,
  type NodeStatus,
  type RoleStatus,
} from "../src/core/node-status.ts";
import type { FabricMessage, Messages, Unsubscribe } from "../src/core/ports.ts";
import { PROFILE_NAMES, profileOf } from "../src/core/profile.ts";
import { systemPrompt } from "../src/core/prompt.ts";
import type { Subjects } from "../src/core/subjects.ts";
import type { Tally } from "../src/tally.ts";
import type { AgentActor } from "./agent-actor.ts";
import type { Population } from "./population.ts";
import { leafOf, pathOf } from "./state-path.ts";

/** What a {@link StatusLine} is made with. */
export interface StatusLineOptions {
  readonly messages: Messages;
  readonly subjects: Subjects;
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly population: Population;
  readonly tally: Tally;
  readonly places: number;
  /** The models that agents ask now. */
  readonly models: () => readonly string[];
}

/** So many moves are kept. */
const KEPT_MOVES = 200;

/** Answers for one node. */
export class StatusLine {
  readonly #options: StatusLineOptions;
  readonly #startedAt: number;
  readonly #subscriptions: readonly Unsubscribe[];
  #moves: ActorMove[] = [];
  #sequence = 0;
  #isStopping = false;

  constructor(options: StatusLineOptions) {
    const { messages, subjects, node, clock } = options;
    this.#options = options;
    this.#startedAt = clock.now();
    const status = (message: FabricMessage) => message.reply(this.#answer(message.payload));
    this.#subscriptions = [
      messages.subscribe(subjects.node(node, STATUS_VERBS.status), status),
      messages.subscribe(subjects.nodes(STATUS_VERBS.status), status),
      messages.subscribe(subjects.node(node, STATUS_VERBS.pause), (message) => {
        const { role, isPaused } = pauseWish.read(message.payload);
        message.reply(pauseAnswer.write({ actors: this.#pause(role, isPaused) }));
      }),
      messages.subscribe(subjects.node(node, STATUS_VERBS.agent), (message) => {
        const { role, profile } = agentQuestion.read(message.payload);
        message.reply(agentAnswer.write({ system: this.#systemOf(role, profile) }));
      }),
    ];
  }

  /** Begins to remember how an actor moves; one that has left needs no goodbye. */
  follow(actor: AgentActor): void {
    let last: string | null = null;
    const move = (to: string | null) => {
      if (to !== last) this.#remember({ address: actor.address, from: last, to });
      last = to;
    };
    const tell = () => move(pathOf(actor.chart.getSnapshot().value));
    tell();
    actor.chart.subscribe({ next: tell, error: () => undefined });
    void actor.ended.then(() => move(null));
  }

  /** From now on it says that it stops. */
  stopping(): void {
    this.#isStopping = true;
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #answer(payload: string): string {
    const { since, actors } = statusQuestion.read(payload);
    const { node, version, clock, places, models } = this.#options;
    const status: NodeStatus = {
      node,
      version,
      startedAt: this.#startedAt,
      at: clock.now(),
      isStopping: this.#isStopping,
      places,
      models: [...models()],
      roles: this.#roles(),
      moves: {
        last: this.#sequence,
        list: since === undefined ? [] : this.#moves.filter(({ sequence }) => sequence > since),
      },
      actors: actors === undefined ? undefined : this.#page(actors),
    };
    return statusAnswer.write(status);
  }

  #roles(): RoleStatus[] {
    const { population, tally } = this.#options;
    return population.agents.map(({ role, kind, capabilities }) => {
      const actors = [...population.actorsOf(role)];
      const states = actors.map(({ chart }) => pathOf(chart.getSnapshot().value));
      const tasks = actors.flatMap((actor) =>
        actor.taskCharts.map((chart) => leafOf(chart.getSnapshot().value)),
      );
      return {
        role,
        kind,
        capabilities: [...capabilities],
        actors: actors.length,
        paused: actors.filter(({ chart }) => chart.getSnapshot().context.wish === "pause").length,
        states: countsOf(states),
        taskStates: countsOf(tasks),
        unread: actors.reduce((sum, { unread }) => sum + unread, 0),
        ended: { ...tally.of(role) },
      };
    });
  }

  #page({ query = "", role, state, after = "", limit }: ActorQuestion): NodeStatus["actors"] {
    const { population } = this.#options;
    const wanted = query.toLowerCase();
    const roles = role === undefined ? population.roles : population.has(role) ? [role] : [];
    const found = roles
      .flatMap((one) => [...population.actorsOf(one)])
      .filter(({ address }) => address.toLowerCase().includes(wanted))
      .filter(({ chart }) => state === undefined || isIn(pathOf(chart.getSnapshot().value), state))
      .sort((a, b) => (a.address < b.address ? -1 : 1));
    const list = found.filter(({ address }) => address > after).slice(0, limit);
    return { total: found.length, list: list.map(statusOf) };
  }

  #pause(role: string, isPaused: boolean): number {
    const { population } = this.#options;
    if (!population.has(role)) return 0;
    const actors = population.actorsOf(role);
    for (const actor of actors) {
      if (isPaused) actor.pause();
      else actor.resume();
    }
    return actors.size;
  }

  #systemOf(role: string, profile: string | null): string | null {
    const { population } = this.#options;
    if (!population.has(role)) return null;
    // With the tools that it was given when it started.
    const [{ agent } = { agent: population.agent(role) }] = population.actorsOf(role);
    if (agent.kind !== "prompt") return null;
    if (profile !== null && !(PROFILE_NAMES as readonly string[]).includes(profile)) return null;
    return systemPrompt(agent, profileOf(profile));
  }

  #remember(move: Pick<ActorMove, "address" | "from" | "to">): void {
    this.#sequence += 1;
    this.#moves.push({ ...move, sequence: this.#sequence, at: this.#options.clock.now() });
    if (this.#moves.length > 2 * KEPT_MOVES) this.#moves = this.#moves.slice(-KEPT_MOVES);
  }
}

function statusOf(actor: AgentActor): ActorStatus {
  const { address, chart, burden, unread, info } = actor;
  const { value, context } = chart.getSnapshot();
  const { restarts, lastCrash } = context;
  return { address, role: info.role, state: pathOf(value), tasks: burden, unread, restarts, lastCrash };
}

/** Whether a path is that of a state or of one within it. */
function isIn(path: string, state: string): boolean {
  return path === state || path.startsWith(`${state}.`) || path.endsWith(`.${state}`);
}

function countsOf(states: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
