// Those who wait for a queue's messages in one process, in the order in which they asked.
// Invariant: each is answered once; one who is taken out to be given a message no longer hears the signal.
import type { Delivery } from "../core/ports.ts";

/** One who waits. */
export interface Waiter {
  readonly resolve: (delivery: Delivery | null) => void;
  readonly reject: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** A line of callers who wait. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();
  /** The signals of those who wait; each is listened to once, however many share it. */
  readonly #watched = new Map<AbortSignal, { waiters: number; readonly abort: () => void }>();
  readonly #onAbort: () => void;

  /** `onAbort` is told when somebody has given up. */
  constructor(onAbort: () => void) {
    this.#onAbort = onAbort;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Waits for a message; null where the signal is aborted, or the line was ended. */
  wait(signal?: AbortSignal): Promise<Delivery | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.add({ resolve, reject, signal });
      if (signal !== undefined) this.#watch(signal);
    });
  }

  /** Takes out the one who waits longest, who is now to be answered; undefined where nobody waits. */
  next(): Waiter | undefined {
    const [waiter] = this.#waiting;
    if (waiter !== undefined) this.#remove(waiter);
    return waiter;
  }

  /** Tells all who wait that nothing comes. */
  end(): void {
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) waiter.resolve(null);
  }

  /** Fails all who wait. */
  fail(error: unknown): void {
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) waiter.reject(error);
  }

  #watch(signal: AbortSignal): void {
    const known = this.#watched.get(signal);
    if (known !== undefined) {
      known.waiters += 1;
      return;
    }
    const abort = (): void => {
      for (const waiter of [...this.#waiting]) {
        if (waiter.signal !== signal) continue;
        this.#remove(waiter);
        waiter.resolve(null);
      }
      this.#onAbort();
    };
    this.#watched.set(signal, { waiters: 1, abort });
    signal.addEventListener("abort", abort);
  }

  #remove(waiter: Waiter): void {
    this.#waiting.delete(waiter);
    const { signal } = waiter;
    if (signal === undefined) return;
    const known = this.#watched.get(signal);
    if (known === undefined) return;
    known.waiters -= 1;
    if (known.waiters > 0) return;
    signal.removeEventListener("abort", known.abort);
    this.#watched.delete(signal);
  }
}
