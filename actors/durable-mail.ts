// The durable mailbox of a role: messages wait in a queue, outlive their senders and their actors, and go to one actor of
// the role, on whatever node.
// Invariant: a message is done with once its handler has returned; until then another actor gets it where this one dies, so
// that a handler may see it more than once, with the same id. One that no handler can do is kept as a dead letter.
import { defer } from "../src/core/deferred.ts";
import { bodyOf, openEnvelope } from "../src/core/envelope.ts";
import { DeliveryError, messageOf } from "../src/core/errors.ts";
import { pause } from "../src/core/pause.ts";
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

/** Why a message is not in the mailbox. */
type Refusal = { readonly type: "stopped" } | { readonly type: "unreadable"; readonly reason: string };

/** One actor's way from the role's queue to its mailbox. */
export class DurableMail {
  readonly #parts: ActorParts;
  readonly #options: DurableMailOptions;
  readonly #inHand = new Set<Delivery>();
  readonly #appetite: Appetite;
  readonly #closing = new AbortController();
  /** How many are asked of the queue and not given yet. */
  #asked = 0;
  readonly #answered = defer<undefined>();
  #consumer: QueueConsumer | null = null;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #taking: Promise<void> | null = null;
  #pausing: Promise<void> | null = null;

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
    this.#fill();
    await this.#taking;
  }

  async #take(): Promise<void> {
    this.#consumer = await this.#consume();
    this.#fill();
    await this.#answered.promise;
    await this.#consumer?.close().catch(() => undefined);
    if (this.#inHand.size === 0) clearInterval(this.#renewal);
  }

  /** The queue's consumer; null where it was closed before there was one. */
  async #consume(): Promise<QueueConsumer | null> {
    const { fabric, subjects } = this.#parts;
    const options = { ackWaitMs: ACK_WAIT_MS, maxDeliveries: MAX_DELIVERIES };
    while (!this.#closing.signal.aborted) {
      try {
        return await fabric.queue.consume(subjects.mail(this.#options.role), options);
      } catch (thrown) {
        await this.#pauseAfter(thrown);
      }
    }
    return null;
  }

  /** Asks for as many messages as may be in hand; once it is closed, for none. */
  #fill(): void {
    const { signal } = this.#closing;
    if (signal.aborted) {
      if (this.#asked === 0) this.#answered.resolve(undefined);
      return;
    }
    const consumer = this.#consumer;
    while (consumer !== null && this.#inHand.size + this.#asked < this.#appetite.most) {
      this.#asked += 1;
      void this.#takeOne(consumer);
    }
  }

  async #takeOne(consumer: QueueConsumer): Promise<void> {
    try {
      const delivery = await consumer.take(this.#closing.signal);
      if (delivery === null) this.#closing.abort();
      else {
        this.#inHand.add(delivery);
        const refusal = this.#push(delivery);
        if (refusal !== null) await this.#settle(delivery, refusal);
      }
    } catch (thrown) {
      await this.#pauseAfter(thrown);
    }
    this.#asked -= 1;
    this.#fill();
  }

  /** Puts a message into the mailbox; where it cannot, what becomes of it. */
  #push(delivery: Delivery): Refusal | null {
    try {
      const envelope = openEnvelope(delivery.payload);
      this.#options.push({
        envelope,
        body: bodyOf(envelope),
        reply: () => undefined,
        settle: (end) => void this.#settle(delivery, end),
      });
      return null;
    } catch (thrown) {
      return isFull(thrown) ? { type: "stopped" } : { type: "unreadable", reason: messageOf(thrown) };
    }
  }

  async #settle(delivery: Delivery, end: MailEnd | Refusal) {
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
      this.#fill();
      if (this.#closing.signal.aborted && this.#inHand.size === 0) clearInterval(this.#renewal);
    }
  }

  /** Waits a while; those who failed together wait together. */
  #pauseAfter(thrown: unknown): Promise<void> {
    this.#pausing ??= this.#pause(thrown).finally(() => (this.#pausing = null));
    return this.#pausing;
  }

  async #pause(thrown: unknown): Promise<void> {
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const { log, clock } = this.#parts;
    log.error({ err: thrown, role: this.#options.role }, "cannot take messages from a durable mailbox");
    await pause(FAILED_MS, { clock, signal });
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
