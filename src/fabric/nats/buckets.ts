// Buckets as streams that NATS's own key-value knows: one message for each key, the last one.
// Invariant: a key that shall expire is only written where the server lets it expire in that time, and one that shall
// stay only where it stays; a bucket's time is changed only while it holds no keys.
import type { StoredMsg, StreamInfo } from "nats";
import { StorageError } from "../../core/errors.ts";
import { isKey } from "../../core/grammar.ts";
import { API_ERROR, apiErrorOf } from "./failure.ts";
import { DUPLICATE_WINDOW_MS, nanosecondsOf, type NatsLink } from "./link.ts";
import type { Streams } from "./streams.ts";

const NANOS_PER_MS = 1_000_000;

/** The buckets of one mesh. */
export class Buckets {
  readonly #link: NatsLink;
  readonly #streams: Streams;
  readonly #holdsKeys: (bucket: string) => Promise<boolean>;
  /** The times that buckets are known to have, in milliseconds; Infinity for none. */
  readonly #ttls = new Map<string, number>();
  readonly #settling = new Map<string, Promise<unknown>>();

  constructor(link: NatsLink, streams: Streams, holdsKeys: (bucket: string) => Promise<boolean>) {
    this.#link = link;
    this.#streams = streams;
    this.#holdsKeys = holdsKeys;
  }

  stream(bucket: string): string {
    return `KV_${this.#link.names.bucket(bucket)}`;
  }

  /** A key's subject; all of them for `>`. */
  subject(bucket: string, key: string): string {
    return `$KV.${this.#link.names.bucket(bucket)}.${key}`;
  }

  /** The last message of a subject, which may be a filter; null where there is none, or no such bucket. */
  async last(bucket: string, subject: string): Promise<StoredMsg | null> {
    const stream = this.stream(bucket);
    try {
      return await this.#link.read(stream, { last_by_subj: subject });
    } catch (thrown) {
      if (apiErrorOf(thrown) !== API_ERROR.streamNotFound) throw thrown;
      this.forget(bucket);
      return null;
    }
  }

  /** What the server says of a bucket now, which is made where it is absent. @throws StorageError */
  async ensure(bucket: string, ttlMs = Infinity): Promise<StreamInfo> {
    const stream = this.stream(bucket);
    await this.#make(bucket, ttlMs);
    try {
      return await this.#link.call(`look at stream "${stream}"`, () => this.#link.jsm.streams.info(stream));
    } catch (thrown) {
      if (apiErrorOf(thrown) !== API_ERROR.streamNotFound) throw thrown;
      this.forget(bucket);
      return this.#make(bucket, ttlMs);
    }
  }

  /** A bucket is looked at again before it is written: somebody may have deleted it. */
  forget(bucket: string): void {
    this.#streams.forget(this.stream(bucket));
    this.#ttls.delete(bucket);
  }

  /** As `forget`, for all buckets: the server was away, and may have lost its store. */
  forgetAll(): void {
    for (const bucket of this.#ttls.keys()) this.forget(bucket);
  }

  /**
   * Makes a bucket fit for keys that live so long, Infinity for keys that stay.
   *
   * @throws StorageError where it holds keys of another time, or was made for keys that expire.
   */
  async fit(bucket: string, ttlMs: number, attempt: string): Promise<void> {
    while (this.#ttls.get(bucket) !== ttlMs) {
      // One after the other: else one would take what another is about to write for a key of another time.
      const before = this.#settling.get(bucket);
      if (before !== undefined) {
        await before.catch(() => undefined);
        continue;
      }
      const settled = this.#settle(bucket, ttlMs, attempt).finally(() => this.#settling.delete(bucket));
      this.#settling.set(bucket, settled);
      await settled;
    }
  }

  async #settle(bucket: string, ttlMs: number, attempt: string): Promise<void> {
    if (bucketTtlOf(await this.ensure(bucket, ttlMs)) !== ttlMs) {
      // Its keys first: so they were written under the time that is looked at then, or under an older one.
      const holdsKeys = await this.#holdsKeys(bucket);
      const found = bucketTtlOf(await this.ensure(bucket, ttlMs));
      if (found !== ttlMs && (holdsKeys || ttlMs === Infinity)) throw misfit(attempt, found, ttlMs);
      if (found !== ttlMs) await this.#change(bucket, ttlMs);
    }
    this.#ttls.set(bucket, ttlMs);
  }

  #make(bucket: string, ttlMs: number): Promise<StreamInfo> {
    const plan = {
      name: this.stream(bucket),
      subjects: [this.subject(bucket, ">")],
      max_msgs_per_subject: 1,
      deny_delete: true,
      allow_rollup_hdrs: true,
      allow_direct: false,
      ...(ttlMs === Infinity ? {} : timesOf(ttlMs)),
    };
    return this.#streams.make(plan, `bucket "${bucket}"`);
  }

  async #change(bucket: string, ttlMs: number): Promise<void> {
    const stream = this.stream(bucket);
    await this.#link.call(`set the time of stream "${stream}"`, () =>
      this.#link.jsm.streams.update(stream, timesOf(ttlMs)),
    );
    this.#streams.forget(stream);
  }
}

/** How long a bucket's keys live, in milliseconds; Infinity where they stay. */
export function bucketTtlOf({ config }: StreamInfo): number {
  return config.max_age === 0 ? Infinity : config.max_age / NANOS_PER_MS;
}

/** What narrows the keys of a bucket to those that may start with a prefix: its whole tokens, as servers know them. */
export function filterOf(prefix: string): string {
  const tokens = prefix.slice(0, Math.max(prefix.lastIndexOf("."), 0));
  return isKey(tokens) ? `${tokens}.>` : ">";
}

/** A server remembers the ids of what was written no longer than it keeps it. */
function timesOf(ttlMs: number) {
  return {
    max_age: nanosecondsOf(ttlMs),
    duplicate_window: nanosecondsOf(Math.min(ttlMs, DUPLICATE_WINDOW_MS)),
  };
}

function misfit(attempt: string, found: number, wanted: number): StorageError {
  const say = (ttlMs: number) => (ttlMs === Infinity ? "stays" : `is gone after ${ttlMs} ms`);
  const mend =
    wanted === Infinity
      ? "Keep keys that stay in another bucket."
      : "Keep it in another bucket, or write it once this one holds no keys.";
  return new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt} as a key that ${say(wanted)}: each key of this bucket ${say(found)}, and a bucket on NATS has one ` +
      `time for all its keys. ${mend}`,
  );
}
