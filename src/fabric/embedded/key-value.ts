// Keys with revisions in the state file, shared safely by all processes that open it.
// Invariant: a write is on disk before its promise resolves; every write takes the next number of the file's one
// counter, so that a revision never comes back, not even after its key was deleted or expired and made again.
import type { Clock } from "../../core/clock.ts";
import { requireBucket } from "../../core/grammar.ts";
import type {
  HandlerErrorHook,
  KeyValue,
  KeyValueChange,
  KeyValueEntry,
  KeyValueWrite,
  Unsubscribe,
} from "../../core/ports.ts";
import { expiryOf } from "../expiry.ts";
import { find, keysOf, remove, store, tidy, type LiveEntry } from "./key-value-entries.ts";
import type { StateDatabase } from "./shared-database.ts";
import type { StateFile } from "./state-file.ts";
import { Watch } from "./watch.ts";
import { requireAbsent, requireAddress, requireRevision } from "../key-rules.ts";

/** Key-value on LMDB; made by `createEmbeddedFabric`. */
export class EmbeddedKeyValue implements KeyValue {
  readonly #file: StateFile;
  readonly #clock: Clock;
  readonly #onHandlerError: HandlerErrorHook;
  readonly #watches = new Set<Watch>();

  constructor(file: StateFile, clock: Clock, onHandlerError: HandlerErrorHook) {
    this.#file = file;
    this.#clock = clock;
    this.#onHandlerError = onHandlerError;
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    return this.#file.read(requireAddress("read", bucket, key), (database) => {
      const found = find(database, bucket, key, this.#clock.now());
      return found === undefined ? null : { key, value: found.value, revision: found.revision };
    });
  }

  async put(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    return this.#store("write", { bucket, key, value, options }, () => undefined);
  }

  async create(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    return this.#store("create", { bucket, key, value, options }, requireAbsent);
  }

  async update(
    bucket: string,
    key: string,
    value: string,
    revision: number,
    options?: KeyValueWrite,
  ): Promise<number> {
    return this.#store("update", { bucket, key, value, options }, (found, attempt) =>
      requireRevision(found, revision, attempt),
    );
  }

  async delete(bucket: string, key: string): Promise<void> {
    const attempt = requireAddress("delete", bucket, key);
    await this.#write(attempt, bucket, (database, now) => remove(database, bucket, key, now));
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    return this.#file.read(`list the keys of bucket "${bucket}"`, (database) =>
      keysOf(database, bucket, prefix, this.#clock.now()),
    );
  }

  async watch(
    bucket: string,
    handler: (change: KeyValueChange) => void,
    options: { readonly prefix?: string | undefined } = {},
  ): Promise<Unsubscribe> {
    requireBucket(bucket);
    const watch = new Watch({
      file: this.#file,
      clock: this.#clock,
      onHandlerError: this.#onHandlerError,
      bucket,
      prefix: options.prefix ?? "",
      handler,
    });
    const stop = (): void => {
      this.#watches.delete(watch);
      watch.stop();
    };
    this.#watches.add(watch);
    try {
      await watch.start();
      return stop;
    } catch (error) {
      stop();
      throw error;
    }
  }

  /** Ends all watches; the file is its owner's to close. */
  close(): void {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
  }

  /** Writes a key, unless `check` throws at what is there. */
  async #store(
    verb: string,
    write: {
      readonly bucket: string;
      readonly key: string;
      readonly value: string;
      readonly options: KeyValueWrite | undefined;
    },
    check: (found: LiveEntry | undefined, attempt: string) => void,
  ): Promise<number> {
    const { bucket, key, value, options } = write;
    const attempt = requireAddress(verb, bucket, key);
    const expiry = expiryOf(attempt, options);
    return this.#write(attempt, bucket, (database, now) => {
      check(find(database, bucket, key, now), attempt);
      return store(database, bucket, key, { value, expiresAt: expiry(now) });
    });
  }

  async #write<T>(
    attempt: string,
    bucket: string,
    action: (database: StateDatabase, now: number) => T,
  ): Promise<T> {
    const done = await this.#file.write(attempt, (database) => {
      const now = this.#clock.now();
      const result = action(database, now);
      tidy(database, now);
      return result;
    });
    for (const watch of this.#watches) if (watch.bucket === bucket) watch.look();
    return done;
  }
}
