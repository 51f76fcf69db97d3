// The fabric's own link to NATS: one connection and its JetStream, shared by all parts of one mesh's fabric.
// Invariant: what is stored is stored once, however often it has to be sent: each write has an id that the server knows
// again for two minutes. While the server restarts or the connection is down, calls wait; after that they fail.
import { setMaxListeners } from "node:events";
import {
  headers as makeHeaders,
  nanos,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  type PubAck,
  type StoredMsg,
  type Subscription,
} from "nats";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Unsubscribe } from "../../core/ports.ts";
import type { StreamNames } from "../../core/stream-names.ts";
import { UnderWay } from "../../core/under-way.ts";
import { API_ERROR, apiErrorOf, closedFailure, failure, isPassing, reasonOf } from "./failure.ts";
import { Fence, isFenceWeak } from "./fence.ts";
import { Outage } from "./outage.ts";
import { readAck } from "./pub-ack.ts";
import { Replies } from "./replies.ts";
import { StreamReader, type StreamQuery } from "./stream-reader.ts";

/** Within so long is a write that is sent again known by its id; in milliseconds. JetStream's own default. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** So long is one answer of the server waited for, in milliseconds. */
const ANSWER_MS = 5_000;
/** So long is a server waited for that is away, in milliseconds: shorter than writes are known again. */
const PATIENCE_MS = 100_000;
/** What a server refuses for longer than so is told to the log, and once in so long; in milliseconds. */
const TOLD_AFTER_MS = 5_000;
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** Room for the headers and the subject of a message, in bytes. */
const HEADROOM_BYTES = 8_192;

/** What JetStream is told of a message that it is to store. */
const STORE = {
  id: "Nats-Msg-Id",
  lastSubjectSequence: "Nats-Expected-Last-Subject-Sequence",
  lastMessageId: "Nats-Expected-Last-Msg-Id",
  lastSequence: "Nats-Expected-Last-Sequence",
} as const;

/** What a {@link NatsLink} is made with. */
export interface NatsLinkOptions {
  readonly connection: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly names: StreamNames;
  /** On how many servers each stream is kept. */
  readonly replicas: number;
  /** The most bytes that each stream may hold; -1 for no bound but the account's. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** How something is written to a stream. */
export interface LinkWrite {
  /** What it is called in errors, as in `append to ledger "a"`. */
  readonly attempt: string;
  /** Known again for two minutes; made where absent. */
  readonly id?: string | undefined;
  /** The sequence of the subject's last message, 0 for none; else the write is refused. */
  readonly lastSubjectSequence?: number | undefined;
  /** The id of the stream's last message; else the write is refused. */
  readonly lastMessageId?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** How an answer is waited for. */
export interface LinkQuestion<T> {
  /** What is made of the answer. */
  readonly read: (message: Msg) => T;
  readonly timeoutMs?: number;
  readonly headers?: MsgHdrs;
}

/** Given a message, or why there are none any more. */
type Hear = (error: NatsError | null, message: Msg) => void;

/** A connection to NATS and what all parts of a fabric do with it. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly names: StreamNames;
  readonly replicas: number;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly replies: Replies;
  readonly #reader: StreamReader;
  readonly #outage: Outage;
  readonly #fence = new Fence();
  readonly #closing = new AbortController();
  readonly #underWay = new UnderWay();
  /** Messages on their way into queues. */
  readonly #queued = new Set<Promise<unknown>>();
  /** When the log was told last that something waits. */
  #toldAt = -Infinity;

  constructor(options: NatsLinkOptions) {
    this.connection = options.connection;
    this.jsm = options.jsm;
    this.#reader = new StreamReader(options.jsm);
    this.names = options.names;
    this.replicas = options.replicas;
    this.maxBytes = options.maxBytes;
    this.clock = options.clock;
    this.log = options.log;
    this.#outage = new Outage(options.connection);
    this.replies = new Replies({
      connection: options.connection,
      outage: this.#outage,
      clock: options.clock,
    });
    // Whatever waits for the server listens to it.
    setMaxListeners(0, this.closed);
  }

  /** Aborted once the fabric is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** How large a message's payload may be, in bytes. */
  get maxPayload(): number {
    return (this.connection.info?.max_payload ?? 1_048_576) - HEADROOM_BYTES;
  }

  /**
   * Does what a caller of the fabric asks for; `close` waits for it.
   *
   * @throws StorageError as the work does; `STORAGE_FAILED` for what NATS says, and once the fabric is closed.
   */
  run<T>(attempt: string, work: () => Promise<T>): Promise<T> {
    if (this.closed.aborted) return Promise.reject(closedFailure(attempt));
    return this.#underWay.during(work).catch((thrown: unknown) => {
      throw this.closed.aborted && isPassing(thrown) ? closedFailure(attempt) : failure(attempt, thrown);
    });
  }

  /** Does what nobody but `close` waits for; a failure is told to the log alone. */
  background(attempt: string, work: () => Promise<void>): void {
    this.#underWay
      .during(work)
      .catch((err: unknown) => this.log.warn({ err: failure(attempt, err) }, `cannot ${attempt}`));
  }

  /**
   * Asks the server for something, again where it was away meanwhile; it must do no harm when it is done twice.
   *
   * @throws NatsError as the server says it, also once the patience is over.
   */
  call<T>(attempt: string, work: () => Promise<T>): Promise<T> {
    return this.#again(attempt, () => this.#outage.watch(work));
  }

  #again<T>(
    attempt: string,
    work: () => Promise<T>,
    { since = this.clock.now(), pauseMs = FIRST_PAUSE_MS } = {},
  ): Promise<T> {
    return work().catch(async (thrown: unknown) => {
      const isOver = this.clock.now() - since > PATIENCE_MS || this.connection.isClosed();
      if (isOver || this.closed.aborted || !isPassing(thrown)) throw thrown;
      this.log.debug({ err: thrown, attempt }, "NATS is away: trying again");
      this.#tellOfWaiting(attempt, thrown, since);
      await this.#pause(pauseMs);
      return this.#again(attempt, work, { since, pauseMs: Math.min(pauseMs * 2, LONGEST_PAUSE_MS) });
    });
  }

  /**
   * Asks once.
   *
   * @throws NatsError as {@link Replies} say it, `DISCONNECT` as soon as the connection is away; and what `read` throws.
   */
  ask<T>(
    subject: string,
    payload: string | Uint8Array,
    { read, timeoutMs = ANSWER_MS, headers }: LinkQuestion<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const answered = (message: Msg): void => resolve(read(message));
      this.replies.ask(subject, payload, { timeoutMs, headers, answered, failed: reject });
    });
  }

  /** Of a lost connection the log is told once; a server that is there, and not ready, would be waited for in silence. */
  #tellOfWaiting(attempt: string, thrown: unknown, since: number): void {
    const now = this.clock.now();
    const isRefused = apiErrorOf(thrown) !== undefined;
    if (!isRefused || now - since < TOLD_AFTER_MS || now - this.#toldAt < TOLD_AFTER_MS) return;
    this.#toldAt = now;
    this.log.warn({ attempt, reason: reasonOf(thrown) }, "JetStream is not ready: waiting for it");
  }

  /** Tells whenever the connection is back: of what was sent before, the server may know nothing. */
  onReconnect(handler: () => void): Unsubscribe {
    return this.#outage.onBack(handler);
  }

  /**
   * Stores a message in the stream of its subject.
   *
   * @throws NatsError as `call` does.
   */
  publish(subject: string, payload: string | Uint8Array, write: LinkWrite): Promise<PubAck> {
    const { attempt, lastSubjectSequence: after = 0 } = write;
    const store = (id: string, lastSequence?: number): Promise<PubAck> => {
      const headers = headersOf(write, id, lastSequence);
      let tries = 0;
      const stored = this.#again(attempt, () => {
        tries += 1;
        return this.ask(subject, payload, { read: readAck, headers });
      });
      if (write.lastSubjectSequence === undefined) return stored;
      return stored.catch(async (thrown: unknown) => {
        const isDoubtful = tries > 1 && apiErrorOf(thrown) === API_ERROR.wrongSequence;
        const taken = isDoubtful ? await this.#takenAs(id, subject) : null;
        if (taken === null) throw thrown;
        return taken;
      });
    };
    if (after === 0 || !isFenceWeak(this.connection, this.replicas)) {
      return store(write.id ?? crypto.randomUUID());
    }
    const last = async () => (await this.#lastOf(subject)).message?.seq ?? 0;
    // What was refused may be known by its id: each try has its own.
    return this.#fence.publish({ subject, after, last, store: (seq) => store(crypto.randomUUID(), seq) });
  }

  /**
   * Hears messages. What a callback threw would stop the library from reading, for good: it goes to the log. Headers that
   * cannot be read count as none: any client may write what it likes.
   */
  subscribe(
    subject: string,
    { queue, callback }: { readonly queue?: string | undefined; readonly callback: Hear },
  ): Subscription {
    return this.connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        try {
          callback(error, error === null ? readable(message) : message);
        } catch (thrown) {
          this.log.error({ err: thrown, subject }, "a message from NATS could not be handled");
        }
      },
    });
  }

  /** Counts a message on its way into a queue. */
  queueing<T>(work: Promise<T>): Promise<T> {
    const ended = (): void => void this.#queued.delete(work);
    this.#queued.add(work);
    work.then(ended, ended);
    return work;
  }

  /** Resolves once the messages are in their queues, or were refused, that were on their way. */
  async queued(): Promise<void> {
    if (this.#queued.size > 0) await Promise.allSettled(this.#queued);
  }

  /** Refuses what is asked from now on, waits for what is under way, and closes the connection. */
  async close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#closing.abort();
    await this.#underWay.none();
    if (this.connection.isClosed()) return;
    // Nothing more can be drained where the server is away.
    await this.connection.drain().catch(() => this.connection.close());
  }

  /** A message of a stream; null where there is none. @throws NatsError as `call` does, also where there is no stream. */
  read(stream: string, query: StreamQuery): Promise<StoredMsg | null> {
    return this.call(`read stream "${stream}"`, () => this.#reader.read(stream, query));
  }

  /** The subjects of a stream that match a filter, with how many messages each has. @throws NatsError as `read` does */
  subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    return this.call(`list stream "${stream}"`, () => this.#reader.subjects(stream, filter));
  }

  /**
   * The acknowledgement of a write that may have been refused for its own sake: it was taken, and with the server that
   * took it went the answer and the memory of its id. Null where the last message is another.
   */
  async #takenAs(id: string, subject: string): Promise<PubAck | null> {
    const { stream, message } = await this.#lastOf(subject);
    return message?.header.get(STORE.id) === id ? { stream, seq: message.seq, duplicate: true } : null;
  }

  /** A subject's stream and last message; null for none. */
  async #lastOf(subject: string): Promise<{ readonly stream: string; readonly message: StoredMsg | null }> {
    const stream = await this.call(`read "${subject}"`, () => this.jsm.streams.find(subject));
    return { stream, message: await this.read(stream, { last_by_subj: subject }) };
  }

  async #pause(delayMs: number): Promise<void> {
    const { closed } = this;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        this.clock.clearTimeout(timer);
        closed.removeEventListener("abort", end);
        resolve();
      };
      const timer = this.clock.setTimeout(end, delayMs);
      void this.#outage.back?.then(end);
      closed.addEventListener("abort", end, { once: true });
    });
  }
}

/** The message, without its headers where these cannot be read. */
function readable(message: Msg): Msg {
  try {
    // They are read here, and kept.
    Reflect.get(message, "headers");
    return message;
  } catch {
    return Object.create(message, { headers: { value: undefined } }) as Msg;
  }
}

/** Milliseconds as JetStream counts them. */
export const nanosecondsOf = (milliseconds: number): number => nanos(milliseconds);

/** What JetStream is to know of a message. */
function headersOf(write: LinkWrite, id: string, lastSequence: number | undefined): MsgHdrs {
  const { headers = {}, lastSubjectSequence, lastMessageId } = write;
  const all = makeHeaders();
  for (const name in headers) all.append(name, headers[name] ?? "");
  all.append(STORE.id, id);
  if (lastSubjectSequence !== undefined) all.append(STORE.lastSubjectSequence, String(lastSubjectSequence));
  if (lastMessageId !== undefined) all.append(STORE.lastMessageId, lastMessageId);
  if (lastSequence !== undefined) all.append(STORE.lastSequence, String(lastSequence));
  return all;
}
