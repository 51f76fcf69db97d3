// Keeps the host's event loop free: pieces of work that a guest can make heavy (decoding and encoding values) go on
// at once while they are short in sum, and let the loop turn where they are not.
// Invariant: in one turn of the loop they take `SHARE_MS` and one piece more at most; they keep their order.

/** Milliseconds of one turn of the loop. */
const SHARE_MS = 8;

/** Shares out one event loop among all runs of a sandbox. */
export class Pace {
  readonly #queue: (() => void)[] = [];
  #spent = 0;
  #isScheduled = false;

  /** Does a piece of work when its time has come. */
  do<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push(() => {
        try {
          resolve(work());
        } catch (thrown) {
          reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
        }
      });
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#spent < SHARE_MS) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      const started = performance.now();
      next();
      this.#spent += performance.now() - started;
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#spent = 0;
      if (this.#queue.length > 0) this.#drain();
    });
  }
}
