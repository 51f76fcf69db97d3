// Gives the messages of one queue to those who wait for them, in the order in which they asked.
// Invariant: the server is asked for as many messages as callers wait; one that comes when nobody waits any more goes
// back at once; one that was given out too often becomes a dead letter and is given to nobody.
import type { Msg } from "nats";
import type { Delivery, QueueConsumer } from "../../core/ports.ts";
import { givenUp, timedOut } from "../queue-rules.ts";
import { Waiters } from "../waiters.ts";
import { NatsDelivery, type DeliveryDesk } from "./delivery.ts";
import { Pull } from "./pull.ts";
import { readMessage } from "./queued-message.ts";
import { tell, WORD } from "./receipts.ts";

/** Takes messages off one queue. */
export class NatsQueueConsumer implements QueueConsumer {
  readonly #desk: DeliveryDesk;
  readonly #onClose: (consumer: NatsQueueConsumer) => void;
  readonly #waiters = new Waiters(() => {
    this.#pull.stir();
  });
  readonly #pull: Pull;
  readonly #givenUp = new Set<Promise<void>>();
  #isClosed = false;

  constructor(desk: DeliveryDesk, onClose: (consumer: NatsQueueConsumer) => void) {
    this.#desk = desk;
    this.#onClose = onClose;
    this.#pull = new Pull(desk.link, {
      consumer: () => desk.line.consumer(desk),
      wanted: () => this.#waiters.size,
      onMessage: (message) => this.#give(message),
      onFailure: (error) => this.#waiters.fail(error),
    });
  }

  async take(signal?: AbortSignal): Promise<Delivery | null> {
    if (this.#isClosed || this.#desk.link.closed.aborted || signal?.aborted === true) return null;
    const taken = this.#waiters.wait(signal);
    this.#pull.stir();
    return taken;
  }

  /** The connection came back: what the server was asked for may be forgotten. */
  renew(): void {
    this.#pull.renew();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiters.end();
    this.#onClose(this);
    await this.#pull.close();
    await Promise.allSettled(this.#givenUp);
  }

  #give(received: Msg): void {
    const { link, line, maxDeliveries, ackWaitMs } = this.#desk;
    const message = readMessage(received, line.subject);
    const delivery = new NatsDelivery(message, this.#desk, this.#desk.pulse.heardSince);
    if (delivery.isLost) {
      link.log.warn(
        { queue: line.queue, id: delivery.id },
        "a message was read too late: it is left to others",
      );
    } else if (message.deliveries > maxDeliveries) {
      this.#giveUp(delivery, givenUp(message.deliveries - 1, timedOut(ackWaitMs)));
    } else if (message.data.length > link.maxPayload) {
      this.#giveUp(delivery, tooLarge(message.data.length, link.maxPayload));
    } else {
      const waiter = this.#waiters.next();
      if (waiter === undefined) tell(link.connection, message.reply, WORD.nak);
      else waiter.resolve(delivery);
      return;
    }
    this.#pull.stir();
  }

  /** Makes a message a dead letter that is given to nobody. */
  #giveUp(delivery: NatsDelivery, reason: string): void {
    const { link, line } = this.#desk;
    const ended: Promise<void> = delivery
      .giveUp(reason)
      .catch((thrown: unknown) => {
        // It is given out again after its time, and then given up by whoever draws it.
        link.log.warn(
          { queue: line.queue, id: delivery.id, err: thrown },
          "a message cannot be given up yet",
        );
      })
      .finally(() => this.#givenUp.delete(ended));
    this.#givenUp.add(ended);
  }
}

/** Why a message is a dead letter that some client put in and that could not be put back. */
function tooLarge(bytes: number, most: number): string {
  return (
    `It has ${bytes} bytes of at most ${most}, which leave room for headers below the server's max_payload, and was cut ` +
    "to them. Send large values as blobs, by their paths."
  );
}
