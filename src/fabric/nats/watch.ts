// A watch over the keys of a bucket: a feed of their messages, opened anew where the last one ended, for as long as the
// watch lasts; and the time of each key, as the server drops what has expired without a word.
// Invariant: a change that still stands is told, however long the server was away, in the order of revisions; a deletion
// only of what was told before, and an expiry only once the server says that the key is gone.
import type { StreamInfo } from "nats";
import { defer } from "../../core/deferred.ts";
import type { HandlerErrorHook, KeyValueChange } from "../../core/ports.ts";
import { wakeAfter } from "../expiry.ts";
import { isDeletion, ttlOf, valueOf } from "./bucket-message.ts";
import { bucketTtlOf, filterOf, type Buckets } from "./buckets.ts";
import { closedFailure, failure } from "./failure.ts";
import { Feed, type FeedMessage } from "./feed.ts";
import type { NatsLink } from "./link.ts";

/** What a watch needs. */
export interface WatchParts {
  readonly link: NatsLink;
  readonly buckets: Buckets;
  readonly onHandlerError: HandlerErrorHook;
  readonly bucket: string;
  readonly prefix: string;
  readonly handler: (change: KeyValueChange) => void;
  /** Whether a key is there. */
  readonly has: (key: string) => Promise<boolean>;
}

interface Known {
  readonly revision: number;
  /** When it is looked at, by the server's clock; Infinity for never. */
  looksAt: number;
  pauseMs: number;
}

/** A key that should have expired is looked at again after so long, and then ever longer; in milliseconds. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** So long after a failure a feed is opened again, in milliseconds. */
const RETRY_MS = 1_000;
/** After so long without a feed all is compared anew: deletions may have been cleared away; in milliseconds. */
const CLEARED_AFTER_MS = 600_000;

/** One watch; made by `NatsKeyValue.watch`. */
export class Watch {
  readonly #parts: WatchParts;
  readonly #root: string;
  readonly #told = defer<undefined>();
  readonly #known = new Map<string, Known>();
  /** Of the keys that are known, those that a feed from the beginning has not told yet. */
  #unseen = new Set<string>();
  #feed: Feed | null = null;
  /** When the bucket was made that is watched: another may come in its place. */
  #created = "";
  #leftAt = -Infinity;
  #ttlMs = Infinity;
  #timer: unknown;
  #wakesAt = Infinity;
  #isTold = false;
  #isFailing = false;
  #isLooking = false;
  #isStopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#root = parts.buckets.subject(parts.bucket, "");
    this.#told.promise.catch(() => undefined); // Whoever started it hears of it.
  }

  /**
   * Tells what is there, then goes on by itself.
   *
   * @throws StorageError where the bucket cannot be read.
   */
  start(): Promise<unknown> {
    void this.#follow();
    return this.#told.promise;
  }

  /** Opens another feed: the connection was lost and came back. */
  renew(): void {
    this.#feed?.close();
  }

  stop(): void {
    this.#isStopped = true;
    this.#parts.link.clock.clearTimeout(this.#timer);
    this.#feed?.close();
    this.#told.reject(closedFailure(`watch bucket "${this.#parts.bucket}"`));
  }

  /** Opens one feed after the other. */
  async #follow(): Promise<void> {
    const { link, bucket } = this.#parts;
    while (!this.#isStopped) {
      try {
        await this.#hear();
        this.#isFailing = false;
      } catch (thrown) {
        const error = failure(`watch bucket "${bucket}"`, thrown);
        if (!this.#isTold) this.#told.reject(error);
        if (!this.#isTold || link.closed.aborted) {
          this.stop();
          return;
        }
        if (!this.#isFailing) link.log.warn({ err: error, bucket }, "a watch waits for its bucket");
        this.#isFailing = true; // Said once; what was missed is told once that works again.
        await new Promise<void>((resolve) => wakeAfter(link.clock, RETRY_MS, resolve));
      }
    }
  }

  /** Tells what one feed tells, to its end. */
  async #hear(): Promise<void> {
    const { link, buckets, bucket, prefix } = this.#parts;
    const filter = this.#root + filterOf(prefix);
    const info = await buckets.ensure(bucket);
    const last = await buckets.last(bucket, filter);
    if (this.#isStopped) return;
    const feed = new Feed(link, {
      stream: buckets.stream(bucket),
      filter,
      after: this.#after(info),
      until: last?.seq ?? 0,
      onMessage: (message) => this.#take(message),
      onTold: () => this.#tellUnseen(),
    });
    this.#feed = feed;
    this.#ttlMs = bucketTtlOf(info);
    await feed.open();
    this.#schedule();
    await feed.ended;
    this.#leftAt = link.clock.now();
  }

  /** Where to go on: after what was told last, or at the beginning where that cannot be relied on. */
  #after({ created, state }: StreamInfo): number {
    const last = this.#feed?.last ?? 0;
    const isOther = created !== this.#created || state.last_seq < last;
    const isLate = this.#parts.link.clock.now() - this.#leftAt > CLEARED_AFTER_MS;
    this.#created = created;
    if (isOther) for (const [key, known] of this.#known) this.#known.set(key, { ...known, revision: 0 });
    if (!isOther && !isLate) return last;
    this.#unseen = new Set(this.#known.keys());
    return 0;
  }

  #take({ subject, sequence: revision, time, headers, data }: FeedMessage): void {
    const key = subject.slice(this.#root.length);
    if (!key.startsWith(this.#parts.prefix)) return;
    if (isDeletion(headers)) {
      this.#forget(key);
      return;
    }
    this.#unseen.delete(key);
    if (this.#known.get(key)?.revision === revision) return;
    const looksAt = time + (ttlOf(headers) ?? this.#ttlMs);
    this.#known.set(key, { revision, looksAt, pauseMs: FIRST_PAUSE_MS });
    this.#schedule(looksAt);
    this.#tell({ type: "put", key, value: valueOf(data, headers), revision });
  }

  #forget(key: string): void {
    this.#unseen.delete(key);
    if (this.#known.delete(key)) this.#tell({ type: "delete", key });
  }

  #tellUnseen(): void {
    for (const key of this.#unseen) this.#forget(key);
    this.#isTold = true;
    this.#told.resolve(undefined);
  }

  #tell(change: KeyValueChange): void {
    if (this.#isStopped) return;
    try {
      this.#parts.handler(change);
    } catch (error) {
      this.#parts.onHandlerError(error, `key-value ${this.#parts.bucket}`);
    }
  }

  /** Sees to it that keys are looked at in time; at the time that is given, or that of the next key. */
  #schedule(looksAt?: number): void {
    const { clock } = this.#parts.link;
    const next = looksAt ?? this.#nextLook();
    const feed = this.#feed;
    if (feed === null || this.#isStopped || this.#isLooking || next === Infinity) return;
    if (looksAt !== undefined && this.#wakesAt <= next) return;
    clock.clearTimeout(this.#timer);
    this.#wakesAt = next;
    this.#timer = wakeAfter(clock, next - feed.now(), () => void this.#look());
  }

  #nextLook(): number {
    let next = Infinity;
    for (const { looksAt } of this.#known.values()) next = Math.min(next, looksAt);
    return next;
  }

  /** Tells of the keys that are gone; one that is still there is looked at again. */
  async #look(): Promise<void> {
    const now = this.#feed?.now() ?? 0;
    this.#isLooking = true;
    for (const [key, known] of this.#known) {
      if (known.looksAt > now) continue;
      const isThere = await this.#parts.has(key).catch(() => true);
      if (this.#isStopped) return;
      if (this.#known.get(key) !== known) continue; // It was told anew meanwhile.
      if (!isThere) this.#forget(key);
      known.looksAt = now + known.pauseMs;
      known.pauseMs = Math.min(known.pauseMs * 2, LONGEST_PAUSE_MS);
    }
    this.#isLooking = false;
    this.#wakesAt = Infinity;
    this.#schedule();
  }
}
