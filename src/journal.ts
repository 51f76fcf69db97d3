// The journal of one task as its owner holds it: what is recorded, and the one way to record more.
// Invariant: entries are appended in order and fenced by the ledger's sequence: once another process has claimed
// the task, every append of this one is refused and it must stop. A note is recorded with the next append. Nothing
// comes after the end: what is appended once the end was, is refused.
import { systemClock, type Clock } from "./core/clock.ts";
import { JournalError, OwnershipError, StorageError } from "./core/errors.ts";
import {
  findEntry,
  readEntries,
  writeEntries,
  type JournalEntry,
  type JournalEntryOf,
  type JournalEntryType,
  type NewJournalEntry,
} from "./core/journal.ts";
import type { Ledger } from "./core/ports.ts";
import { noTaskTelemetry, noTelemetry, type TaskTelemetry, type Telemetry } from "./core/telemetry.ts";

/** So long after a task was surely this process's it still is: others wait longer before they take it up; milliseconds. */
const SURE_MS = 3_000;

/** How a journal is reached. */
export interface JournalOptions {
  readonly ledger: Ledger;
  /** The ledger's name. */
  readonly name: string;
  readonly clock?: Clock | undefined;
  /** Told of what this process records. */
  readonly telemetry?: Telemetry | undefined;
}

interface Waiting {
  readonly notes: readonly JournalEntry[];
  readonly entries: readonly JournalEntry[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** A task's journal. */
export class Journal {
  readonly name: string;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #entries: JournalEntry[];
  #told: TaskTelemetry | null = null;
  #sequence: number;
  #notes: JournalEntry[] = [];
  #waiting: Waiting[] = [];
  #isAppending = false;
  #writing: Promise<void> = Promise.resolve();
  #lost: OwnershipError | null = null;
  /** When the last append that succeeded was begun. */
  #ownedAt = -Infinity;
  /** Whether the end was appended; where it could not be written, another end may be. */
  #isEnding = false;

  private constructor(options: JournalOptions, entries: JournalEntry[], sequence: number) {
    this.name = options.name;
    this.#ledger = options.ledger;
    this.#clock = options.clock ?? systemClock;
    this.#telemetry = options.telemetry ?? noTelemetry;
    this.#entries = entries;
    this.#sequence = sequence;
  }

  /**
   * Begins a journal; null where there is one of that name.
   *
   * @throws StorageError where it cannot be written.
   */
  static async create(
    options: JournalOptions,
    first: Omit<JournalEntryOf<"accepted">, "at">,
  ): Promise<Journal | null> {
    const journal = new Journal(options, [], 0);
    try {
      await journal.append(first);
      return journal;
    } catch (thrown) {
      if (thrown instanceof OwnershipError) return null;
      throw thrown;
    }
  }

  /**
   * Reads a journal; null where there is none of that name.
   *
   * @throws StorageError, JournalError
   */
  static async open(options: JournalOptions): Promise<Journal | null> {
    const stored = await options.ledger.read(options.name);
    const last = stored.at(-1);
    if (last === undefined) return null;
    const entries = stored.flatMap(({ payload }) => readEntries(payload, options.name));
    return new Journal(options, entries, last.sequence);
  }

  /** What is recorded, in order; notes that wait for the next append excluded. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** How the task was accepted. @throws JournalError where the journal does not begin with that. */
  get accepted(): JournalEntryOf<"accepted"> {
    const [first] = this.#entries;
    if (first?.type === "accepted") return first;
    throw new JournalError(`The journal "${this.name}" does not begin with the acceptance of a task.`);
  }

  /** What measures the task here. */
  get telemetry(): TaskTelemetry {
    if (this.#telemetry === noTelemetry) return noTaskTelemetry;
    return (this.#told ??= this.#begin([...this.#entries]));
  }

  /** The first entry of a kind that fits. */
  find<T extends JournalEntryType>(
    type: T,
    fits?: (entry: JournalEntryOf<T>) => boolean,
  ): JournalEntryOf<T> | undefined {
    return findEntry(this.#entries, type, fits);
  }

  /** Records something with the next append. */
  note(entry: NewJournalEntry): void {
    const stamped = this.#stamp(entry);
    this.#notes.push(stamped);
    this.telemetry.heard(stamped, "noted");
  }

  /**
   * Records entries, the notes before them; resolves once they are durable. Entries that wait while others are being
   * written are written together. After the end nothing is recorded, and no note either.
   *
   * @throws OwnershipError where another process has the task now, or its end is recorded; StorageError where it cannot
   * be written.
   */
  append(...entries: readonly NewJournalEntry[]): Promise<void> {
    const isEnd = entries.some(({ type }) => type === "finished");
    const isEnded = this.#entries.at(-1)?.type === "finished";
    if (isEnded || (this.#isEnding && !isEnd)) return this.#refuse(entries);
    this.#isEnding ||= isEnd;
    const notes = this.#notes;
    this.#notes = [];
    return new Promise((resolve, reject) => {
      this.#waiting.push({ notes, entries: entries.map((entry) => this.#stamp(entry)), resolve, reject });
      if (!this.#isAppending) this.#writing = this.#write();
    });
  }

  /**
   * Makes sure that the task is this process's, to be called right before what cannot be taken back: a process that stood
   * still may have lost it, and be told of an append that it made before.
   *
   * @throws OwnershipError, StorageError as `append` does.
   */
  async sure(): Promise<void> {
    while (this.#clock.now() - this.#ownedAt > SURE_MS) {
      if (this.#isEnding) throw this.#endedError("more");
      await this.append();
    }
  }

  /** Resolves once all that was appended is durable or refused. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** A stubborn effect of a task that has ended is told to stop; who only wanted its notes written need not know. */
  async #refuse(entries: readonly NewJournalEntry[]): Promise<void> {
    if (entries.length === 0) return;
    throw this.#endedError(entries.map(({ type }) => type).join(", "));
  }

  #endedError(what: string): OwnershipError {
    return new OwnershipError(
      `Cannot append ${what} to the journal "${this.name}": its task has ended. Whoever works on it stops.`,
    );
  }

  async #write(): Promise<void> {
    this.#isAppending = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#writeGroup(group.flatMap(({ notes, entries }) => [...notes, ...entries]));
        for (const { resolve } of group) resolve();
      } catch (thrown) {
        // Whoever appended hears of it; what was noted is nobody's but the journal's.
        this.#notes = [...group.flatMap(({ notes }) => notes), ...this.#notes];
        for (const { reject } of group) reject(thrown);
      }
    }
    this.#isAppending = false;
  }

  async #writeGroup(entries: readonly JournalEntry[]): Promise<void> {
    if (this.#lost !== null) throw this.#lost;
    const begunAt = this.#clock.now();
    try {
      this.#sequence = await this.#ledger.append(this.name, writeEntries(entries), this.#sequence);
      this.#ownedAt = begunAt;
      this.#entries.push(...entries);
      this.#hear(entries);
    } catch (thrown) {
      if (!(thrown instanceof StorageError) || thrown.code !== "SEQUENCE_CONFLICT") throw thrown;
      this.#lost = new OwnershipError(
        `Cannot append to the journal "${this.name}": another process has taken the task up since. ` +
          "This one stops working on it.",
        { cause: thrown },
      );
      this.#told?.end();
      throw this.#lost;
    }
  }

  /** Tells what has just become durable. */
  #hear(entries: readonly JournalEntry[]): void {
    if (this.#telemetry === noTelemetry || entries.length === 0) return;
    this.#telemetry.tell({ type: "journal-append", entries: entries.length });
    this.#told ??= this.#begin(this.#entries.slice(0, -entries.length));
    for (const entry of entries) this.#told.heard(entry, "recorded");
  }

  #begin(before: readonly JournalEntry[]): TaskTelemetry {
    const { taskId, role, step, trace } = this.accepted;
    const [workflowId, stepId] = step === null ? [null, null] : [step.workflowId, step.stepId];
    return this.#telemetry.task({ taskId, role, workflowId, step: stepId, trace, before });
  }

  #stamp(entry: NewJournalEntry): JournalEntry {
    return { at: this.#clock.now(), ...entry };
  }
}
