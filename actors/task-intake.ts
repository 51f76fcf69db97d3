// Takes a role's tasks off their queue and gives them to its actors, as many as these may work on; the others wait in
// the queue, where another process can take them, and where they outlive this one.
// Invariant: a task is acknowledged once its journal is closed; one that is left goes back to the queue.
import { systemClock } from "../src/core/clock.ts";
import { messageOf } from "../src/core/errors.ts";
import { pause } from "../src/core/pause.ts";
import type { Delivery, QueueConsumer } from "../src/core/ports.ts";
import type { TaskResult } from "../src/core/task.ts";
import { UnderWay } from "../src/core/under-way.ts";
import { Journal } from "../src/journal.ts";
import { isHeldElsewhere } from "./claims.ts";
import { placeOf } from "./journal-place.ts";
import type { ActorParts } from "./parts.ts";
import { admit } from "./submission.ts";

/** A delivery that is neither settled nor renewed for so long goes to another process; in milliseconds. */
const ACK_WAIT_MS = 9_000;
/** The queue's own bound; the journal sees earlier that a task makes no headway. */
const MAX_DELIVERIES = 100_000;
/** How long a task waits that another process has in spite of this delivery: most likely that one ends it. */
const LOST_MS = 2_000;
/** Tasks that are asked for at once: those that are there are taken together, in one write. */
const TAKEN_TOGETHER = 64;
/** How long a task that could not be taken up waits before it is given out again, in milliseconds. */
const AGAIN_MS = 1_000;
/** So often is a task looked for whose journal is not there yet, at first soon and then every so many milliseconds. */
const MAX_LOOKS = 200;
const LONGEST_LOOK_MS = 5_000;
/** How long a journal is looked for at once that is about to be written on another node, try by try, in milliseconds. */
const SOON_MS = [1, 2, 4, 8, 16, 32];

/** What taking tasks needs to know of its role. */
export interface TaskIntakeOptions {
  readonly role: string;
  /** How large a submitted task's context may be, in bytes; the default where absent. */
  readonly contextBytes?: number | undefined;
  /** How many tasks may be in hand now; 0 where none are taken. */
  readonly places: () => number;
  /** Runs a task to its end; null where it was left. */
  readonly run: (journal: Journal) => Promise<TaskResult | null>;
  /** The journal of a task that was accepted here; saves reading it again. */
  readonly fresh: (taskId: string) => Promise<Journal | null>;
  /** Whether tasks are left because the mesh is about to stop. */
  readonly isStopping: () => boolean;
  /** Told that a task had ended before it was taken. */
  readonly ended: (result: TaskResult) => Promise<void>;
}

/** One role's way from the queue to its actors. */
export class TaskIntake {
  readonly #parts: ActorParts;
  readonly #options: TaskIntakeOptions;
  readonly #inHand = new Set<Delivery>();
  /** Left by a mesh that is about to stop: given back at its end, and not taken again before. */
  readonly #left = new Set<Delivery>();
  readonly #underWay = new UnderWay();
  readonly #closing = new AbortController();
  #consumer: QueueConsumer | null = null;
  /** Those that wait for the next task. */
  readonly #asked = new Set<AbortController>();
  #failing: Promise<void> | null = null;
  #roomMade: () => void = () => undefined;
  #renewal: ReturnType<typeof setInterval> | undefined;
  #loop: Promise<void> | null = null;

  constructor(parts: ActorParts, options: TaskIntakeOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Begins to take tasks, those first that an earlier process left. */
  async open(): Promise<void> {
    const { fabric, subjects } = this.#parts;
    const consumer = await fabric.queue.consume(subjects.tasks(this.#options.role), {
      ackWaitMs: ACK_WAIT_MS,
      maxDeliveries: MAX_DELIVERIES,
    });
    this.#consumer = consumer;
    this.#renewal = setInterval(() => this.#renew(), ACK_WAIT_MS / 3);
    this.#renewal.unref();
    this.#loop = this.#take(consumer);
  }

  /** Tells that there may be more places than before, or fewer: then less is waited for, and left to other processes. */
  fit(): void {
    const tooMany = this.#inHand.size + this.#asked.size - this.#most;
    if (tooMany > 0) for (const asked of [...this.#asked].slice(-tooMany)) asked.abort();
    this.#roomMade();
  }

  /** Takes no more; resolves when what is in hand has ended or was left. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const asked of this.#asked) asked.abort();
    this.#roomMade();
    await this.#loop;
    await this.#underWay.none();
    const reason = "its owner stopped";
    await Promise.all([...this.#left].map((delivery) => delivery.retry({ reason }).catch(() => undefined)));
    clearInterval(this.#renewal);
    await this.#consumer?.close();
  }

  async #take(consumer: QueueConsumer): Promise<void> {
    for (;;) {
      await this.#room();
      if (this.#closing.signal.aborted) return;
      const asked = new AbortController();
      this.#asked.add(asked);
      void this.#underWay.during(async () => {
        await this.#takeOne(consumer, asked.signal);
        this.#asked.delete(asked);
        this.#roomMade();
      });
    }
  }

  async #takeOne(consumer: QueueConsumer, unwanted: AbortSignal): Promise<void> {
    try {
      const delivery = await consumer.take(unwanted);
      // The queue is closed, or taking is: either way there is no more.
      if (delivery === null) {
        if (!unwanted.aborted) this.#closing.abort();
      } else if (this.#closing.signal.aborted) await delivery.retry({ reason: "its owner stopped" });
      else void this.#underWay.during(() => this.#serve(delivery));
    } catch (thrown) {
      // All that wait fail together: that is one failure, and one pause.
      this.#failing ??= this.#pauseAfter(thrown).finally(() => (this.#failing = null));
      await this.#failing;
    }
  }

  async #pauseAfter(thrown: unknown): Promise<void> {
    this.#parts.log.error({ err: thrown, role: this.#options.role }, "cannot take tasks from the queue");
    await this.#pause(AGAIN_MS);
  }

  async #serve(delivery: Delivery): Promise<void> {
    this.#inHand.add(delivery);
    try {
      await this.#run(delivery);
    } catch (thrown) {
      const { role } = this.#options;
      this.#parts.log.error({ err: thrown, role, taskId: delivery.id }, "a task could not be taken up");
      await delivery.retry({ delayMs: AGAIN_MS, reason: messageOf(thrown) }).catch(() => undefined);
    } finally {
      this.#inHand.delete(delivery);
      this.#roomMade();
    }
  }

  async #run(delivery: Delivery): Promise<void> {
    const taskId = await admit(this.#parts, this.#options, delivery);
    if (taskId === null) return;
    const journal = (await this.#options.fresh(taskId)) ?? (await this.#open(taskId));
    if (journal === null) {
      // It was put in the queue a moment before its journal was, by a process that is about to write it or died.
      if (delivery.deliveries > MAX_LOOKS) await delivery.reject(`The task "${taskId}" has no journal.`);
      else {
        const delayMs = Math.min(LONGEST_LOOK_MS, 10 * 2 ** delivery.deliveries);
        await delivery.retry({ delayMs, reason: "its journal is not there yet" });
      }
      return;
    }
    const ended = journal.find("finished");
    if (ended !== undefined) {
      await this.#options.ended(ended.result);
      // Its process may have died before it did.
      await this.#parts.book.account(taskId, []).close();
      await delivery.ack();
      return;
    }
    const result = isHeldElsewhere(journal, this.#parts) ? null : await this.#options.run(journal);
    if (result !== null) await delivery.ack();
    else if (this.#options.isStopping()) this.#left.add(delivery);
    else await delivery.retry({ delayMs: LOST_MS, reason: "another process has it" });
  }

  /** A task's journal, which may be there only in a moment; null where it is not. */
  async #open(taskId: string): Promise<Journal | null> {
    const place = placeOf(taskId, this.#parts);
    for (const pauseMs of [...SOON_MS, null]) {
      const journal = await Journal.open(place);
      if (journal !== null || pauseMs === null) return journal;
      await this.#pause(pauseMs);
    }
    return null;
  }

  /** Waits until the role's actors may have one more task in hand. */
  async #room(): Promise<void> {
    while (!this.#closing.signal.aborted && !this.#hasRoom()) {
      await new Promise<void>((resolve) => (this.#roomMade = resolve));
    }
  }

  #hasRoom(): boolean {
    return this.#asked.size < TAKEN_TOGETHER && this.#inHand.size + this.#asked.size < this.#most;
  }

  /** How many tasks may be in hand. */
  get #most(): number {
    return this.#options.places();
  }

  #pause(pauseMs: number): Promise<void> {
    return pause(pauseMs, { clock: systemClock, signal: this.#closing.signal });
  }

  /** A task that another process has been given meanwhile is found out by its journal, which refuses this one. */
  #renew(): void {
    for (const delivery of [...this.#inHand, ...this.#left]) delivery.inProgress().catch(() => undefined);
  }
}
