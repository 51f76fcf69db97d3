// A clock that moves only when a test says so.
// Invariant: timers fire in the order of their time, and of equals in the order in which they were set.
import type { Clock } from "./core/clock.ts";

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Time under a test's control; starts at 2026-01-01T00:00:00Z unless told otherwise. */
export class TestClock implements Clock {
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(startedAt = Date.UTC(2026, 0, 1)) {
    this.#now = startedAt;
  }

  now(): number {
    return this.#now;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Calls `fn` once `advance` has moved the clock so many milliseconds on. */
  setTimeout(fn: () => void, delayMs: number): unknown {
    const timer = { at: this.#now + Math.max(0, delayMs), fn };
    this.#timers.add(timer);
    return timer;
  }

  /** Ends a wait; does nothing where it is over. */
  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  /** Moves time on and fires what is due, also what that sets in turn. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fn();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}
