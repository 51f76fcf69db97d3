// Lets many callers wait for the messages of one queue, of which its fabric gives out as many as there are callers.
// Invariant: a message is drawn only for a caller who waits at that instant, and each is given to one caller, in
// the order in which they asked; a timer runs only while somebody waits.
import type { Clock } from "../core/clock.ts";
import type { Delivery, QueueConsumer } from "../core/ports.ts";
import { Waiters, type Waiter } from "./waiters.ts";

/** The callers who wait, as the one sees them who draws messages for them. */
export interface Takers {
  /** How many messages can be given out now. */
  readonly wanted: number;
  /** Says that so many will be given out: they are promised to those who wait longest. */
  claim(count: number): void;
}

/** What was drawn, one for each that was claimed, and how long to wait, in milliseconds, before it is worth another try. */
export interface Draw {
  readonly deliveries: readonly Delivery[];
  readonly pauseMs: number;
}

/** A consumer on top of a function that draws messages; `stir` tells it that there may be new ones. */
export class WaitingConsumer implements QueueConsumer {
  readonly #draw: (takers: Takers) => Promise<Draw>;
  readonly #clock: Clock;
  readonly #onClose: (consumer: WaitingConsumer) => void;
  readonly #waiters = new Waiters(() => {
    this.stir();
  });
  #drawing: Promise<void> | undefined;
  #stirred = false;
  #wake: () => void = () => undefined;
  #closed = false;

  constructor(
    draw: (takers: Takers) => Promise<Draw>,
    clock: Clock,
    onClose: (consumer: WaitingConsumer) => void,
  ) {
    this.#draw = draw;
    this.#clock = clock;
    this.#onClose = onClose;
  }

  async take(signal?: AbortSignal): Promise<Delivery | null> {
    if (this.#closed || signal?.aborted === true) return null;
    const taken = this.#waiters.wait(signal);
    this.#drawing ??= this.#drawAll();
    return taken;
  }

  /** Ends the pause between two draws. */
  stir(): void {
    this.#stirred = true;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiters.end();
    this.stir();
    this.#onClose(this);
    await this.#drawing;
  }

  /** Draws until nobody waits any more. */
  async #drawAll(): Promise<void> {
    while (this.#waiters.size > 0) {
      this.#stirred = false;
      const promised: Waiter[] = [];
      try {
        const { deliveries, pauseMs } = await this.#draw(this.#takers(promised));
        promised.forEach((waiter, index) => {
          waiter.resolve(deliveries[index] ?? null);
        });
        if (deliveries.length === 0) await this.#pause(pauseMs);
      } catch (error) {
        for (const waiter of promised) waiter.reject(error);
        this.#waiters.fail(error);
      }
    }
    this.#drawing = undefined;
  }

  #takers(promised: Waiter[]): Takers {
    const waiters = this.#waiters;
    return {
      get wanted(): number {
        return waiters.size;
      },
      claim: (count) => {
        for (let left = count; left > 0; left -= 1) {
          const waiter = waiters.next();
          if (waiter === undefined) break;
          promised.push(waiter);
        }
      },
    };
  }

  async #pause(delayMs: number): Promise<void> {
    if (this.#stirred || this.#waiters.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = Number.isFinite(delayMs) ? this.#clock.setTimeout(resolve, delayMs) : undefined;
      this.#wake = () => {
        if (timer !== undefined) this.#clock.clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
  }
}
