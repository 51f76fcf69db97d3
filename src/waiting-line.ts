// Those who wait until a shared record has room for them, whoever makes it: this process or another.
// Invariant: nobody stays who could go on. Who may go on is told in the order in which they came, and only as many as
// there is room for; a record is looked at when it changes, when one comes, and when time may have changed what it says.
import type { Clock } from "./core/clock.ts";
import { defer } from "./core/deferred.ts";
import type { Unsubscribe } from "./core/ports.ts";

/** What came of trying to enter: it may go on, or must wait, at most `until` (milliseconds since 1970) to try again. */
type Entered = { readonly type: "held" } | { readonly type: "occupied"; readonly until: number };

/** What a {@link WaitingLine} is made with. */
export interface WaitingLineOptions<T> {
  readonly clock: Clock;
  /** The record of a key as it is now, for this reader alone. */
  readonly read: (key: string) => Promise<T>;
  /** Tells of each change of a key, those of other processes too; perhaps of more. */
  readonly watch: (key: string, changed: () => void) => Promise<Unsubscribe>;
}

/** One who waits. */
export interface Waiting<T> {
  /** From {@link WaitingLine.place}: who has the smaller goes first. */
  readonly place: number;
  /** Enters a copy of the record, where there is room; what it throws is for its own next try to meet. */
  readonly enter: (record: T) => Entered;
  readonly signal?: AbortSignal | undefined;
}

interface Waiter<T> extends Waiting<T> {
  readonly call: () => void;
  readonly fail: (reason: unknown) => void;
}

interface Line<T> {
  readonly waiters: Set<Waiter<T>>;
  readonly watch: Promise<Unsubscribe>;
  isLooking: boolean;
  isStale: boolean;
  timer: unknown;
}

/** Timers of the runtimes count in 32 bits. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Lines of waiters, one for each key. */
export class WaitingLine<T> {
  readonly #options: WaitingLineOptions<T>;
  readonly #lines = new Map<string, Line<T>>();
  #places = 0;

  constructor(options: WaitingLineOptions<T>) {
    this.#options = options;
  }

  /** A place behind all that were given before; it stays, however often its owner has to wait. */
  place(): number {
    return (this.#places += 1);
  }

  /**
   * Waits until the record of a key may have room; others may take it first.
   *
   * @throws the signal's reason where it is aborted first; StorageError where the record cannot be read or watched.
   */
  async wait(key: string, waiting: Waiting<T>): Promise<void> {
    const { signal } = waiting;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = defer<null>();
    const waiter: Waiter<T> = { ...waiting, call: () => resolve(null), fail: reject };
    const onAbort = () => reject(signal?.reason);
    const line = this.#lines.get(key) ?? this.#open(key);
    line.waiters.add(waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      line.watch.catch(reject);
      // What changed before it was watched, and before this one came.
      line.watch.then(() => this.look(key)).catch(() => undefined);
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      line.waiters.delete(waiter);
      if (line.waiters.size === 0) this.#close(key, line);
    }
  }

  /** Looks whether somebody who waits for a key can go on. */
  look(key: string): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    line.isStale = true;
    if (!line.isLooking) void this.#look(key, line);
  }

  async #look(key: string, line: Line<T>): Promise<void> {
    line.isLooking = true;
    while (line.isStale && line.waiters.size > 0) {
      line.isStale = false;
      try {
        this.#callIn(key, line, await this.#options.read(key));
      } catch (error) {
        for (const waiter of line.waiters) waiter.fail(error);
      }
    }
    line.isLooking = false;
  }

  #callIn(key: string, line: Line<T>, record: T): void {
    const { clock } = this.#options;
    let next = Infinity;
    for (const waiter of [...line.waiters].sort((one, other) => one.place - other.place)) {
      const until = waitsUntil(waiter, record);
      if (until === null) {
        line.waiters.delete(waiter);
        waiter.call();
      } else next = Math.min(next, until);
    }
    clock.clearTimeout(line.timer);
    if (line.waiters.size === 0) return;
    // Set in any case: it also keeps the process, which a watch alone need not do.
    const delay = Math.min(Math.max(0, next - clock.now()), LONGEST_TIMER_MS);
    line.timer = clock.setTimeout(() => this.look(key), delay);
  }

  #open(key: string): Line<T> {
    const watch = this.#options.watch(key, () => this.look(key));
    const line = { waiters: new Set<Waiter<T>>(), watch, isLooking: false, isStale: false, timer: undefined };
    this.#lines.set(key, line);
    return line;
  }

  #close(key: string, line: Line<T>): void {
    if (this.#lines.get(key) !== line) return;
    this.#lines.delete(key);
    this.#options.clock.clearTimeout(line.timer);
    line.watch.then((unsubscribe) => unsubscribe()).catch(() => undefined);
  }
}

/** When one has to look again at the latest; null where it may go on now, be it to be refused. */
function waitsUntil<T>(waiter: Waiter<T>, record: T): number | null {
  try {
    const entered = waiter.enter(record);
    return entered.type === "held" ? null : entered.until;
  } catch {
    return null;
  }
}
