// Gives the messages of one queue to those who wait for them, in the order in which they asked.
// Invariant: the server is asked for as many messages as callers wait; one that comes when nobody waits any more goes
// back at once; one that was given out too often becomes a dead letter and is given to nobody.
import type { Msg } from "nats";
import type { Delivery, QueueConsumer } from "../../core/ports.ts";
import { messageOf } from "../../core/errors.ts";
import { givenUp, timedOut } from "../queue-rules.ts";
import { NatsDelivery, type DeliveryDesk } from "./delivery.ts";
import { Pull } from "./pull.ts";
import { readMessage, type QueuedMessage } from "./queued-message.ts";

interface Waiter {
  readonly resolve: (delivery: Delivery | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes messages off one queue. */
export class NatsQueueConsumer implements QueueConsumer {
  readonly #desk: DeliveryDesk;
  readonly #onClose: (consumer: NatsQueueConsumer) => void;
  readonly #waiting = new Set<Waiter>();
  readonly #pull: Pull;
  readonly #givenUp = new Set<Promise<void>>();
  #isClosed = false;

  constructor(desk: DeliveryDesk, onClose: (consumer: NatsQueueConsumer) => void) {
    this.#desk = desk;
    this.#onClose = onClose;
    this.#pull = new Pull(desk.link, {
      consumer: () => desk.line.consumer(desk),
      wanted: () => this.#waiting.size,
      onMessage: (message) => this.#give(message),
      onFailure: (error) => {
        for (const waiter of [...this.#waiting]) waiter.reject(error);
      },
    });
  }

  async take(signal?: AbortSignal): Promise<Delivery | null> {
    if (this.#isClosed || this.#desk.link.closed.aborted || signal?.aborted === true) return null;
    return new Promise<Delivery | null>((resolve, reject) => {
      const ended = <T>(end: (value: T) => void) => {
        return (value: T): void => {
          this.#waiting.delete(waiter);
          signal?.removeEventListener("abort", abort);
          end(value);
        };
      };
      const waiter: Waiter = { resolve: ended(resolve), reject: ended(reject) };
      const abort = (): void => {
        waiter.resolve(null);
        this.#pull.stir();
      };
      signal?.addEventListener("abort", abort);
      this.#waiting.add(waiter);
      this.#pull.stir();
    });
  }

  /** The connection came back: what the server was asked for may be forgotten. */
  renew(): void {
    this.#pull.renew();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiter of [...this.#waiting]) waiter.resolve(null);
    this.#onClose(this);
    await this.#pull.close();
    await Promise.allSettled(this.#givenUp);
  }

  #give(received: Msg): void {
    const { link, line, maxDeliveries } = this.#desk;
    const message = readMessage(received, line.subject);
    if (message.deliveries > maxDeliveries) {
      this.#giveUp(message);
      return;
    }
    const [waiter] = this.#waiting;
    if (waiter === undefined) link.connection.publish(message.reply, "-NAK");
    else waiter.resolve(new NatsDelivery(message, this.#desk, link.clock.now()));
  }

  /** Makes a message a dead letter that was given out as often as it may be, the last time without a word. */
  #giveUp(message: QueuedMessage): void {
    const { link, line, letters, receipts, ackWaitMs } = this.#desk;
    const until = link.clock.now() + ackWaitMs;
    const deliveries = message.deliveries - 1;
    const reason = givenUp(deliveries, timedOut(ackWaitMs));
    const attempt = `give up message "${message.id}" of queue "${line.queue}"`;
    const ended: Promise<void> = link
      .run(attempt, async () => {
        await letters.write(line.queue, message, { deliveries, reason });
        receipts.settle(message.reply, until);
      })
      // It is given out again after its time, and then given up by whoever draws it.
      .catch((thrown: unknown) => link.log.warn({ reason: messageOf(thrown) }, `cannot ${attempt} yet`))
      .finally(() => {
        this.#givenUp.delete(ended);
        this.#pull.stir();
      });
    this.#givenUp.add(ended);
  }
}
