// The durable mailbox of a role: messages wait in a queue, outlive their senders and their actors, and go to one actor of
// the role, on whatever node.
// Invariant: a message is done with once its handler has returned; until then another actor gets it where this one dies, so
// that a handler may see it more than once, with the same id. One that no handler can do is kept as a dead letter.
import { bodyOf, openEnvelope } from "../src/core/envelope.ts";
import { DeliveryError, messageOf } from "../src/core/errors.ts";
import type { Delivery, QueueConsumer } from "../src/core/ports.ts";
import { Appetite } from "./appetite.ts";
import type { Mail, MailEnd } from "./intake.ts";
import type { ActorParts } from "./parts.ts";

/** A message that is neither done nor renewed for so long goes to another actor; in milliseconds. */
const ACK_WAIT_MS = 9_000;
/** So often is a message tried whose handler fails. */
const MAX_DELIVERIES = 5;
/** How long a message waits after its first failure; twice as long after each further one, in milliseconds. */
const AGAIN_MS = 200;
/** How long taking pauses after the queue failed, in milliseconds. */
const FAILED_MS = 1_000;

/** What taking a role's mail needs. */
export interface DurableMailOptions {
  readonly role: string;
  /** How many messages the actor's mailbox holds. */
  readonly capacity: number;
  /** Puts a message into the actor's mailbox. @throws DeliveryError where it takes none. */
  readonly push: (mail: Mail) => void;
}

/** One actor's way from the role's queue to its mailbox. */
export class DurableMail {
  readonly #parts: ActorParts;
  readonly #options: DurableMailOptions;
  readonly #inHand = new Set<Delivery>();
  readonly #appetite: Appetite;
  readonly #closing = new AbortController();
  #roomMade: () => void = () => undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #taking: Promise<void> | null = null;

  constructor(parts: ActorParts, options: DurableMailOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#appetite = new Appetite(parts.clock, options.capacity);
  }

  /** Begins to take messages. */
  open(): void {
    this.#renewal = setInterval(() => this.#renew(), ACK_WAIT_MS / 3);
    this.#renewal.unref();
    this.#taking = this.#take();
  }

  /** Takes no more; what is in hand can still be done or given back. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#roomMade();
    await this.#taking;
  }

  async #take(): Promise<void> {
    const { fabric, subjects } = this.#parts;
    const { signal } = this.#closing;
    const options = { ackWaitMs: ACK_WAIT_MS, maxDeliveries: MAX_DELIVERIES };
    let consumer: QueueConsumer | null = null;
    const asked = new Set<Promise<void>>();
    while (!signal.aborted) {
      try {
        consumer ??= await fabric.queue.consume(subjects.mail(this.#options.role), options);
        const from = consumer;
        await this.#room(asked);
        if (signal.aborted) break;
        const one: Promise<void> = this.#takeOne(from).finally(() => {
          asked.delete(one);
          this.#roomMade();
        });
        asked.add(one);
      } catch (thrown) {
        await this.#pauseAfter(thrown);
      }
    }
    await Promise.all(asked);
    await consumer?.close().catch(() => undefined);
    if (this.#inHand.size === 0) clearInterval(this.#renewal);
  }

  async #takeOne(consumer: QueueConsumer): Promise<void> {
    const { signal } = this.#closing;
    try {
      const delivery = await consumer.take(signal);
      if (delivery === null) this.#closing.abort();
      else await this.#deliver(delivery);
    } catch (thrown) {
      await this.#pauseAfter(thrown);
    }
  }

  async #deliver(delivery: Delivery): Promise<void> {
    this.#inHand.add(delivery);
    try {
      const envelope = openEnvelope(delivery.payload);
      const body = bodyOf(envelope);
      this.#options.push({
        envelope,
        body,
        reply: () => undefined,
        settle: (end) => void this.#settle(delivery, end),
      });
    } catch (thrown) {
      if (isFull(thrown)) await this.#settle(delivery, { type: "stopped" });
      else await this.#settle(delivery, { type: "unreadable", reason: messageOf(thrown) });
    }
  }

  async #settle(delivery: Delivery, end: MailEnd | { readonly type: "unreadable"; readonly reason: string }) {
    const { log } = this.#parts;
    const { role } = this.#options;
    try {
      if (end.type === "done") await delivery.ack();
      else if (end.type === "stopped") await delivery.retry({ reason: "its actor stopped" });
      else if (end.type === "unreadable") await delivery.reject(end.reason);
      else {
        const delayMs = AGAIN_MS * 2 ** (delivery.deliveries - 1);
        if (delivery.deliveries >= MAX_DELIVERIES) {
          log.error({ role, messageId: delivery.id, reason: end.reason }, "a message became a dead letter");
        }
        await delivery.retry({ delayMs, reason: end.reason });
      }
    } catch (thrown) {
      // It comes again.
      log.warn({ err: thrown, role, messageId: delivery.id }, "a message could not be settled");
    } finally {
      this.#inHand.delete(delivery);
      this.#appetite.done();
      this.#roomMade();
      if (this.#closing.signal.aborted && this.#inHand.size === 0) clearInterval(this.#renewal);
    }
  }

  /** Waits until one more message may be in hand or asked for. */
  async #room(asked: ReadonlySet<unknown>): Promise<void> {
    while (!this.#closing.signal.aborted && this.#inHand.size + asked.size >= this.#appetite.most) {
      await new Promise<void>((resolve) => (this.#roomMade = resolve));
    }
  }

  async #pauseAfter(thrown: unknown): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const { log, clock } = this.#parts;
    log.error({ err: thrown, role: this.#options.role }, "cannot take messages from a durable mailbox");
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, FAILED_MS);
      signal.addEventListener(
        "abort",
        () => {
          clock.clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
  }

  #renew(): void {
    for (const delivery of this.#inHand) delivery.inProgress().catch(() => undefined);
  }
}

/** The mailbox takes none now: that is no fault of the message. */
function isFull(thrown: unknown): boolean {
  return (
    thrown instanceof DeliveryError && (thrown.code === "MAILBOX_FULL" || thrown.code === "ACTOR_STOPPED")
  );
}
