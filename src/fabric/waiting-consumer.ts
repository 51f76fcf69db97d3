// Lets many callers wait for the messages of one queue, of which its fabric gives out as many as there are callers.
// Invariant: a message is drawn only for a caller who waits at that instant, and each is given to one caller, in
// the order in which they asked; a timer runs only while somebody waits.
import type { Clock } from "../core/clock.ts";
import type { Delivery, QueueConsumer } from "../core/ports.ts";

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

interface Waiter {
  readonly resolve: (delivery: Delivery | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A consumer on top of a function that draws messages; `stir` tells it that there may be new ones. */
export class WaitingConsumer implements QueueConsumer {
  readonly #draw: (takers: Takers) => Promise<Draw>;
  readonly #clock: Clock;
  readonly #onClose: (consumer: WaitingConsumer) => void;
  readonly #waiting = new Set<Waiter>();
  /** The signals of those who wait or are promised a message. */
  readonly #watched = new Map<AbortSignal, { readonly waiters: Set<Waiter>; readonly abort: () => void }>();
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
    return new Promise<Delivery | null>((resolve, reject) => {
      const ended = <T>(end: (value: T) => void) => {
        return (value: T): void => {
          this.#waiting.delete(waiter);
          if (signal !== undefined) this.#unwatch(waiter, signal);
          end(value);
        };
      };
      const waiter: Waiter = { resolve: ended(resolve), reject: ended(reject) };
      this.#waiting.add(waiter);
      if (signal !== undefined) this.#watch(waiter, signal);
      this.#drawing ??= this.#drawAll();
    });
  }

  /** Ends the pause between two draws. */
  stir(): void {
    this.#stirred = true;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of [...this.#waiting]) waiter.resolve(null);
    this.stir();
    this.#onClose(this);
    await this.#drawing;
  }

  /** Listens once to a signal, however many callers share it. */
  #watch(waiter: Waiter, signal: AbortSignal): void {
    const known = this.#watched.get(signal);
    known?.waiters.add(waiter);
    if (known !== undefined) return;
    const waiters = new Set([waiter]);
    const abort = (): void => {
      // A caller to whom a message is promised already is not among those who wait: it gets that message.
      for (const one of [...waiters]) if (this.#waiting.has(one)) one.resolve(null);
      this.stir();
    };
    this.#watched.set(signal, { waiters, abort });
    signal.addEventListener("abort", abort);
  }

  #unwatch(waiter: Waiter, signal: AbortSignal): void {
    const known = this.#watched.get(signal);
    known?.waiters.delete(waiter);
    if (known === undefined || known.waiters.size > 0) return;
    signal.removeEventListener("abort", known.abort);
    this.#watched.delete(signal);
  }

  /** Draws until nobody waits any more. */
  async #drawAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      this.#stirred = false;
      const promised: Waiter[] = [];
      try {
        const { deliveries, pauseMs } = await this.#draw(this.#takers(promised));
        promised.forEach((waiter, index) => {
          waiter.resolve(deliveries[index] ?? null);
        });
        if (deliveries.length === 0) await this.#pause(pauseMs);
      } catch (error) {
        for (const waiter of [...promised, ...this.#waiting]) waiter.reject(error);
      }
    }
    this.#drawing = undefined;
  }

  #takers(promised: Waiter[]): Takers {
    const waiting = this.#waiting;
    return {
      get wanted(): number {
        return waiting.size;
      },
      claim: (count) => {
        for (const waiter of [...waiting].slice(0, count)) {
          waiting.delete(waiter);
          promised.push(waiter);
        }
      },
    };
  }

  async #pause(delayMs: number): Promise<void> {
    if (this.#stirred || this.#waiting.size === 0) return;
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
