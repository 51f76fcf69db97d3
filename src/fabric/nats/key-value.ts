// Key-value on JetStream: buckets that NATS's own tools know, with the sequence of a key's message as its revision.
// Invariant: a write is compared with the last message of its key by the server itself; reads ask the leader, so that
// each sees what was written before it.
import { Events, type StoredMsg } from "nats";
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
import { requireAbsent, requireAddress, requireRevision } from "../key-rules.ts";
import { isDeletion, messageOf, TOMBSTONE, valueOf, type BucketMessage } from "./bucket-message.ts";
import { Buckets, filterOf } from "./buckets.ts";
import { API_ERROR, apiErrorOf, isPassing } from "./failure.ts";
import { Feed } from "./feed.ts";
import type { NatsLink } from "./link.ts";
import type { Streams } from "./streams.ts";
import { Watch } from "./watch.ts";

/** A key that is written or deleted. */
interface Target {
  readonly attempt: string;
  readonly bucket: string;
  readonly key: string;
}

/**
 * Keys on JetStream. All keys of one bucket have one time to live, as servers before 2.11 know it for the bucket only: a
 * write of another is refused with `STORAGE_FAILED`, except that the first keys of a bucket without any choose its time.
 * A value that is larger than a message is stored compressed, and refused with `STORAGE_FAILED` where even that is.
 */
export class NatsKeyValue implements KeyValue {
  readonly #link: NatsLink;
  readonly #buckets: Buckets;
  readonly #onHandlerError: HandlerErrorHook;
  readonly #watches = new Set<Watch>();
  /** The last write of each key that is under way: those of one process follow each other. */
  readonly #writes = new Map<string, Promise<unknown>>();

  constructor(link: NatsLink, streams: Streams, onHandlerError: HandlerErrorHook) {
    this.#link = link;
    this.#buckets = new Buckets(link, streams, async (bucket) => (await this.#list(bucket, "")).length > 0);
    this.#onHandlerError = onHandlerError;
    void this.#beginAnew();
  }

  /** Ends all watches. */
  close(): void {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    const attempt = requireAddress("read", bucket, key);
    return this.#link.run(attempt, async () => (await this.#find({ attempt, bucket, key })) ?? null);
  }

  async put(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    const target = { attempt: requireAddress("write", bucket, key), bucket, key };
    return this.#inTurn(target, async () => {
      const message = await this.#messageOf(target, value, options);
      return this.#store(target, message);
    });
  }

  async create(bucket: string, key: string, value: string, options?: KeyValueWrite): Promise<number> {
    const target = { attempt: requireAddress("create", bucket, key), bucket, key };
    return this.#inTurn(target, async () => {
      const message = await this.#messageOf(target, value, options);
      for (let last = 0; ;) {
        const revision = await this.#storeAfter(last, target, message);
        if (revision !== null) return revision;
        const found = await this.#last(target);
        requireAbsent(entryOf(key, found), target.attempt);
        last = found?.seq ?? 0; // Of a deletion.
      }
    });
  }

  async update(
    bucket: string,
    key: string,
    value: string,
    revision: number,
    options?: KeyValueWrite,
  ): Promise<number> {
    const target = { attempt: requireAddress("update", bucket, key), bucket, key };
    return this.#inTurn(target, async () => {
      const message = await this.#messageOf(target, value, options);
      for (;;) {
        // The server alone would take the revision of a deletion.
        requireRevision(await this.#find(target), revision, target.attempt);
        const stored = await this.#storeAfter(revision, target, message);
        if (stored !== null) return stored;
      }
    });
  }

  async delete(bucket: string, key: string): Promise<void> {
    const target = { attempt: requireAddress("delete", bucket, key), bucket, key };
    await this.#inTurn(target, async () => {
      if ((await this.#find(target)) !== undefined) await this.#store(target, TOMBSTONE);
    });
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    return this.#link.run(`list the keys of bucket "${bucket}"`, () => this.#list(bucket, prefix));
  }

  async watch(
    bucket: string,
    handler: (change: KeyValueChange) => void,
    options: { readonly prefix?: string | undefined } = {},
  ): Promise<Unsubscribe> {
    requireBucket(bucket);
    const attempt = `watch bucket "${bucket}"`;
    return this.#link.run(attempt, async () => {
      const watch = new Watch({
        link: this.#link,
        buckets: this.#buckets,
        onHandlerError: this.#onHandlerError,
        bucket,
        prefix: options.prefix ?? "",
        handler,
        has: async (key) => (await this.#find({ attempt, bucket, key })) !== undefined,
      });
      this.#watches.add(watch);
      const stop = (): void => {
        watch.stop();
        this.#watches.delete(watch);
      };
      try {
        await watch.start();
      } catch (thrown) {
        stop();
        throw thrown;
      }
      return stop;
    });
  }

  /** Once the connection is back, watches learn at once what they missed, and nothing about the server is taken for granted. */
  async #beginAnew(): Promise<void> {
    for await (const { type } of this.#link.connection.status()) {
      if (type !== Events.Reconnect) continue;
      this.#buckets.forgetAll();
      for (const watch of this.#watches) watch.renew();
    }
  }

  /** Does something with a key once the writes before it are done. */
  #inTurn<T>({ attempt, bucket, key }: Target, work: () => Promise<T>): Promise<T> {
    return this.#link.run(attempt, () => {
      const name = `${bucket}/${key}`;
      const before = this.#writes.get(name);
      const write = before === undefined ? work() : before.then(work, work);
      this.#writes.set(name, write);
      const end = (): void => {
        if (this.#writes.get(name) === write) this.#writes.delete(name);
      };
      write.then(end, end);
      return write;
    });
  }

  /** What is written, to a bucket that is fit for it. */
  async #messageOf(
    target: Target,
    value: string,
    options: KeyValueWrite | undefined,
  ): Promise<BucketMessage> {
    const { attempt, bucket } = target;
    const ttlMs = expiryOf(attempt, options)(0);
    const message = await messageOf(value, ttlMs, { link: this.#link, attempt });
    await this.#buckets.fit(bucket, ttlMs, attempt);
    return message;
  }

  async #store({ attempt, bucket, key }: Target, message: BucketMessage, last?: number): Promise<number> {
    const { payload, headers } = message;
    const write = { attempt, headers, lastSubjectSequence: last };
    try {
      return (await this.#link.publish(this.#buckets.subject(bucket, key), payload, write)).seq;
    } catch (thrown) {
      if (isPassing(thrown)) this.#buckets.forget(bucket); // It may be gone.
      throw thrown;
    }
  }

  /** Null where the last message of the key is another. */
  async #storeAfter(last: number, target: Target, message: BucketMessage): Promise<number | null> {
    try {
      return await this.#store(target, message, last);
    } catch (thrown) {
      if (apiErrorOf(thrown) === API_ERROR.wrongSequence) return null;
      throw thrown;
    }
  }

  async #find(target: Target): Promise<KeyValueEntry | undefined> {
    return entryOf(target.key, await this.#last(target));
  }

  #last({ bucket, key }: Target): Promise<StoredMsg | null> {
    return this.#buckets.last(bucket, this.#buckets.subject(bucket, key));
  }

  /** The keys of a bucket, sorted; none where there is no such bucket. */
  async #list(bucket: string, prefix: string): Promise<readonly string[]> {
    const root = this.#buckets.subject(bucket, "");
    const filter = root + filterOf(prefix);
    for (;;) {
      const last = await this.#buckets.last(bucket, filter);
      if (last === null) return [];
      const keys = new Set<string>();
      let isWhole = false;
      const feed = new Feed(this.#link, {
        stream: this.#buckets.stream(bucket),
        filter,
        after: 0,
        until: last.seq,
        isHeadersOnly: true,
        onMessage: ({ subject, headers }) => {
          const key = subject.slice(root.length);
          if (isDeletion(headers)) keys.delete(key);
          else if (key.startsWith(prefix)) keys.add(key);
        },
        onTold: () => {
          isWhole = true;
          feed.close();
        },
      });
      await feed.open();
      await feed.ended;
      if (isWhole) return [...keys].sort();
    }
  }
}

function entryOf(key: string, found: StoredMsg | null): KeyValueEntry | undefined {
  if (found === null || isDeletion(found.header)) return undefined;
  return { key, value: valueOf(found.data, found.header), revision: found.seq };
}
