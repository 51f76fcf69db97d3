// Asks the nodes of a mesh what they know of themselves, this one like any other, and hears which nodes there are.
// Invariant: what a node does not answer is an error or null, never made up.
import { UnknownError } from "./core/errors.ts";
import {
  agentAnswer,
  agentQuestion,
  pauseAnswer,
  pauseWish,
  statusAnswer,
  statusQuestion,
  STATUS_VERBS,
  type NodeStatus,
  type StatusQuestion,
} from "./core/node-status.ts";
import type { KeyValue, Messages, Unsubscribe } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import { PRESENCE_BUCKET, readNode } from "./presence.ts";

/** What a {@link NodeLine} is made with. */
export interface NodeLineOptions {
  readonly messages: Messages;
  readonly keyValue: KeyValue;
  readonly subjects: Subjects;
  /** This process, as journals name it. */
  readonly node: string;
  readonly version: string;
  /** Whether there may be other nodes. */
  readonly isDistributed: boolean;
}

/** What becomes known of a node; of one whose record cannot be read, its name alone. */
export type NodeChange =
  | {
      readonly type: "seen";
      readonly node: string;
      readonly version: string | null;
      /** Milliseconds since 1970. */
      readonly startedAt: number | null;
      readonly actors: number;
    }
  | { readonly type: "gone"; readonly node: string };

/** How long an answer is waited for. */
export interface AskNodeOptions {
  /** Milliseconds to wait for the answer; default 3,000. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of pausing a role, or of having it go on. */
export interface Paused {
  /** How many actors it was said to. */
  readonly actors: number;
  /** The nodes that did not answer. */
  readonly silent: readonly string[];
}

const TIMEOUT_MS = 3_000;

/** The line to all nodes. */
export class NodeLine {
  readonly #options: NodeLineOptions;

  constructor(options: NodeLineOptions) {
    this.#options = options;
  }

  /** This process, as journals name it. */
  get self(): string {
    return this.#options.node;
  }

  /** Tells of each node that is there, then of those that come, change and go. @throws StorageError */
  async watch(listener: (change: NodeChange) => void): Promise<Unsubscribe> {
    const { keyValue, node, version, isDistributed } = this.#options;
    if (!isDistributed) {
      listener({ type: "seen", node, version, startedAt: null, actors: 0 });
      return () => undefined;
    }
    return keyValue.watch(PRESENCE_BUCKET, (change) => {
      if (change.type === "delete") {
        listener({ type: "gone", node: change.key });
        return;
      }
      const record = readNode(change.value);
      const { version: known = null, startedAt = null, actors = [] } = record ?? {};
      listener({ type: "seen", node: change.key, version: known, startedAt, actors: actors.length });
    });
  }

  /**
   * What a node says of itself.
   *
   * @throws UnknownError, DeliveryError where it does not answer; ZodError where its answer cannot be read.
   */
  async status(
    node: string,
    question: StatusQuestion = {},
    options: AskNodeOptions = {},
  ): Promise<NodeStatus> {
    return statusAnswer.read(await this.#ask(node, "status", statusQuestion.write(question), options));
  }

  /** The nodes that are there now. @throws StorageError */
  async names(): Promise<readonly string[]> {
    const { keyValue, node, isDistributed } = this.#options;
    return isDistributed ? keyValue.keys(PRESENCE_BUCKET) : [node];
  }

  /**
   * Pauses the actors of a role on nodes, or has them go on; actors that start later are not paused.
   *
   * @throws UnknownError where none of them has any.
   */
  async pause(
    nodes: readonly string[],
    { role, isPaused }: { readonly role: string; readonly isPaused: boolean },
  ): Promise<Paused> {
    const wish = pauseWish.write({ role, isPaused });
    const ask = async (node: string) => pauseAnswer.read(await this.#ask(node, "pause", wish)).actors;
    const answers = await Promise.all(nodes.map((node) => ask(node).catch(() => null)));
    const actors = answers.reduce<number>((sum, one) => sum + (one ?? 0), 0);
    const silent = nodes.filter((_, index) => answers[index] === null);
    if (actors > 0) return { actors, silent };
    const others = silent.length === 0 ? "" : ` These did not answer: ${silent.join(", ")}.`;
    throw new UnknownError("AGENT_UNKNOWN", `No node has actors of the role "${role}" now.${others}`);
  }

  /** What a node's agent tells its models of itself; null where it has none, or it asks none. @throws as `status` */
  async systemOf(
    node: string,
    { role, profile }: { readonly role: string; readonly profile: string | null },
  ): Promise<string | null> {
    return agentAnswer.read(await this.#ask(node, "agent", agentQuestion.write({ role, profile }))).system;
  }

  #ask(
    node: string,
    verb: keyof typeof STATUS_VERBS,
    text: string,
    { timeoutMs = TIMEOUT_MS, signal }: AskNodeOptions = {},
  ): Promise<string> {
    const { messages, subjects } = this.#options;
    return messages.request(subjects.node(node, STATUS_VERBS[verb]), text, { timeoutMs, signal });
  }
}
