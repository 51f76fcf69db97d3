// What a mesh stands on. Two fabrics give these ports (embedded, NATS); one contract suite checks both.
// Invariant: payloads are bytes or text and addresses are built by address.ts, so that a fabric never
// needs to know what it carries. grammar.ts says what an address may look like, on every fabric alike.

/** A message as a subscriber gets it. */
export interface FabricMessage {
  readonly subject: string;
  readonly payload: string;
  /** Answers a request; does nothing where the message asked for none. */
  reply(payload: string): void;
}

/** Told what a handler of messages or of a watch threw or rejected with, and the subject or key it was handling. */
export type HandlerErrorHook = (error: unknown, subject: string) => void;

/** Ends a subscription or a watch; idempotent. */
export type Unsubscribe = () => void;

/**
 * At-most-once messages by subject, `*` and `>` as wildcards, as in core NATS. Delivery is never within the
 * call of `publish`; one publisher's messages reach one subscriber in order; what a handler throws reaches
 * the fabric's own error hook and never the publisher.
 */
export interface Messages {
  /** @throws DeliveryError `MESSAGE_INVALID` for a bad subject, `ACTOR_STOPPED` once the fabric is closed. */
  publish(subject: string, payload: string): void;
  /**
   * Members of one `queue` share the messages, each delivered to one of them.
   *
   * @throws DeliveryError as `publish` does.
   */
  subscribe(
    subject: string,
    handler: (message: FabricMessage) => void | Promise<void>,
    options?: { readonly queue?: string },
  ): Unsubscribe;
  /**
   * Publishes and waits for the first reply.
   *
   * @throws UnknownError `ACTOR_UNKNOWN` at once where nobody listens; DeliveryError `ASK_TIMEOUT` where
   * nobody answers in time, `ACTOR_STOPPED` where the fabric closes meanwhile; CancelledError on abort.
   */
  request(
    subject: string,
    payload: string,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<string>;
}

/** A stored value and the revision that wrote it. */
export interface KeyValueEntry {
  readonly key: string;
  readonly value: string;
  /** Grows with every write of the key, even over its deletion; 1 or more. */
  readonly revision: number;
}

/** How a key is written. */
export interface KeyValueWrite {
  /**
   * The key is gone so many milliseconds after this write, unless it is written again. All keys of one bucket that
   * expire have the same time: some fabrics know one time for a bucket only.
   */
  readonly ttlMs?: number | undefined;
}

/** What a watch tells: a key's new value, or that it is gone (deleted or expired). */
export type KeyValueChange =
  ({ readonly type: "put" } & KeyValueEntry) | { readonly type: "delete"; readonly key: string };

/**
 * Keys with revisions, in named buckets. A write is durable once its promise resolves.
 * All methods throw StorageError: `PATH_INVALID` for a bad bucket or key, `STORAGE_FAILED` where the store
 * cannot be used, and what each says.
 */
export interface KeyValue {
  /** The value of a key with its revision; null where there is none, or it expired. */
  get(bucket: string, key: string): Promise<KeyValueEntry | null>;
  /** Writes whatever is there; gives the new revision. */
  put(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number>;
  /** @throws StorageError `KEY_EXISTS` */
  create(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number>;
  /** @throws StorageError `REVISION_CONFLICT` unless the key's revision is `revision`. */
  update(
    bucket: string,
    key: string,
    value: string,
    revision: number,
    options?: KeyValueWrite,
  ): Promise<number>;
  /** Does nothing where there is no such key. */
  delete(bucket: string, key: string): Promise<void>;
  /** All keys of a bucket that start with a prefix, sorted by their characters. */
  keys(bucket: string, prefix?: string): Promise<readonly string[]>;
  /**
   * Tells first every key that is there and starts with the prefix, then each change, also those of other processes,
   * in the order of their revisions; of changes that follow fast on one key, perhaps only the last. Resolves once
   * the keys that are there have been told. What the handler throws reaches the fabric's own error hook.
   */
  watch(
    bucket: string,
    handler: (change: KeyValueChange) => void,
    options?: { readonly prefix?: string | undefined },
  ): Promise<Unsubscribe>;
}

/** One entry of a ledger. */
export interface LedgerEntry {
  /** Grows from entry to entry, not always by 1; 1 or more. */
  readonly sequence: number;
  readonly payload: string;
  /** When it was appended, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * Append-only lists of texts by name (a name is a key: see grammar.ts). An entry is durable once its promise resolves.
 * All methods throw StorageError: `PATH_INVALID` for a bad name, `STORAGE_FAILED` where the store cannot be used.
 */
export interface Ledger {
  /**
   * Appends an entry; gives its sequence. `expected` is the sequence of the last entry that the writer knows, 0 for
   * none: so of two writers that both think the ledger theirs, one is refused.
   *
   * @throws StorageError `SEQUENCE_CONFLICT` where the last entry is another.
   */
  append(ledger: string, payload: string, expected: number): Promise<number>;
  /** The entries from a sequence on (from the first, where absent), in order; at most `limit`. */
  read(
    ledger: string,
    options?: { readonly from?: number | undefined; readonly limit?: number | undefined },
  ): Promise<readonly LedgerEntry[]>;
  /** The last entry; null where there is none. */
  last(ledger: string): Promise<LedgerEntry | null>;
  /** The names of all ledgers with entries that start with a prefix, sorted by their characters. */
  names(prefix?: string): Promise<readonly string[]>;
  /** Deletes a ledger whole; does nothing where there is none. Sequences of a later one of that name go on. */
  delete(ledger: string): Promise<void>;
}

/** How a queue's messages are given out; the same for all consumers of a queue. */
export interface ConsumerOptions {
  /** A message that was neither settled nor said to be in progress for so long is given out again; milliseconds. */
  readonly ackWaitMs: number;
  /** After so many deliveries that were not settled, a message becomes a dead letter. */
  readonly maxDeliveries: number;
}

/** A message in hand. It is settled once, by `ack`, `retry` or `reject`; later calls do nothing. */
export interface Delivery {
  readonly id: string;
  readonly payload: string;
  /** The how manieth delivery this is; 1 for the first. */
  readonly deliveries: number;
  /** What its publisher said beside the payload, by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** When it was put in first, in milliseconds since 1970. */
  readonly at: number;
  /** Done: the message is gone for good. */
  ack(): Promise<void>;
  /** Not done: it is given out again, after a delay where one is given. */
  retry(options?: {
    readonly delayMs?: number | undefined;
    readonly reason?: string | undefined;
  }): Promise<void>;
  /** Never to be done: it becomes a dead letter. */
  reject(reason: string): Promise<void>;
  /**
   * Still at work: its time starts anew.
   *
   * @throws StorageError `DELIVERY_LOST` where the message was given to another meanwhile, or is gone.
   */
  inProgress(): Promise<void>;
}

/** Takes messages off a queue. */
export interface QueueConsumer {
  /** The next message, oldest first, as soon as there is one; null where the signal is aborted or it was closed. */
  take(signal?: AbortSignal): Promise<Delivery | null>;
  /** Gives out no more; what is in hand can still be settled. Idempotent. */
  close(): Promise<void>;
}

/** A message that could not be done. */
export interface DeadLetter {
  readonly id: string;
  readonly payload: string;
  readonly deliveries: number;
  readonly reason: string;
  /** When it became one, in milliseconds since 1970. */
  readonly at: number;
}

/** How a message is put into a queue. */
export interface QueueWrite {
  readonly id?: string | undefined;
  /** How long it is held back before it is given out, in milliseconds. */
  readonly delayMs?: number | undefined;
  /** A few short texts that go with the payload, by names of letters, digits and `-`; a fabric may drop what has over 2 KiB. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Durable work queues by name (names and ids of messages are keys: see grammar.ts): each message goes to one consumer,
 * and to another where that one dies; at least once, so that what is done with it must be idempotent.
 * All methods throw StorageError: `PATH_INVALID` for a bad name or id, `STORAGE_FAILED` where the store cannot be used.
 */
export interface Queue {
  /**
   * Puts a message in; it is durable once the promise resolves. One whose id was put in within the last two minutes
   * is not put in again (`duplicate`); made where absent. With `delayMs` it is given out no sooner.
   */
  publish(
    queue: string,
    payload: string,
    options?: QueueWrite,
  ): Promise<{ readonly id: string; readonly duplicate: boolean }>;
  /** Begins to take messages off a queue, which need not have any yet. */
  consume(queue: string, options: ConsumerOptions): Promise<QueueConsumer>;
  /** How many messages wait (delayed ones included), are in hand, and are dead. */
  size(queue: string): Promise<{ readonly waiting: number; readonly inHand: number; readonly dead: number }>;
  /** The dead letters, oldest first. */
  dead(queue: string): Promise<readonly DeadLetter[]>;
  /** Takes a dead letter away; does nothing where there is none of that id. */
  bury(queue: string, id: string): Promise<void>;
}

/** How a blob is written. */
export interface BlobWrite {
  /**
   * True where absent: the blob is durable once the promise resolves. False for what can be made again: over the end
   * of the process it is whole all the same, but a power cut may lose it or cut it short.
   */
  readonly isDurable?: boolean | undefined;
}

/**
 * Named byte sequences; paths are `/`-separated and cannot leave the store.
 * All methods throw StorageError: `PATH_INVALID` or `STORAGE_FAILED`.
 */
export interface Blobs {
  /**
   * Replaces the whole blob at once: a reader sees the old or the new one, never a part. A stream is stored as it
   * comes, without being held in memory; one that fails leaves what was there.
   */
  write(
    path: string,
    data: string | Uint8Array | ReadableStream<Uint8Array>,
    options?: BlobWrite,
  ): Promise<void>;
  /** Null where there is no such blob. */
  read(path: string): Promise<Uint8Array | null>;
  /** The blob as a stream, not held in memory; null where there is no such blob. */
  stream(path: string): Promise<ReadableStream<Uint8Array> | null>;
  /** Does nothing where there is no such blob. */
  delete(path: string): Promise<void>;
  /** All paths that start with a prefix, sorted by their characters. */
  list(prefix?: string): Promise<readonly string[]>;
}

/**
 * Everything that a mesh needs from below. A ledger's first entry is never kept without the messages that the same process
 * asked to be put into queues before it, also where neither was waited for and the process dies: so no task is in its
 * journal alone.
 */
export interface Fabric extends AsyncDisposable {
  /** What it is, as logs speak of it: `embedded`, `nats`. */
  readonly name: string;
  /** Messages between actors and processes; kept nowhere. */
  readonly messages: Messages;
  /** Keys with revisions: leases, presence, memory, budgets. */
  readonly keyValue: KeyValue;
  /** Append-only records: journals, workflows, episodes. */
  readonly ledger: Ledger;
  /** Durable work: the tasks that wait. */
  readonly queue: Queue;
  /** Files: results, and what does not fit elsewhere. */
  readonly blobs: Blobs;
  /** Lets writes under way finish, then holds nothing open; idempotent. */
  close(): Promise<void>;
}
