// One queue on the server: its subject, its consumer, and the ways of a message between waiting, later and dead.
// Invariant: a message is stored in its new place before it is taken from the old one, under an id that makes a second
// time harmless: so none is lost wherever a process dies.
import { createHash } from "node:crypto";
import { AckPolicy, DeliverPolicy, type ConsumerConfig } from "nats";
import type { ConsumerOptions } from "../../core/ports.ts";
import { API_ERROR, apiErrorOf } from "./failure.ts";
import { acknowledgeGone } from "./gone.ts";
import { nanosecondsOf, type NatsLink } from "./link.ts";
import { HEADER, messageIdOf, type QueuedMessage } from "./queued-message.ts";
import type { Streams } from "./streams.ts";

/** So many messages of a queue may be in hand at once, over all nodes. */
const MAX_IN_HAND = 1_000_000;
/** So many requests for messages may wait at once, over all nodes. */
const MAX_REQUESTS = 16_384;
/** A postponed message that a node looks at and says nothing of is looked at again after so long, in milliseconds. */
export const LOOK_MS = 2_000;

/**
 * A queue that nobody has asked for messages for so long is forgotten by the server, in milliseconds: a name may be used
 * once, as by a command that runs one task. Its messages stay, and whoever asks again makes it anew.
 */
const FORGOTTEN_MS = 24 * 3_600_000;

/** A stream and a consumer of it. */
export interface ConsumerPlace {
  readonly stream: string;
  readonly name: string;
}

/** One queue. */
export class QueueLine {
  readonly queue: string;
  /** Where its messages are put in. */
  readonly subject: string;
  /** Where its postponed messages are. */
  readonly later: string;
  readonly #link: NatsLink;
  readonly #streams: Streams;
  readonly #name: string;
  readonly #laterName: string;

  constructor(link: NatsLink, streams: Streams, queue: string) {
    this.queue = queue;
    this.subject = link.names.queue(queue);
    this.later = link.names.later(queue);
    this.#link = link;
    this.#streams = streams;
    this.#name = consumerNameOf(this.subject, link.names.queue(""));
    this.#laterName = `${this.#name}-later`;
  }

  /** Puts a message in; gives whether its id was known. */
  async publish(message: Pick<QueuedMessage, "id" | "data" | "headers">, delayMs: number): Promise<boolean> {
    await this.#streams.ensure("queue");
    const { id, data, headers } = message;
    const due: Record<string, string> = delayMs > 0 ? { [HEADER.due]: this.#dueAfter(delayMs) } : {};
    const ack = await this.#link.publish(delayMs > 0 ? this.later : this.subject, data, {
      attempt: `put message "${id}" into queue "${this.queue}"`,
      id: messageIdOf(this.subject, id),
      headers: { ...headers, ...due },
    });
    return ack.duplicate;
  }

  /** Puts a message in again that is in hand or was postponed; its old place is still to be settled. */
  async publishAgain(
    { id, data, headers, place, at }: QueuedMessage,
    { deliveries, delayMs }: { readonly deliveries: number; readonly delayMs: number },
  ): Promise<void> {
    const due: Record<string, string> = delayMs > 0 ? { [HEADER.due]: this.#dueAfter(delayMs) } : {};
    await this.#link.publish(delayMs > 0 ? this.later : this.subject, data, {
      attempt: `put message "${id}" into queue "${this.queue}" again`,
      // `#` is in no id: what a publisher put in is never taken for this.
      id: messageIdOf(this.subject, `#${place}`),
      headers: {
        ...headers,
        ...due,
        [HEADER.id]: id,
        [HEADER.deliveries]: String(deliveries),
        [HEADER.since]: String(at),
      },
    });
  }

  /** Makes the queue's consumer, or changes it to these options. */
  consumer({ ackWaitMs }: ConsumerOptions): Promise<ConsumerPlace> {
    return this.#make(this.#name, this.subject, ackWaitMs);
  }

  /** Makes the consumer of the queue's postponed messages. */
  postponed(): Promise<ConsumerPlace> {
    return this.#make(this.#laterName, this.later, LOOK_MS);
  }

  /** Has the server no longer count as in hand what is gone. */
  async forgetGone(): Promise<void> {
    const stream = await this.#streams.ensure("queue");
    for (const name of [this.#name, this.#laterName]) {
      await acknowledgeGone(this.#link, stream, name).catch((thrown: unknown) => {
        if (apiErrorOf(thrown) !== API_ERROR.consumerNotFound) throw thrown;
      });
    }
  }

  /** How many messages wait, and how many are in hand. */
  async size(): Promise<{ readonly waiting: number; readonly inHand: number }> {
    const stream = await this.#streams.ensure("queue");
    const [ready, later] = await Promise.all([
      this.#count(stream, this.#name, this.subject),
      this.#count(stream, this.#laterName, this.later),
    ]);
    return { waiting: ready.pending + later.pending + later.given, inHand: ready.given };
  }

  /** How many messages a consumer has still to give out, and has given out; all that are stored where there is none. */
  async #count(
    stream: string,
    consumer: string,
    subject: string,
  ): Promise<{ readonly pending: number; readonly given: number }> {
    const attempt = `count the messages of "${subject}"`;
    try {
      const info = await this.#link.call(attempt, () => this.#link.jsm.consumers.info(stream, consumer));
      return { pending: info.num_pending, given: info.num_ack_pending };
    } catch (thrown) {
      if (apiErrorOf(thrown) !== API_ERROR.consumerNotFound) throw thrown;
      return { pending: (await this.#link.subjects(stream, subject)).get(subject) ?? 0, given: 0 };
    }
  }

  async #make(name: string, subject: string, ackWaitMs: number): Promise<ConsumerPlace> {
    const stream = await this.#streams.ensure("queue");
    const config: Partial<ConsumerConfig> = {
      durable_name: name,
      description: `Fettle queue "${this.queue.slice(0, 200)}"`,
      filter_subject: subject,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanosecondsOf(ackWaitMs),
      // The server would only stop giving it out: the limit is kept by who draws the message.
      max_deliver: -1,
      max_ack_pending: MAX_IN_HAND,
      max_waiting: MAX_REQUESTS,
      inactive_threshold: nanosecondsOf(FORGOTTEN_MS),
    };
    const { consumers } = this.#link.jsm;
    const attempt = `make the consumer of queue "${this.queue}"`;
    try {
      await this.#link.call(attempt, () => consumers.add(stream, config));
    } catch (thrown) {
      // Servers before 2.10 take `add` for an update.
      if (apiErrorOf(thrown) !== API_ERROR.consumerExists) throw thrown;
      await this.#link.call(attempt, () =>
        consumers.update(stream, name, { ack_wait: nanosecondsOf(ackWaitMs) }),
      );
    }
    return { stream, name };
  }

  #dueAfter(delayMs: number): string {
    return String(Math.ceil(Math.min(this.#link.clock.now() + delayMs, Number.MAX_SAFE_INTEGER)));
  }
}

/** A consumer's name: no dots, and short, so that it is followed by what tells queues apart that look alike. */
function consumerNameOf(subject: string, root: string): string {
  const hash = createHash("sha256").update(subject).digest("hex").slice(0, 12);
  const readable = subject.slice(root.length).replace(/[^A-Za-z0-9_]+/g, "-");
  return `${readable.slice(0, 48)}-${hash}`;
}
