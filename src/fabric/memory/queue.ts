// Queues in memory, in one process and for as long as it runs.
// Invariant: as in the embedded fabric: a message is in one hand at most, and settled only by the delivery that holds
// it; what is never settled is given out again when its time is over.
import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { StorageError } from "../../core/errors.ts";
import { requireKey } from "../../core/grammar.ts";
import type {
  ConsumerOptions,
  DeadLetter,
  Delivery,
  Queue,
  QueueConsumer,
  QueueWrite,
} from "../../core/ports.ts";
import { DUPLICATE_WINDOW_MS, givenUp, inLowerCase, RETRIED, timedOut } from "../queue-rules.ts";
import { WaitingConsumer, type Draw, type Takers } from "../waiting-consumer.ts";

interface Message {
  readonly number: number;
  readonly id: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly at: number;
  deliveries: number;
  /** How it was given out, while it is in hand. */
  hand: ConsumerOptions | undefined;
  /** When it is to be given out, while it is held back: delayed or in hand. */
  until: number;
}

/** One queue: messages ready to be given out, by number, and those that are held back. */
class Line {
  readonly ready: Message[] = [];
  readonly held = new Set<Message>();
  readonly dead = new Map<string, DeadLetter>();
  readonly active = new Set<string>();
  /** When ids were published; the oldest come first. */
  readonly recent = new Map<string, number>();
  readonly consumers = new Set<WaitingConsumer>();
  /** No message that is held back is due before. */
  due = Infinity;

  /** Puts a message among the ready, in the place of its age. */
  makeReady(message: Message): void {
    let [low, high] = [0, this.ready.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.ready[middle]?.number ?? 0) < message.number) low = middle + 1;
      else high = middle;
    }
    this.held.delete(message);
    this.ready.splice(low, 0, message);
  }

  hold(message: Message, until: number): void {
    message.until = until;
    this.held.add(message);
    this.due = Math.min(this.due, until);
  }

  remove(message: Message): void {
    message.hand = undefined;
    this.held.delete(message);
    this.active.delete(message.id);
  }

  stir(): void {
    for (const consumer of this.consumers) consumer.stir();
  }
}

/** Queues in memory; made by `createMemoryFabric`. */
export class MemoryQueue implements Queue {
  readonly #lines = new Map<string, Line>();
  readonly #clock: Clock;
  #number = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async publish(
    queue: string,
    payload: string,
    options: QueueWrite = {},
  ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    const line = this.#line("put a message into", queue);
    const id = options.id ?? randomUUID();
    requireKey(id);
    const now = this.#clock.now();
    for (const [old, at] of line.recent) {
      if (now - at < DUPLICATE_WINDOW_MS) break;
      line.recent.delete(old);
    }
    if (line.recent.has(id) || line.active.has(id)) return { id, duplicate: true };
    if (options.id !== undefined) line.recent.set(id, now);
    line.active.add(id);
    const message: Message = {
      number: ++this.#number,
      id,
      payload,
      headers: inLowerCase(options.headers),
      at: now,
      deliveries: 0,
      hand: undefined,
      until: 0,
    };
    this.#park(line, message, options.delayMs ?? 0);
    return { id, duplicate: false };
  }

  async consume(queue: string, options: ConsumerOptions): Promise<QueueConsumer> {
    const line = this.#line("consume", queue);
    const { ackWaitMs, maxDeliveries } = options;
    const draw = async (takers: Takers): Promise<Draw> =>
      this.#draw(line, { ackWaitMs, maxDeliveries }, takers);
    const consumer = new WaitingConsumer(draw, this.#clock, (closed) => line.consumers.delete(closed));
    line.consumers.add(consumer);
    return consumer;
  }

  async size(
    queue: string,
  ): Promise<{ readonly waiting: number; readonly inHand: number; readonly dead: number }> {
    const { ready, held, dead } = this.#line("count", queue);
    const inHand = [...held].filter(({ hand }) => hand !== undefined).length;
    return { waiting: ready.length + held.size - inHand, inHand, dead: dead.size };
  }

  async dead(queue: string): Promise<readonly DeadLetter[]> {
    return [...this.#line("read the dead letters of", queue).dead.values()];
  }

  async bury(queue: string, id: string): Promise<void> {
    requireKey(id);
    this.#line("bury a dead letter of", queue).dead.delete(id);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const consumers = [...this.#lines.values()].flatMap((line) => [...line.consumers]);
    await Promise.all(consumers.map((consumer) => consumer.close()));
  }

  #draw(line: Line, options: ConsumerOptions, takers: Takers): Draw {
    const now = this.#clock.now();
    if (line.due <= now) this.#bringBack(line, now);
    const messages = line.ready.splice(0, takers.wanted);
    takers.claim(messages.length);
    const deliveries = messages.map((message) => {
      message.deliveries += 1;
      message.hand = options;
      line.hold(message, now + options.ackWaitMs);
      return this.#deliver(line, message);
    });
    return { deliveries, pauseMs: Math.max(0, line.due - now) };
  }

  /** Makes ready what was held back until now, and gives up what has had all its deliveries. */
  #bringBack(line: Line, now: number): void {
    line.due = Infinity;
    for (const message of [...line.held]) {
      if (message.until > now) line.due = Math.min(line.due, message.until);
      else if (message.hand === undefined) line.makeReady(message);
      else this.#putBack(line, message, { delayMs: 0, last: timedOut(message.hand.ackWaitMs) });
    }
  }

  #putBack(line: Line, message: Message, how: { readonly delayMs: number; readonly last: string }): void {
    if (message.deliveries >= (message.hand?.maxDeliveries ?? Infinity)) {
      this.#kill(line, message, givenUp(message.deliveries, how.last));
      return;
    }
    message.hand = undefined;
    this.#park(line, message, how.delayMs);
  }

  #kill(line: Line, message: Message, reason: string): void {
    const { id, payload, deliveries } = message;
    line.remove(message);
    line.dead.delete(id); // So that it comes last.
    line.dead.set(id, Object.freeze({ id, payload, deliveries, reason, at: this.#clock.now() }));
  }

  #park(line: Line, message: Message, delayMs: number): void {
    if (delayMs > 0) line.hold(message, this.#clock.now() + delayMs);
    else line.makeReady(message);
    line.stir();
  }

  #deliver(line: Line, message: Message): Delivery {
    const { id, payload, deliveries, headers, at } = message;
    const isLost = (): boolean => message.hand === undefined || message.deliveries !== deliveries;
    let settled = false;
    const settle = async (action: () => void): Promise<void> => {
      this.#requireOpen(`settle message "${id}"`);
      if (!settled && !isLost()) action();
      settled = true;
    };
    return {
      id,
      payload,
      deliveries,
      headers,
      at,
      ack: () =>
        settle(() => {
          line.remove(message);
        }),
      retry: ({ delayMs = 0, reason = RETRIED } = {}) =>
        settle(() => {
          this.#putBack(line, message, { delayMs, last: reason });
        }),
      reject: (reason) =>
        settle(() => {
          this.#kill(line, message, reason);
        }),
      inProgress: async () => {
        this.#requireOpen(`keep message "${id}"`);
        if (settled) return;
        if (!isLost() && message.hand !== undefined) {
          line.hold(message, this.#clock.now() + message.hand.ackWaitMs);
          return;
        }
        throw new StorageError(
          "DELIVERY_LOST",
          `Cannot keep message "${id}": it was not settled in time and given out again, or is gone. ` +
            `Leave it to the other.`,
        );
      },
    };
  }

  #line(verb: string, queue: string): Line {
    requireKey(queue);
    this.#requireOpen(`${verb} queue "${queue}"`);
    const line = this.#lines.get(queue) ?? new Line();
    this.#lines.set(queue, line);
    return line;
  }

  #requireOpen(attempt: string): void {
    if (this.#closed) throw new StorageError("STORAGE_FAILED", `Cannot ${attempt}: the fabric is closed.`);
  }
}
