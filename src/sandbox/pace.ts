// Keeps the host's event loop free: work that costs by size goes on at once while it is small in sum, and lets the
// loop turn where it is not.
// Invariant: between two turns of the loop at most `SHARE` characters and one piece more are worked off.
import { setImmediate } from "node:timers/promises";

/** Characters per turn of the loop; decoding that many takes a few milliseconds. */
const SHARE = 256 * 1024;

/** Shares out one event loop among all runs of a sandbox. */
export class Pace {
  #spent = 0;
  #turn: Promise<unknown> | null = null;

  /** Waits until a piece of work of that size may go on. */
  async take(size: number): Promise<void> {
    while (this.#spent >= SHARE) await this.#nextTurn();
    this.#spent += size;
    void this.#nextTurn();
  }

  #nextTurn(): Promise<unknown> {
    this.#turn ??= setImmediate().then(() => {
      this.#turn = null;
      this.#spent = 0;
    });
    return this.#turn;
  }
}
