// Looks for the results of tasks that were given to this process and that another one on the fabric may end.
// Invariant: keeps the process alive only while there is something to look for.
import type { Log } from "../src/core/log.ts";
import { readEntries } from "../src/core/journal.ts";
import type { Ledger } from "../src/core/ports.ts";
import type { TaskResult } from "../src/core/task.ts";

/** How often it looks, in milliseconds. */
const LOOK_MS = 250;
/** The same where nodes tell each other of the end: messages may be lost. */
const LOOK_BESIDES_MS = 2_000;
/** How many tasks it looks for at once: their journals are read one by one. */
const LOOKED_AT = 100;

/** What looking for results needs. */
export interface ResultLookoutOptions {
  readonly ledger: Ledger;
  readonly log: Log;
  /** Whether other processes tell of the end, too. */
  readonly isTold: boolean;
  readonly journalOf: (taskId: string) => string;
  /** The tasks whose results are awaited and that nobody here works on; null where nothing is awaited any more. */
  readonly awaited: () => readonly string[] | null;
  readonly found: (result: TaskResult) => void;
}

/** Looks now and then. */
export class ResultLookout {
  readonly #options: ResultLookoutOptions;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: ResultLookoutOptions) {
    this.#options = options;
  }

  /** Looks until nothing is awaited any more. */
  start(): void {
    const everyMs = this.#options.isTold ? LOOK_BESIDES_MS : LOOK_MS;
    this.#timer ??= setInterval(() => {
      const awaited = this.#options.awaited();
      if (awaited === null) this.stop();
      for (const taskId of awaited?.slice(0, LOOKED_AT) ?? []) void this.look(taskId);
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks for the result of one task, now. */
  async look(taskId: string): Promise<void> {
    const { ledger, log, journalOf, found } = this.#options;
    try {
      const name = journalOf(taskId);
      const last = await ledger.last(name);
      const end = last === null ? undefined : readEntries(last.payload, name).at(-1);
      if (end?.type === "finished") found(end.result);
    } catch (thrown) {
      log.warn({ err: thrown, taskId }, "cannot look for the result of a task");
    }
  }
}
