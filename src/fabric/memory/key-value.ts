// Keys with revisions in memory.
// Invariant: a revision never comes back, not even after its key was deleted or expired and made again; what is past
// its time is gone for every reader, whether or not its timer has fired.
import type { Clock } from "../../core/clock.ts";
import { StorageError } from "../../core/errors.ts";
import { requireBucket } from "../../core/grammar.ts";
import type {
  HandlerErrorHook,
  KeyValue,
  KeyValueChange,
  KeyValueEntry,
  KeyValueWrite,
  Unsubscribe,
} from "../../core/ports.ts";
import { expiryOf, wakeAfter } from "../expiry.ts";
import { requireAbsent, requireAddress, requireRevision } from "../key-rules.ts";

interface Stored {
  readonly entry: KeyValueEntry;
  readonly expiresAt: number;
  timer: unknown;
}

interface Watcher {
  readonly bucket: string;
  readonly prefix: string;
  readonly handler: (change: KeyValueChange) => void;
}

/** Key-value in memory; made by `createMemoryFabric`. */
export class MemoryKeyValue implements KeyValue {
  readonly #buckets = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Set<Watcher>();
  readonly #clock: Clock;
  readonly #onHandlerError: HandlerErrorHook;
  #revision = 0;
  #closed = false;

  constructor(clock: Clock, onHandlerError: HandlerErrorHook) {
    this.#clock = clock;
    this.#onHandlerError = onHandlerError;
  }

  /** Ends all watches and timers. */
  close(): void {
    this.#closed = true;
    this.#watchers.clear();
    for (const stored of this.#buckets.values()) {
      for (const { timer } of stored.values()) this.#clock.clearTimeout(timer);
    }
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    return this.#find(requireAddress("read", bucket, key), bucket, key) ?? null;
  }

  async put(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    const attempt = requireAddress("write", bucket, key);
    this.#find(attempt, bucket, key);
    return this.#store(attempt, bucket, { key, value }, options);
  }

  async create(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    const attempt = requireAddress("create", bucket, key);
    requireAbsent(this.#find(attempt, bucket, key), attempt);
    return this.#store(attempt, bucket, { key, value }, options);
  }

  async update(
    bucket: string,
    key: string,
    value: string,
    revision: number,
    options?: KeyValueWrite,
  ): Promise<number> {
    const attempt = requireAddress("update", bucket, key);
    requireRevision(this.#find(attempt, bucket, key), revision, attempt);
    return this.#store(attempt, bucket, { key, value }, options);
  }

  async delete(bucket: string, key: string): Promise<void> {
    if (this.#find(requireAddress("delete", bucket, key), bucket, key) !== undefined) this.#drop(bucket, key);
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    const entries = this.#entries(`list the keys of bucket "${bucket}"`, bucket, prefix);
    return entries.map(({ key }) => key).sort();
  }

  async watch(
    bucket: string,
    handler: (change: KeyValueChange) => void,
    options: { readonly prefix?: string | undefined } = {},
  ): Promise<Unsubscribe> {
    requireBucket(bucket);
    const watcher: Watcher = { bucket, prefix: options.prefix ?? "", handler };
    const entries = this.#entries(`watch bucket "${bucket}"`, bucket, watcher.prefix);
    this.#watchers.add(watcher);
    entries.sort((a, b) => a.revision - b.revision);
    for (const entry of entries) this.#tell(watcher, { type: "put", ...entry });
    await new Promise<void>((resolve) => queueMicrotask(resolve)); // Behind those that tell.
    return () => {
      this.#watchers.delete(watcher);
    };
  }

  /** All entries of a bucket that are there and whose keys start with a prefix. */
  #entries(attempt: string, bucket: string, prefix: string): KeyValueEntry[] {
    const keys = [...this.#bucket(attempt, bucket).keys()].filter((key) => key.startsWith(prefix));
    return keys.flatMap((key) => this.#find(attempt, bucket, key) ?? []);
  }

  /** The entry of a key; one that is past its time is dropped. */
  #find(attempt: string, bucket: string, key: string): KeyValueEntry | undefined {
    const stored = this.#bucket(attempt, bucket).get(key);
    if (stored === undefined) return undefined;
    if (stored.expiresAt > this.#clock.now()) return stored.entry;
    this.#drop(bucket, key);
    return undefined;
  }

  #store(
    attempt: string,
    bucket: string,
    { key, value }: { readonly key: string; readonly value: string },
    options: KeyValueWrite | undefined,
  ): number {
    const now = this.#clock.now();
    const expiresAt = expiryOf(attempt, options)(now);
    const revision = ++this.#revision;
    const stored: Stored = { entry: { key, value, revision }, expiresAt, timer: undefined };
    const entries = this.#bucket(attempt, bucket);
    this.#clock.clearTimeout(entries.get(key)?.timer);
    entries.set(key, stored);
    if (expiresAt !== Infinity) this.#expire(bucket, stored);
    this.#tellAll(bucket, { type: "put", key, value, revision });
    return revision;
  }

  /** Drops a key once its time is over. */
  #expire(bucket: string, stored: Stored): void {
    const { expiresAt, entry } = stored;
    const left = expiresAt - this.#clock.now();
    if (left <= 0) this.#drop(bucket, entry.key);
    else stored.timer = wakeAfter(this.#clock, left, () => this.#expire(bucket, stored));
  }

  #drop(bucket: string, key: string): void {
    const entries = this.#buckets.get(bucket);
    this.#clock.clearTimeout(entries?.get(key)?.timer);
    if (entries?.delete(key) === true) this.#tellAll(bucket, { type: "delete", key });
  }

  #tellAll(bucket: string, change: KeyValueChange): void {
    for (const watcher of this.#watchers) {
      if (watcher.bucket === bucket && change.key.startsWith(watcher.prefix)) this.#tell(watcher, change);
    }
  }

  #tell(watcher: Watcher, change: KeyValueChange): void {
    queueMicrotask(() => {
      if (!this.#watchers.has(watcher)) return;
      try {
        watcher.handler(change);
      } catch (error) {
        this.#onHandlerError(error, `key-value ${watcher.bucket}`);
      }
    });
  }

  #bucket(attempt: string, bucket: string): Map<string, Stored> {
    if (this.#closed) throw new StorageError("STORAGE_FAILED", `Cannot ${attempt}: the fabric is closed.`);
    const entries = this.#buckets.get(bucket) ?? new Map<string, Stored>();
    this.#buckets.set(bucket, entries);
    return entries;
  }
}
