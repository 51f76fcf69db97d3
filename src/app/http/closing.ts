// The end of a service in two steps: first it takes nothing new and its streams end, then nothing is waited for any more.
// Invariant: each step comes once; who asks to hear of one that has come already hears at once.

/** Where a service stands with its end. */
export class Closing {
  readonly #begun = new Bell();
  readonly #over = new Bell();

  /** `signal` begins the end; what waits then waits at most `graceMs` longer. */
  constructor(signal: AbortSignal | undefined, graceMs: number) {
    const begin = () => {
      this.#begun.ring();
      setTimeout(() => this.#over.ring(), graceMs).unref();
    };
    if (signal?.aborted === true) begin();
    else signal?.addEventListener("abort", begin, { once: true });
  }

  get hasBegun(): boolean {
    return this.#begun.hasRung;
  }

  /** Tells that the end begins; gives what takes the listener back. */
  onBegun(listener: () => void): () => void {
    return this.#begun.hear(listener);
  }

  /** Tells that nothing is waited for any more. */
  onOver(listener: () => void): () => void {
    return this.#over.hear(listener);
  }
}

/** One signal for thousands of listeners: an AbortSignal warns of more than ten. */
class Bell {
  readonly #listeners = new Set<() => void>();
  hasRung = false;

  ring(): void {
    this.hasRung = true;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  hear(listener: () => void): () => void {
    if (this.hasRung) queueMicrotask(listener);
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
