// Durable queues on JetStream: one work-queue stream, a subject and a durable pull consumer for each queue.
// Invariant: a message is removed when it is acknowledged, and not before; which is in whose hand the server knows.
import { StorageError } from "../../core/errors.ts";
import { requireKey } from "../../core/grammar.ts";
import type { ConsumerOptions, DeadLetter, Queue, QueueConsumer, QueueWrite } from "../../core/ports.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { NatsLink } from "./link.ts";
import { Postponed } from "./postponed.ts";
import { Pulse } from "./pulse.ts";
import { NatsQueueConsumer } from "./queue-consumer.ts";
import { QueueLine } from "./queue-line.ts";
import { Receipts } from "./receipts.ts";
import type { Streams } from "./streams.ts";

/** What runs here for a queue while it is consumed. */
interface Work {
  readonly receipts: Receipts;
  readonly consumers: Set<NatsQueueConsumer>;
  postponed: Postponed | undefined;
}

const encoder = new TextEncoder();

/** Queues on JetStream. */
export class NatsQueue implements Queue {
  readonly #link: NatsLink;
  readonly #streams: Streams;
  readonly #letters: DeadLetters;
  readonly #lines = new Map<string, QueueLine>();
  readonly #works = new Map<string, Work>();
  #pulse: Pulse | undefined;

  constructor(link: NatsLink, streams: Streams) {
    this.#link = link;
    this.#streams = streams;
    this.#letters = new DeadLetters(link, streams);
    const close = (): void => link.background("end the queues", () => this.close());
    link.closed.addEventListener("abort", close, { once: true });
    link.onReconnect(() => this.#renew());
  }

  async publish(
    queue: string,
    payload: string,
    { id = crypto.randomUUID(), delayMs = 0, headers = {} }: QueueWrite = {},
  ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    const line = this.#line(queue);
    requireKey(id);
    const attempt = `put message "${id}" into queue "${queue}"`;
    const data = encoder.encode(payload);
    if (data.length > this.#link.maxPayload) {
      throw new StorageError(
        "STORAGE_FAILED",
        `Cannot ${attempt}: it has ${data.length} bytes, and the server takes ${this.#link.maxPayload} (its max_payload, ` +
          "less room for headers). Send large values as blobs, by their paths.",
      );
    }
    return this.#link.run(attempt, async () => {
      const duplicate = await this.#link.queueing(line.publish({ id, data, headers }, delayMs));
      return { id, duplicate };
    });
  }

  async consume(queue: string, options: ConsumerOptions): Promise<QueueConsumer> {
    const line = this.#line(queue);
    return this.#link.run(`consume queue "${queue}"`, async () => {
      await line.consumer(options);
      if (!this.#works.has(queue)) this.#forgetGone(queue);
      const work = this.#works.get(queue) ?? {
        receipts: new Receipts(this.#link),
        consumers: new Set(),
        postponed: undefined,
      };
      const pulse = (this.#pulse ??= new Pulse(this.#link.clock));
      this.#works.set(queue, work);
      const { ackWaitMs, maxDeliveries } = options;
      const consumer = new NatsQueueConsumer(
        {
          ackWaitMs,
          maxDeliveries,
          link: this.#link,
          line,
          letters: this.#letters,
          receipts: work.receipts,
          pulse,
        },
        (closed) => {
          work.consumers.delete(closed);
          if (work.consumers.size > 0) return;
          void work.postponed?.close();
          work.postponed = undefined;
        },
      );
      work.consumers.add(consumer);
      work.postponed ??= new Postponed(this.#link, line);
      return consumer;
    });
  }

  async size(
    queue: string,
  ): Promise<{ readonly waiting: number; readonly inHand: number; readonly dead: number }> {
    const line = this.#line(queue);
    return this.#link.run(`count queue "${queue}"`, async () => {
      const [size, dead] = await Promise.all([line.size(), this.#letters.count(queue)]);
      return { ...size, dead };
    });
  }

  async dead(queue: string): Promise<readonly DeadLetter[]> {
    requireKey(queue);
    return this.#link.run(`read the dead letters of queue "${queue}"`, () => this.#letters.read(queue));
  }

  async bury(queue: string, id: string): Promise<void> {
    requireKey(queue);
    requireKey(id);
    await this.#link.run(`bury dead letter "${id}" of queue "${queue}"`, () => this.#letters.bury(queue, id));
  }

  /** Ends all consumers, as closing the link does, too. */
  async close(): Promise<void> {
    this.#pulse?.close();
    this.#pulse = undefined;
    const works = [...this.#works.values()];
    const consumers = works.flatMap((work) => [...work.consumers]);
    const postponed = works.flatMap((work) => work.postponed ?? []);
    await Promise.all([...consumers, ...postponed].map((one) => one.close()));
    await Promise.all(works.map(({ receipts }) => receipts.done()));
  }

  #line(queue: string): QueueLine {
    requireKey(queue);
    const line = this.#lines.get(queue) ?? new QueueLine(this.#link, this.#streams, queue);
    this.#lines.set(queue, line);
    return line;
  }

  /** Asks anew for messages: the connection came back, and the server may be another or have forgotten something. */
  #renew(): void {
    for (const [queue, { consumers, postponed }] of this.#works) {
      for (const consumer of consumers) consumer.renew();
      postponed?.renew();
      if (consumers.size > 0) this.#forgetGone(queue);
    }
  }

  #forgetGone(queue: string): void {
    this.#link.background(`count queue "${queue}"`, () => this.#line(queue).forgetGone());
  }
}
