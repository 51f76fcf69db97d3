// Which processes are nodes of the mesh now, and which actors run on them: each node says so every two seconds, in
// key-value that forgets it after six.
// Invariant: a node is called gone only where this one would have heard of it: never on its own word after a time in
// which it heard of nobody, as while the server was away.
import { z } from "zod";
import type { Address } from "./core/address.ts";
import type { Clock } from "./core/clock.ts";
import { messageOf } from "./core/errors.ts";
import type { ActorInfo } from "./core/handler.ts";
import type { Log } from "./core/log.ts";
import type { KeyValue, KeyValueChange, Unsubscribe } from "./core/ports.ts";

/** Where nodes say that they are there, each under its name. */
export const PRESENCE_BUCKET = "presence";
/** So often does a node say that it is there, in milliseconds. */
const BEAT_MS = 2_000;
/** So long is it remembered, in milliseconds. */
const TTL_MS = 6_000;
/** So long after it began to hear again does a node not judge of others, in milliseconds: each has said something by then. */
const SETTLE_MS = 5_000;

const recordSchema = z.object({
  v: z.number().int().min(1),
  node: z.string(),
  version: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
  actors: z.array(
    z.object({
      address: z.string().transform((address) => address as Address),
      role: z.string(),
      capabilities: z.array(z.string()),
      mailbox: z.literal("durable").optional().catch(undefined),
    }),
  ),
});

/** What a node says of itself. */
export type NodeRecord = z.infer<typeof recordSchema>;

/** What a node says of itself, from its text in the bucket; null where this version cannot read it. */
export function readNode(text: string): NodeRecord | null {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Told of nodes that come, change and go. */
export interface PresenceListener {
  /** The actors of a node, all of them; called for each change of them. */
  readonly seen: (record: NodeRecord) => void;
  readonly gone: (node: string) => void;
}

/** What {@link Presence} is made with. */
export interface PresenceOptions {
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The actors of this node, now. */
  readonly actors: () => readonly ActorInfo[];
  readonly listener: PresenceListener;
}

/** This node among the others. */
export class Presence implements AsyncDisposable {
  readonly #keyValue: KeyValue;
  readonly #options: PresenceOptions;
  readonly #nodes = new Map<string, string>();
  readonly #startedAt: number;
  #sureFrom: number;
  #saidAt: number;
  #unwatch: Unsubscribe | null = null;
  #timer: unknown;
  #saying: Promise<void> | null = null;
  #isStale = false;
  #isClosed = false;

  constructor(keyValue: KeyValue, options: PresenceOptions) {
    this.#keyValue = keyValue;
    this.#options = options;
    this.#startedAt = this.#saidAt = options.clock.now();
    this.#sureFrom = this.#startedAt + SETTLE_MS;
  }

  /** Says that this node is there, and learns of the others; resolves once those are known. @throws StorageError */
  async open(): Promise<void> {
    await this.#put();
    this.#unwatch = await this.#keyValue.watch(PRESENCE_BUCKET, (change) => this.#hear(change));
    this.#schedule();
  }

  /** Says anew what runs here, soon. */
  announce(): void {
    this.#isStale = true;
    this.#say();
  }

  /** Whether a node surely runs no more. */
  isGone(node: string): boolean {
    if (node === this.#options.node || this.#nodes.has(node)) return false;
    return this.#options.clock.now() >= this.#sureFrom;
  }

  /** The nodes that are there, this one included. */
  get nodes(): readonly string[] {
    return [...this.#nodes.keys()].sort();
  }

  /** Leaves: the others know at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#options.clock.clearTimeout(this.#timer);
    this.#unwatch?.();
    await this.#saying;
    await this.#keyValue
      .delete(PRESENCE_BUCKET, this.#options.node)
      .catch((thrown: unknown) => this.#warn(thrown, "cannot say that this node leaves"));
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#timer = clock.setTimeout(() => {
      this.#say();
      if (!this.#isClosed) this.#schedule();
    }, BEAT_MS);
    // Actors and tasks keep a process alive, not its heartbeat.
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }

  #say(): void {
    if (this.#saying !== null || this.#isClosed) return;
    this.#saying = this.#put()
      .catch((thrown: unknown) => this.#warn(thrown, "cannot say that this node is there"))
      .finally(() => {
        this.#saying = null;
        if (this.#isStale) this.#say();
      });
  }

  async #put(): Promise<void> {
    const { node, version, clock, actors } = this.#options;
    this.#isStale = false;
    const record: NodeRecord = {
      v: 1,
      node,
      version,
      startedAt: this.#startedAt,
      actors: actors().map((actor) => ({ ...actor, capabilities: [...actor.capabilities] })),
    };
    await this.#keyValue.put(PRESENCE_BUCKET, node, JSON.stringify(record), { ttlMs: TTL_MS });
    const now = clock.now();
    // It was silent for long, so perhaps deaf: it was stopped, or the server was away.
    if (now - this.#saidAt > TTL_MS) this.#sureFrom = now + SETTLE_MS;
    this.#saidAt = now;
  }

  #hear(change: KeyValueChange): void {
    const { node: own, listener, log } = this.#options;
    if (change.type === "delete") {
      if (!this.#nodes.delete(change.key) || change.key === own) return;
      log.info({ node: change.key }, "a node has left the mesh");
      listener.gone(change.key);
      return;
    }
    const known = this.#nodes.get(change.key);
    if (known === change.value) return;
    const record = this.#read(change.key, change.value);
    if (record === null) return;
    this.#nodes.set(change.key, change.value);
    if (change.key === own) return;
    if (known === undefined)
      log.info({ node: record.node, version: record.version }, "a node is in the mesh");
    listener.seen(record);
  }

  /** What others write is checked: one that cannot be read is there all the same, but nothing is known of it. */
  #read(key: string, value: string): NodeRecord | null {
    try {
      return recordSchema.parse(JSON.parse(value));
    } catch (thrown) {
      this.#nodes.set(key, value);
      this.#warn(thrown, `a node says something of itself that this version cannot read: ${key}`);
      return null;
    }
  }

  #warn(thrown: unknown, message: string): void {
    this.#options.log.warn({ err: thrown, reason: messageOf(thrown) }, message);
  }
}
