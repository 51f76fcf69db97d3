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

/**
 * Keys with revisions, in named buckets. A write is durable once its promise resolves.
 * All methods throw StorageError: `PATH_INVALID` for a bad bucket or key, `STORAGE_FAILED` where the store
 * cannot be used, and what each says.
 */
export interface KeyValue {
  get(bucket: string, key: string): Promise<KeyValueEntry | null>;
  /** Writes whatever is there; gives the new revision. */
  put(bucket: string, key: string, value: string): Promise<number>;
  /** @throws StorageError `KEY_EXISTS` */
  create(bucket: string, key: string, value: string): Promise<number>;
  /** @throws StorageError `REVISION_CONFLICT` unless the key's revision is `revision`. */
  update(bucket: string, key: string, value: string, revision: number): Promise<number>;
  /** Does nothing where there is no such key. */
  delete(bucket: string, key: string): Promise<void>;
  /** All keys of a bucket that start with a prefix, sorted by their characters. */
  keys(bucket: string, prefix?: string): Promise<readonly string[]>;
}

/**
 * Named byte sequences; paths are `/`-separated and cannot leave the store.
 * All methods throw StorageError: `PATH_INVALID` or `STORAGE_FAILED`.
 */
export interface Blobs {
  /** Replaces the whole blob at once: a reader sees the old or the new one, never a part. */
  write(path: string, data: string | Uint8Array): Promise<void>;
  /** Null where there is no such blob. */
  read(path: string): Promise<Uint8Array | null>;
  /** Does nothing where there is no such blob. */
  delete(path: string): Promise<void>;
  /** All paths that start with a prefix, sorted by their characters. */
  list(prefix?: string): Promise<readonly string[]>;
}

/** Everything that a mesh needs from below. */
export interface Fabric extends AsyncDisposable {
  readonly name: string;
  readonly messages: Messages;
  readonly keyValue: KeyValue;
  readonly blobs: Blobs;
  /** Lets writes under way finish, then holds nothing open; idempotent. */
  close(): Promise<void>;
}
