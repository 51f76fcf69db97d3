// A message in hand. The server takes whatever settlement comes, also one that comes late: so the time limit is judged here.
// Invariant: after its time a delivery settles nothing; before it, it settles once.
import { StorageError } from "../../core/errors.ts";
import type { ConsumerOptions, Delivery } from "../../core/ports.ts";
import { givenUp, inLowerCase, RETRIED } from "../queue-rules.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { closedFailure } from "./failure.ts";
import type { NatsLink } from "./link.ts";
import type { Pulse } from "./pulse.ts";
import type { QueueLine } from "./queue-line.ts";
import type { QueuedMessage } from "./queued-message.ts";
import { WORD, type Receipts } from "./receipts.ts";

/** What the deliveries of one consumer share. */
export interface DeliveryDesk extends ConsumerOptions {
  readonly link: NatsLink;
  readonly line: QueueLine;
  readonly letters: DeadLetters;
  readonly receipts: Receipts;
  readonly pulse: Pulse;
}

const decoder = new TextDecoder();

const ANSWER_MS = 5_000;
const LEAST_ANSWER_MS = 200;

/** How long before the server's time a delivery's own is over, in milliseconds. */
function marginOf(ackWaitMs: number): number {
  return Math.min(1_000, ackWaitMs / 10);
}

/** A message that was given to a caller. */
export class NatsDelivery implements Delivery {
  readonly id: string;
  readonly payload: string;
  readonly deliveries: number;
  readonly at: number;
  readonly #message: QueuedMessage;
  readonly #desk: DeliveryDesk;
  #until: number;
  #isSettled = false;

  /** `sentAt` is the earliest time at which the server may have given it out, in milliseconds since 1970. */
  constructor(message: QueuedMessage, desk: DeliveryDesk, sentAt: number) {
    this.id = message.id;
    this.payload = decoder.decode(message.data);
    this.deliveries = message.deliveries;
    this.at = message.at;
    this.#message = message;
    this.#desk = desk;
    this.#until = this.#limitFrom(sentAt);
  }

  get headers(): Readonly<Record<string, string>> {
    return inLowerCase(this.#message.headers);
  }

  /** Whether the server may have given it to another already. */
  get isLost(): boolean {
    return this.#desk.link.clock.now() > this.#until;
  }

  async ack(): Promise<void> {
    const { link, receipts } = this.#desk;
    if (link.closed.aborted) throw closedFailure(this.#attempt("acknowledge"));
    if (this.#isSettled || this.isLost) return;
    this.#isSettled = true;
    receipts.settle(this.#message.reply, this.#until);
  }

  async retry({
    delayMs = 0,
    reason = RETRIED,
  }: { readonly delayMs?: number | undefined; readonly reason?: string | undefined } = {}): Promise<void> {
    const { deliveries } = this;
    await this.#settle("put back", () =>
      deliveries < this.#desk.maxDeliveries
        ? this.#desk.line.publishAgain(this.#message, { deliveries, delayMs })
        : this.#bury(givenUp(deliveries, reason)),
    );
  }

  async reject(reason: string): Promise<void> {
    await this.#settle("reject", () => this.#bury(reason));
  }

  /** Makes the message a dead letter without having given it to anybody. */
  async giveUp(reason: string): Promise<void> {
    await this.#settle("give up", () => this.#bury(reason, this.deliveries - 1));
  }

  async inProgress(): Promise<void> {
    const { link } = this.#desk;
    const attempt = this.#attempt("keep");
    await link.run(attempt, async () => {
      if (this.#isSettled) return;
      // So short that another try is still in time.
      const answerMs = Math.min(ANSWER_MS, Math.max(LEAST_ANSWER_MS, this.#desk.ackWaitMs / 4));
      let startedAt = 0;
      await link.call(attempt, async () => {
        startedAt = link.clock.now();
        if (this.isLost) throw this.#lost(attempt);
        await link.ask(this.#message.reply, WORD.inProgress, { read: () => undefined, timeoutMs: answerMs });
      });
      if (this.isLost) throw this.#lost(attempt);
      this.#until = this.#limitFrom(startedAt);
    });
  }

  /** Settles the message, once what is done with it is stored. */
  async #settle(verb: string, store: () => Promise<void>): Promise<void> {
    const { link, receipts } = this.#desk;
    await link.run(this.#attempt(verb), async () => {
      if (this.#isSettled || this.isLost) return;
      this.#isSettled = true;
      try {
        await store();
      } catch (thrown) {
        this.#isSettled = false;
        throw thrown;
      }
      receipts.settle(this.#message.reply, this.#until);
    });
  }

  #attempt(verb: string): string {
    return `${verb} message "${this.id}" of queue "${this.#desk.line.queue}"`;
  }

  #bury(reason: string, deliveries = this.deliveries): Promise<void> {
    const { letters, line } = this.#desk;
    return letters.write(line.queue, this.#message, { deliveries, reason });
  }

  #limitFrom(at: number): number {
    const { ackWaitMs } = this.#desk;
    return at + ackWaitMs - marginOf(ackWaitMs);
  }

  #lost(attempt: string): StorageError {
    return new StorageError(
      "DELIVERY_LOST",
      `Cannot ${attempt}: it was not settled in time and given out again, or is gone. Leave it to the other.`,
    );
  }
}
