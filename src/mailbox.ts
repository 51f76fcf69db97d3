// A mailbox: messages wait here, first in, first out, until their actor takes them.
// Invariant: at most `capacity` wait; what was pushed is taken exactly once or handed back by `clear`.
import { DeliveryError } from "./core/errors.ts";

/** The options of a {@link Mailbox}. */
export interface MailboxOptions {
  /** Whose mailbox it is, for errors. */
  readonly owner: string;
  /** How many messages may wait. */
  readonly capacity: number;
}

/** A bounded FIFO queue with one reader. */
export class Mailbox<T> {
  readonly #owner: string;
  readonly #capacity: number;
  #items: (T | undefined)[] = [];
  #head = 0;
  #held = false;
  #closed = false;
  #wake: (() => void) | null = null;

  constructor(options: MailboxOptions) {
    this.#owner = options.owner;
    this.#capacity = options.capacity;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#items.length - this.#head;
  }

  /**
   * Adds a message at the end.
   *
   * @throws DeliveryError `MAILBOX_FULL` where as many wait as may, `ACTOR_STOPPED` where it is closed.
   */
  push(item: T): void {
    if (this.#closed) {
      throw new DeliveryError(
        "ACTOR_STOPPED",
        `Cannot deliver to "${this.#owner}": it takes no more messages.`,
      );
    }
    if (this.size >= this.#capacity) {
      throw new DeliveryError(
        "MAILBOX_FULL",
        `Cannot deliver to "${this.#owner}": its mailbox is full (${this.#capacity} messages wait). ` +
          "Send slower, or raise the agent's mailboxSize.",
        { retryable: true },
      );
    }
    this.#items.push(item);
    this.#notify();
  }

  /** The next message where one waits that may be taken now; null where not. */
  next(signal: AbortSignal): T | null {
    return signal.aborted || this.#held || this.size === 0 ? null : this.#shift();
  }

  /** The next message, as soon as there is one and nothing holds it; null when closed and empty, or aborted. */
  async take(signal: AbortSignal): Promise<T | null> {
    const onAbort = () => this.#notify();
    signal.addEventListener("abort", onAbort);
    try {
      for (;;) {
        const item = this.next(signal);
        if (item !== null || signal.aborted) return item;
        if (this.#closed && this.size === 0) return null;
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Keeps messages waiting until {@link unhold}. */
  hold(): void {
    this.#held = true;
  }

  /** Lets messages be taken again. */
  unhold(): void {
    this.#held = false;
    this.#notify();
  }

  /** Refuses new messages; those that wait can still be taken. */
  close(): void {
    this.#closed = true;
    this.#notify();
  }

  /** Takes out all that wait, for the owner to refuse them. */
  clear(): readonly T[] {
    const rest = this.#items.slice(this.#head) as T[];
    this.#items = [];
    this.#head = 0;
    return rest;
  }

  #shift(): T {
    const item = this.#items[this.#head] as T;
    // Not kept until the array is compacted.
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // Compact only now and then: shifting an array moves all that is left.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
