// Tells how old what is heard now may be: a process that was stopped for a minute, and wakes, reads what the server sent
// when it fell asleep.
// Invariant: what is heard now was sent no earlier than `heardSince`, give or take the time of a short stall.
import type { Clock } from "../../core/clock.ts";

/** So often is noted that the process is awake; milliseconds. */
const BEAT_MS = 250;
/** A beat that is later than so was held up: the process was stopped, or did something long; milliseconds. */
const STALL_MS = 1_000;

/** Beats from its creation until it is closed. */
export class Pulse {
  readonly #clock: Clock;
  #timer: unknown;
  /** The last time at which nothing unread can have waited for long. */
  #awakeAt: number;
  #beatAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#awakeAt = clock.now();
    this.#beatAt = this.#awakeAt;
    this.#beat();
  }

  /** The earliest time at which what is heard now may have been sent, in milliseconds since 1970. */
  get heardSince(): number {
    const now = this.#clock.now();
    return now - this.#awakeAt > STALL_MS ? this.#awakeAt : now;
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #beat(): void {
    const now = this.#clock.now();
    // After a stall, what was sent in it is read before the next beat, and not before this one.
    if (now - this.#beatAt <= STALL_MS) this.#awakeAt = now;
    this.#beatAt = now;
    this.#timer = this.#clock.setTimeout(() => this.#beat(), BEAT_MS);
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }
}
