// How many messages an actor has in hand: so many that the next is always there, and no more of them than it would do in
// a moment, since other actors of its role may be free sooner.
import type { Clock } from "../src/core/clock.ts";

/** Of however slow messages. */
const LEAST = 4;
const MOST = 256;
/** The moment, in milliseconds. */
const WINDOW_MS = 20;

/** Grows with how many messages are done in a moment. */
export class Appetite {
  readonly #clock: Clock;
  readonly #capacity: number;
  #most: number;
  #done = 0;
  #since: number;

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = Math.min(capacity, MOST);
    this.#most = Math.min(LEAST, this.#capacity);
    this.#since = clock.now();
  }

  /** So many may be in hand now. */
  get most(): number {
    return this.#most;
  }

  /** Notes that a message is done. */
  done(): void {
    this.#done += 1;
    const now = this.#clock.now();
    // Enough for a moment are done in less than one: it need not be over.
    if (now - this.#since < WINDOW_MS && this.#done < this.#most) return;
    this.#most = Math.max(Math.min(LEAST, this.#capacity), Math.min(2 * this.#done, this.#capacity));
    this.#done = 0;
    this.#since = now;
  }
}
