// The population of a mesh: which agents are known, and which actors run for each.
// Invariant: a role belongs to one definition; an actor is in here from its start until it has left the mesh.
import type { AgentDefinition } from "../src/core/agent.ts";
import { DefinitionError, DeliveryError, UnknownError } from "../src/core/errors.ts";
import { AgentActor, type AgentActorOptions } from "./agent-actor.ts";
import type { StopMode } from "./stop-mode.ts";
import type { ActorParts } from "./parts.ts";

/** How the actors of a role in this process stand. */
export interface AgentStanding {
  readonly actors: number;
  /** Those that take tasks up now: neither paused, nor preparing, nor stopping. */
  readonly ready: number;
  /** Tasks that they work on. */
  readonly running: number;
}

/** Knows agents and runs their actors. */
export class Population {
  readonly #agents = new Map<string, AgentDefinition>();
  readonly #actors = new Map<string, Set<AgentActor>>();
  /** The last actor of each role that was started, running or not. */
  readonly #last = new Map<string, AgentActor>();
  #spawned = 0;

  /** All known agents, in the order they were added. */
  get agents(): readonly AgentDefinition[] {
    return [...this.#agents.values()];
  }

  /** @throws DefinitionError `ROLE_DUPLICATE` where another definition has the role. */
  register(agent: AgentDefinition): void {
    const known = this.#agents.get(agent.role);
    if (known !== undefined) {
      throw new DefinitionError(
        `The role "${agent.role}" is taken: each agent of a mesh needs a role of its own. ` +
          "To run more actors of one agent, use spawn().",
        "ROLE_DUPLICATE",
      );
    }
    this.#agents.set(agent.role, agent);
    this.#actors.set(agent.role, new Set());
  }

  isRegistered(agent: AgentDefinition): boolean {
    return this.#agents.get(agent.role) === agent;
  }

  get roles(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Whether agents of the role run in this process. */
  has(role: string): boolean {
    return this.#agents.has(role);
  }

  /** @throws UnknownError that lists the known roles. */
  agent(role: string): AgentDefinition {
    const agent = this.#agents.get(role);
    if (agent !== undefined) return agent;
    throw unknownRole(role, this.roles);
  }

  /** Starts one more actor of an agent. */
  spawn(
    agent: AgentDefinition,
    parts: ActorParts,
    options: Omit<AgentActorOptions, "instance"> & { readonly instance?: string | undefined },
  ): AgentActor {
    this.#spawned += 1;
    const instance = options.instance ?? `${parts.peers?.prefix ?? ""}${this.#spawned}`;
    const actors = this.actorsOf(agent.role);
    if ([...actors].some((actor) => actor.address === `${agent.role}.${instance}`)) {
      throw new DefinitionError(
        `An actor "${agent.role}.${instance}" runs already: choose another instance name.`,
      );
    }
    const actor = new AgentActor(agent, parts, { ...options, instance });
    actors.add(actor);
    this.#last.set(agent.role, actor);
    actor.start();
    void actor.ended.then(() => actors.delete(actor));
    return actor;
  }

  /** The running actors of a role. */
  actorsOf(role: string): Set<AgentActor> {
    this.agent(role);
    return this.#actors.get(role) ?? new Set();
  }

  /** How the actors of a role that run here stand. */
  standingOf(role: string): AgentStanding {
    const actors = [...this.actorsOf(role)];
    const ready = actors.filter(({ isReady }) => isReady).length;
    return { actors: actors.length, ready, running: actors.reduce((sum, { burden }) => sum + burden, 0) };
  }

  /**
   * How many tasks the actors of a role may run at once, of those that take any now; where all have stopped and
   * `orStopped` says so, one: tasks are not left to other nodes then, but ended.
   */
  placesOf(role: string, { orStopped = false } = {}): number {
    const open = [...this.actorsOf(role)].filter(({ isOpen }) => isOpen);
    if (open.length === 0) return orStopped ? 1 : 0;
    return open.reduce((places, { isReady, agent }) => places + (isReady ? agent.concurrency : 0), 0);
  }

  /**
   * The actor of a role that has the least to do; where all have stopped and `orStopped` says so, one that has.
   *
   * @throws DeliveryError where none runs.
   */
  idlest(role: string, { orStopped = false } = {}): AgentActor {
    let best: AgentActor | undefined;
    for (const actor of this.actorsOf(role)) {
      if (actor.isOpen && (best === undefined || actor.burden < best.burden)) best = actor;
    }
    if (best === undefined && orStopped) best = this.#last.get(role);
    if (best !== undefined) return best;
    throw new DeliveryError("ACTOR_STOPPED", `No actor of the role "${role}" runs: all have stopped.`);
  }

  /** Lets all actors work that were paused. */
  resumeAll(): void {
    for (const actors of this.#actors.values()) for (const actor of actors) actor.resume();
  }

  /** Stops all actors, those that may wait for others' answers together with them. */
  async stopAll(mode: StopMode, reason: string): Promise<void> {
    const actors = [...this.#actors.values()].flatMap((set) => [...set]);
    await Promise.all(actors.map((actor) => actor.stop(mode, reason)));
  }
}

/** The error for a role that nobody has. */
export function unknownRole(role: string, known: readonly string[]): UnknownError {
  const names = [...new Set(known)].join(", ") || "none";
  return new UnknownError(
    "AGENT_UNKNOWN",
    `No agent with the role "${role}" is in this mesh (known: ${names}).`,
  );
}
