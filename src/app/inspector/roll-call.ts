// Who is there: the nodes of a mesh, and what each says of itself when it is asked.
// Invariant: nodes are asked only while somebody looks; one that leaves, or stops answering, is shown as such for a while
// and never as if it were there.
import type { ActorQuestion, ActorStatus, NodeStatus } from "../../core/node-status.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { NodeChange, NodeLine, Paused } from "../../node-line.ts";
import type { KnownNode } from "./overview.ts";
import type { ActorChange } from "./shapes.ts";

interface Node {
  readonly name: string;
  version: string | null;
  startedAt: number | null;
  announced: number;
  status: NodeStatus | null;
  /** How often in a row it did not answer. */
  misses: number;
  goneAt: number | null;
  asking: Promise<void> | null;
}

/** What actors did since they were asked before. */
export interface Moves {
  readonly actors: readonly ActorChange[];
  /** Whether there were more. */
  readonly isSampled: boolean;
}

const ANSWER_MS = 2_000;
/** A node that is gone is shown for so long, in milliseconds. */
const SHOWN_MS = 60_000;
/** After so many answers that did not come, a node is called silent. */
const PATIENCE = 2;

/** Calls the nodes of a mesh. */
export class RollCall {
  readonly #line: NodeLine;
  readonly #nodes = new Map<string, Node>();
  #watching: Promise<Unsubscribe> | null = null;
  #moves: ActorChange[] = [];
  #isSampled = false;

  constructor(line: NodeLine) {
    this.#line = line;
  }

  /** Asks each node that is there; resolves once all have answered or are late. @throws StorageError */
  async call(): Promise<void> {
    await this.#watch();
    const now = Date.now();
    for (const [name, { goneAt }] of this.#nodes) {
      if (goneAt !== null && now - goneAt > SHOWN_MS) this.#nodes.delete(name);
    }
    const there = [...this.#nodes.values()].filter(({ goneAt }) => goneAt === null);
    await Promise.all(there.map((node) => (node.asking ??= this.#ask(node))));
  }

  /** Hears of nodes no more; what is known stays. */
  rest(): void {
    const watching = this.#watching;
    this.#watching = null;
    void watching?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
    this.#moves = [];
  }

  /** The nodes as they are known, this one first. */
  get nodes(): readonly KnownNode[] {
    return [...this.#nodes.values()]
      .map((node) => ({ ...node, isSelf: node.name === this.#line.self, state: stateOf(node) }))
      .sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || (a.name < b.name ? -1 : 1));
  }

  /** How actors moved since this was called before. */
  takeMoves(): Moves {
    const moves = { actors: this.#moves, isSampled: this.#isSampled };
    this.#moves = [];
    this.#isSampled = false;
    return moves;
  }

  /** A page of the actors of some nodes, by address. */
  async actors(
    question: ActorQuestion,
    { node }: { readonly node: string | undefined },
  ): Promise<{ readonly actors: readonly (ActorStatus & { node: string })[]; readonly total: number }> {
    await this.#watch();
    const asked = [...this.#nodes.values()].filter(
      ({ name, goneAt }) => goneAt === null && (node === undefined || name === node),
    );
    const answers = await Promise.all(
      asked.map(({ name }) =>
        this.#line.status(name, { actors: question }, { timeoutMs: ANSWER_MS }).catch(() => null),
      ),
    );
    const pages = answers.flatMap((answer) =>
      answer?.actors === undefined ? [] : [{ ...answer.actors, node: answer.node }],
    );
    const actors = pages
      .flatMap(({ list, node: name }) => list.map((actor) => ({ ...actor, node: name })))
      .sort((a, b) => (a.address < b.address ? -1 : 1));
    return {
      actors: actors.slice(0, question.limit),
      total: pages.reduce((sum, { total }) => sum + total, 0),
    };
  }

  /** Pauses the actors of a role everywhere, or has them go on. @throws UnknownError where there are none */
  async pause(role: string, isPaused: boolean): Promise<Paused> {
    await this.#watch();
    const names = [...this.#nodes.values()].filter(({ goneAt }) => goneAt === null).map(({ name }) => name);
    return this.#line.pause(names, { role, isPaused });
  }

  /** What an agent tells its models of itself, by the first node that has it; null where none has. */
  async systemOf(agent: { readonly role: string; readonly profile: string | null }): Promise<string | null> {
    await this.call();
    for (const { name, goneAt, status } of this.#nodes.values()) {
      if (goneAt !== null || status?.roles.some(({ role }) => role === agent.role) !== true) continue;
      const system = await this.#line.systemOf(name, agent).catch(() => null);
      if (system !== null) return system;
    }
    return null;
  }

  #watch(): Promise<Unsubscribe> {
    if (this.#watching !== null) return this.#watching;
    // A new watch tells first of all who are there: the others are gone.
    const before = new Set(this.#nodes.keys());
    const watching = this.#line.watch((change) => {
      before.delete(change.node);
      this.#hear(change);
    });
    this.#watching = watching;
    watching.then(
      () => {
        for (const node of before) this.#hear({ type: "gone", node });
      },
      () => (this.#watching = null),
    );
    return watching;
  }

  #hear(change: NodeChange): void {
    const known = this.#nodes.get(change.node);
    if (change.type === "gone") {
      if (known === undefined || known.goneAt !== null) return;
      known.goneAt = Date.now();
      return;
    }
    const { version, startedAt, actors: announced } = change;
    const said = { version, startedAt, announced, goneAt: null };
    if (known !== undefined) Object.assign(known, said, known.goneAt === null ? {} : { misses: 0 });
    else {
      const node = { name: change.node, ...said, status: null, misses: 0, asking: null };
      this.#nodes.set(change.node, node);
    }
  }

  async #ask(node: Node): Promise<void> {
    const since = node.status?.moves.last;
    try {
      const status = await this.#line.status(node.name, { since }, { timeoutMs: ANSWER_MS });
      this.#take(node, status, since);
      node.status = status;
      node.misses = 0;
    } catch {
      node.misses += 1;
    } finally {
      node.asking = null;
    }
  }

  #take({ name }: Node, { moves }: NodeStatus, since: number | undefined): void {
    if (since === undefined) return;
    const [first] = moves.list;
    if (first !== undefined && first.sequence > since + 1) this.#isSampled = true;
    for (const { address, at, from, to } of moves.list) {
      if (this.#moves.length >= MOST_MOVES) this.#isSampled = true;
      else this.#moves.push({ address, node: name, at, from, to });
    }
  }
}

/** Moves of all nodes between two calls; more are left out. */
const MOST_MOVES = 200;

function stateOf({ goneAt, misses, status }: Node): KnownNode["state"] {
  if (goneAt !== null) return "gone";
  if (misses >= PATIENCE) return "silent";
  return status?.isStopping === true ? "stopping" : "up";
}
