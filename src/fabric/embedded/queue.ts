// Durable queues in the state file, shared by the processes that open it: each move of a message is a transaction.
// Invariant: a message is in one hand at most, and settled only by the delivery that holds it; what the holder of an
// ended process had in hand is put back as soon as another looks, and what is never settled when its time is over.
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
import { inLowerCase, RETRIED } from "../queue-rules.ts";
import { WaitingConsumer, type Draw, type Takers } from "../waiting-consumer.ts";
import { hasEnded, thisProcess, type Holder } from "./holder.ts";
import * as entries from "./queue-entries.ts";
import type { StateFile } from "./state-file.ts";

/** How often a waiting consumer looks for what other processes did; milliseconds. */
const POLL_MS = 200;

/** At most so many messages are given out in one transaction. */
const DRAW_AT_ONCE = 256;

/** Queues on LMDB; made by `createEmbeddedFabric`. */
export class EmbeddedQueue implements Queue {
  readonly #file: StateFile;
  readonly #clock: Clock;
  /** By this name the messages in this fabric's hand are known. */
  readonly #holder = randomUUID();
  readonly #identity: Holder = thisProcess();
  readonly #consumers = new Map<WaitingConsumer, string>();
  /** Queues that a message is being put into by this fabric: to look before taking would be too early. */
  readonly #coming = new Set<string>();
  #checkedAt = -Infinity;
  #hasTaken = false;
  #closed = false;

  constructor(file: StateFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  async publish(
    queue: string,
    payload: string,
    options: QueueWrite = {},
  ): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    requireKey(queue);
    const id = options.id ?? randomUUID();
    requireKey(id);
    const adding = this.#file.write(`put message "${id}" into queue "${queue}"`, (database) =>
      entries.add(database, queue, {
        id,
        fresh: options.id === undefined,
        payload,
        now: this.#clock.now(),
        delayMs: options.delayMs ?? 0,
        headers: inLowerCase(options.headers),
      }),
    );
    // A consumer who waits here takes it in the very same commit: its transaction follows this one.
    this.#coming.add(queue);
    this.#stir(queue);
    const added = await adding;
    return { id, duplicate: !added };
  }

  async consume(queue: string, options: ConsumerOptions): Promise<QueueConsumer> {
    requireKey(queue);
    const { ackWaitMs, maxDeliveries } = options;
    this.#checkedAt = -Infinity;
    await this.#releaseEnded(queue);
    const draw = (takers: Takers): Promise<Draw> => this.#draw(queue, { ackWaitMs, maxDeliveries }, takers);
    if (this.#closed) {
      throw new StorageError("STORAGE_FAILED", `Cannot take from queue "${queue}": the fabric is closed.`);
    }
    const consumer = new WaitingConsumer(draw, this.#clock, (closed) => this.#consumers.delete(closed));
    this.#consumers.set(consumer, queue);
    return consumer;
  }

  async size(
    queue: string,
  ): Promise<{ readonly waiting: number; readonly inHand: number; readonly dead: number }> {
    requireKey(queue);
    return this.#file.read(`count queue "${queue}"`, (database) => entries.count(database, queue));
  }

  async dead(queue: string): Promise<readonly DeadLetter[]> {
    requireKey(queue);
    const attempt = `read the dead letters of queue "${queue}"`;
    return this.#file.read(attempt, (database) => entries.deadLetters(database, queue));
  }

  async bury(queue: string, id: string): Promise<void> {
    requireKey(queue);
    requireKey(id);
    await this.#file.write(`bury dead letter "${id}" of queue "${queue}"`, (database) => {
      entries.bury(database, queue, id);
    });
  }

  /** Closes all consumers and gives back what is in hand; idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers.keys()].map((consumer) => consumer.close()));
    if (!this.#hasTaken) return;
    this.#hasTaken = false;
    // Where this fails, the next process does it, as soon as this one has ended.
    await this.#release(this.#holder, "its process gave it back unsettled.").catch(() => undefined);
  }

  async #draw(queue: string, options: ConsumerOptions, takers: Takers): Promise<Draw> {
    await this.#releaseEnded(queue);
    const attempt = `take from queue "${queue}"`;
    if (!this.#coming.delete(queue)) {
      const due = await this.#file.read(attempt, (database) =>
        entries.timeUntilDue(database, queue, this.#clock.now()),
      );
      if (due > 0) return { deliveries: [], pauseMs: Math.min(due, POLL_MS) };
    }
    const given = await this.#file.write(attempt, (database) => {
      const taken = entries.give(database, queue, {
        holder: this.#holder,
        count: Math.min(takers.wanted, DRAW_AT_ONCE),
        now: this.#clock.now(),
        options,
      });
      takers.claim(taken.length);
      if (taken.length > 0) {
        entries.enrol(database, this.#holder, JSON.stringify(this.#identity));
        this.#hasTaken = true;
      }
      return taken;
    });
    return { deliveries: given.map((one) => this.#deliver(one)), pauseMs: 0 };
  }

  #deliver({ claim, id, payload, headers, at }: entries.Given): Delivery {
    const { queue, deliveries } = claim;
    const now = (): number => this.#clock.now();
    let settled = false;
    const settle = async (verb: string, action: Parameters<StateFile["write"]>[1]): Promise<void> => {
      if (settled) return;
      settled = true;
      try {
        await this.#file.write(`${verb} message "${id}" of queue "${queue}"`, action);
      } catch (error) {
        settled = false;
        throw error;
      }
      this.#stir(queue);
    };
    return {
      id,
      payload,
      deliveries,
      headers,
      at,
      ack: () =>
        settle("acknowledge", (database) => {
          entries.remove(database, claim);
        }),
      retry: ({ delayMs = 0, reason = RETRIED } = {}) =>
        settle("put back", (database) => {
          entries.putBack(database, claim, { now: now(), delayMs, last: reason });
        }),
      reject: (reason) =>
        settle("reject", (database) => {
          entries.kill(database, claim, { now: now(), reason });
        }),
      inProgress: async () => {
        if (settled) return;
        const attempt = `keep message "${id}" of queue "${queue}"`;
        if (await this.#file.write(attempt, (database) => entries.extend(database, claim, now()))) return;
        throw new StorageError(
          "DELIVERY_LOST",
          `Cannot ${attempt}: it was not settled in time and given out again, or is gone. Leave it to the other.`,
        );
      },
    };
  }

  /** Puts back what ended processes had in hand. */
  async #releaseEnded(queue: string): Promise<void> {
    const now = this.#clock.now();
    if (Math.abs(now - this.#checkedAt) < POLL_MS) return;
    this.#checkedAt = now;
    const all = await this.#file.read(`take from queue "${queue}"`, entries.holders);
    for (const { holder, identity } of all) {
      if (holder === this.#holder) continue;
      const process = JSON.parse(identity) as Holder;
      if (!hasEnded(process, this.#identity)) continue;
      await this.#release(holder, `the process that had it ended (${process.pid} on ${process.host}).`);
    }
  }

  async #release(holder: string, last: string): Promise<void> {
    let done = false;
    while (!done) {
      done = await this.#file.write("put back what is in hand", (database) =>
        entries.release(database, holder, { now: this.#clock.now(), last }),
      );
      this.#stirAll();
    }
  }

  #stir(queue: string): void {
    for (const [consumer, name] of this.#consumers) if (name === queue) consumer.stir();
  }

  #stirAll(): void {
    for (const consumer of this.#consumers.keys()) consumer.stir();
  }
}
