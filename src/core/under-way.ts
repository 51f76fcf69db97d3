// How much is under way, for who must wait until nothing is.
import { defer, type Deferred } from "./deferred.ts";

/** Counts what is under way. */
export class UnderWay {
  #count = 0;
  #none: Deferred<undefined> | null = null;

  /** Does work that is counted while it lasts. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
      if (this.#count === 0) {
        this.#none?.resolve(undefined);
        this.#none = null;
      }
    }
  }

  /** Resolves once nothing is under way. */
  async none(): Promise<void> {
    while (this.#count > 0) {
      this.#none ??= defer();
      await this.#none.promise;
    }
  }
}
