// Leases: which process does a piece of work that only one should do at a time, on any fabric's key-value.
// Invariant: a lease is renewed as long as its holder runs, and ends with it. It keeps two from the same work and
// fences nothing: a holder may pause for longer than its lease lasts and learn of it late, so that what it writes is
// held against the sequence of its ledger all the same.
import type { Clock } from "./core/clock.ts";
import { defer } from "./core/deferred.ts";
import { StorageError } from "./core/errors.ts";
import type { Log } from "./core/log.ts";
import type { KeyValue, KeyValueChange, Unsubscribe } from "./core/ports.ts";

const BUCKET = "leases";
/** So long lasts a lease that is not renewed, in milliseconds. */
const TTL_MS = 9_000;
/** So often are leases looked at that others hold: a holder that is gone does not say so. In milliseconds. */
const LOOK_MS = 1_000;

/** What {@link Leases} are made with. */
export interface LeasesOptions {
  /** What their keys begin with, as in `default.workflow`. */
  readonly scope: string;
  /** This process, as others read it. */
  readonly node: string;
  /** Whether the process of that name surely runs no more; else time alone ends its lease. */
  readonly isGone: (node: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Takes leases by name, waits for those of others, and passes wishes on to their holders. */
export class Leases {
  readonly #keyValue: KeyValue;
  readonly #options: LeasesOptions;
  readonly #held = new Map<string, Lease>();
  /** Who waits for a lease to end, by its name. */
  readonly #waiting = new Map<string, Set<() => void>>();
  /** Told of leases of others that ended, by their names. */
  readonly #listeners = new Set<(name: string) => void>();
  #watch: Promise<Unsubscribe> | null = null;
  #timer: unknown;

  constructor(keyValue: KeyValue, options: LeasesOptions) {
    this.#keyValue = keyValue;
    this.#options = options;
  }

  /**
   * Takes a lease; null where another holds it.
   *
   * @throws StorageError
   */
  async take(name: string): Promise<Lease | null> {
    const { node, isGone, clock, log } = this.#options;
    const key = this.#key(name);
    await (this.#watch ??= this.#watchAll());
    const found = await this.#keyValue.get(BUCKET, key);
    if (found !== null && !isGone(found.value)) return null;
    const write = async (revision: number | null) =>
      revision === null
        ? this.#keyValue.create(BUCKET, key, node, { ttlMs: TTL_MS })
        : this.#keyValue.update(BUCKET, key, node, revision, { ttlMs: TTL_MS });
    let revision: number;
    try {
      revision = await write(found?.revision ?? null);
    } catch (thrown) {
      if (isConflict(thrown)) return null;
      throw thrown;
    }
    const lease = new Lease(revision, {
      renew: write,
      end: async (isOurs) => {
        if (this.#held.get(name) === lease) this.#held.delete(name);
        if (!isOurs) return;
        if (lease.wish !== null) await this.#keyValue.delete(BUCKET, this.#wishKey(name));
        await this.#keyValue.delete(BUCKET, key);
      },
      failed: (thrown) => log.warn({ err: thrown, lease: key }, "a lease could not be renewed or given back"),
      clock,
    });
    this.#held.set(name, lease);
    try {
      const wish = await this.#keyValue.get(BUCKET, this.#wishKey(name));
      if (wish !== null) lease.hear(wish.value);
    } catch (thrown) {
      await lease.release();
      throw thrown;
    }
    return lease;
  }

  /** Who holds a lease; null where nobody does that still runs. @throws StorageError */
  async holder(name: string): Promise<string | null> {
    const found = await this.#keyValue.get(BUCKET, this.#key(name));
    return found === null || this.#options.isGone(found.value) ? null : found.value;
  }

  /** Resolves when a lease may be had, or the signal is aborted. */
  async free(name: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = defer<undefined>();
    const end = () => resolve(undefined);
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(end));
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      await (this.#watch ??= this.#watchAll());
      if ((await this.holder(name)) === null) return;
      this.#timer ??= this.#options.clock.setTimeout(() => void this.#look(), LOOK_MS);
      await promise;
    } finally {
      signal.removeEventListener("abort", end);
      waiting.delete(end);
      if (waiting.size === 0) this.#waiting.delete(name);
    }
  }

  /** Tells whoever holds a lease, or takes it soon, what is wished of it; the last wish stands. @throws StorageError */
  async tell(name: string, wish: string): Promise<void> {
    await this.#keyValue.put(BUCKET, this.#wishKey(name), wish, { ttlMs: TTL_MS });
  }

  /** Hears of leases that end, by time or given back, also of those that nobody here waits for. @throws StorageError */
  async onFreed(listener: (name: string) => void): Promise<void> {
    this.#listeners.add(listener);
    await (this.#watch ??= this.#watchAll());
  }

  /** Looks at no leases any more; those that are held stay so until they are given back. */
  async close(): Promise<void> {
    this.#options.clock.clearTimeout(this.#timer);
    const watch = this.#watch;
    this.#watch = null;
    const stop = await watch?.catch(() => undefined);
    stop?.();
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    for (const name of [...this.#waiting.keys()]) {
      try {
        if ((await this.holder(name)) === null) this.#wake(name);
      } catch (thrown) {
        log.warn({ err: thrown, lease: this.#key(name) }, "cannot look at a lease");
      }
    }
    this.#timer = undefined;
    if (this.#waiting.size > 0 && this.#watch !== null) {
      this.#timer = clock.setTimeout(() => void this.#look(), LOOK_MS);
    }
  }

  #watchAll(): Promise<Unsubscribe> {
    const prefix = this.#options.scope;
    const watch = this.#keyValue.watch(BUCKET, (change) => this.#see(change), { prefix });
    watch.catch(() => (this.#watch = null));
    return watch;
  }

  #see(change: KeyValueChange): void {
    const [leases, wishes] = [this.#key(""), this.#wishKey("")];
    if (change.type === "delete" && change.key.startsWith(leases)) {
      const name = change.key.slice(leases.length);
      this.#wake(name);
      if (!this.#held.has(name)) for (const listener of this.#listeners) listener(name);
    } else if (change.type === "put" && change.key.startsWith(wishes)) {
      this.#held.get(change.key.slice(wishes.length))?.hear(change.value);
    }
  }

  #wake(name: string): void {
    for (const end of this.#waiting.get(name) ?? []) end();
  }

  #key(name: string): string {
    return `${this.#options.scope}.${name}`;
  }

  #wishKey(name: string): string {
    return `${this.#options.scope}-wish.${name}`;
  }
}

interface LeaseParts {
  readonly renew: (revision: number) => Promise<number>;
  readonly end: (isOurs: boolean) => Promise<void>;
  readonly failed: (thrown: unknown) => void;
  readonly clock: Clock;
}

/** A lease that this process holds, until it gives it back or loses it. */
export class Lease {
  readonly #parts: LeaseParts;
  readonly #lost = new AbortController();
  #revision: number;
  #renewing: Promise<boolean> = Promise.resolve(true);
  #timer: unknown;
  #wish: string | null = null;
  #onWish: (wish: string) => void = () => undefined;

  constructor(revision: number, parts: LeaseParts) {
    this.#revision = revision;
    this.#parts = parts;
    this.#schedule();
  }

  /** Aborted when another may have it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** What others wish of its holder; null for nothing. */
  get wish(): string | null {
    return this.#wish;
  }

  /** Calls the listener with what was wished and with what will be. */
  onWish(listener: (wish: string) => void): void {
    this.#onWish = listener;
    if (this.#wish !== null) listener(this.#wish);
  }

  hear(wish: string): void {
    this.#wish = wish;
    this.#onWish(wish);
  }

  /** Gives it back; one that was lost is left to whoever has it now. A store that fails is logged: time ends it then. */
  async release(): Promise<void> {
    this.#parts.clock.clearTimeout(this.#timer);
    // Renewed once more, to be sure that it is no other's that is deleted.
    const isOurs = await this.#renew();
    await this.#parts.end(isOurs).catch(this.#parts.failed);
  }

  /** Gives whether it was renewed. */
  #renew(): Promise<boolean> {
    this.#renewing = this.#renewing.then(async () => {
      if (this.lost.aborted) return false;
      try {
        this.#revision = await this.#parts.renew(this.#revision);
        return true;
      } catch (thrown) {
        if (isConflict(thrown)) this.#lost.abort();
        else this.#parts.failed(thrown);
        return false;
      }
    });
    return this.#renewing;
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.setTimeout(() => {
      void this.#renew();
      if (!this.lost.aborted) this.#schedule();
    }, TTL_MS / 3);
    // Work that is leased keeps its process alive, not the lease.
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }
}

/** Whether another wrote the key first. */
function isConflict(thrown: unknown): boolean {
  return (
    thrown instanceof StorageError && (thrown.code === "KEY_EXISTS" || thrown.code === "REVISION_CONFLICT")
  );
}
