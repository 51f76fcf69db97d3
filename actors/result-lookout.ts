// Looks for the results of tasks that were given to this process and that another one on the fabric may end, and hears
// what becomes of them.
// Invariant: keeps the process alive only while there is something to look for.
import { readEntries } from "../src/core/journal.ts";
import type { Unsubscribe } from "../src/core/ports.ts";
import type { TaskEvent, TaskResult } from "../src/core/task.ts";
import { listenFor } from "./event-ear.ts";
import type { ActorParts } from "./parts.ts";

/** How often it looks, in milliseconds. */
const LOOK_MS = 250;
/** The same where nodes tell each other of the end: messages may be lost. */
const LOOK_BESIDES_MS = 2_000;
/** How many tasks it looks for at once: their journals are read one by one. */
const LOOKED_AT = 100;

/** What looking for results needs to know of its tasks. */
export interface ResultLookoutOptions {
  /** The tasks whose results are awaited and that nobody here works on; null where nothing is awaited any more. */
  readonly awaited: () => readonly string[] | null;
  readonly found: (result: TaskResult) => void;
}

/** Looks now and then. */
export class ResultLookout {
  readonly #parts: ActorParts;
  readonly #options: ResultLookoutOptions;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(parts: ActorParts, options: ResultLookoutOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Hears what becomes of a task, until the function that it gives is called, and looks for the results of all. */
  follow(taskId: string, tell: (event: TaskEvent) => void): Unsubscribe {
    this.#start();
    return listenFor(this.#parts, taskId, { tell, ended: () => void this.look(taskId) });
  }

  /** Looks until nothing is awaited any more. */
  #start(): void {
    const everyMs = this.#parts.peers === null ? LOOK_MS : LOOK_BESIDES_MS;
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
    const { fabric, subjects, log } = this.#parts;
    try {
      const name = subjects.journal(taskId);
      const last = await fabric.ledger.last(name);
      const end = last === null ? undefined : readEntries(last.payload, name).at(-1);
      if (end?.type === "finished") this.#options.found(end.result);
    } catch (thrown) {
      log.warn({ err: thrown, taskId }, "cannot look for the result of a task");
    }
  }
}
