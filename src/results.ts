// Results of tasks as JSON files that people can read: from the first moment of a task, through each step, to
// its end.
// Invariant: a stored result is always whole, and its last write is the final result. `output` is plain JSON for
// readers; where JSON cannot say the value, `outputExact` holds the codec's text, and `read` gives the value back.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { systemClock, type Clock } from "./core/clock.ts";
import { decode } from "./core/codec.ts";
import { messageOf, StorageError } from "./core/errors.ts";
import { requireName } from "./core/names.ts";
import type { Blobs } from "./core/ports.ts";
import type { Attempt, TaskResult } from "./core/task.ts";
import { readableOutput } from "./result-text.ts";

/** What every stored result tells, running or not. */
export interface StoredTask {
  readonly resultId: string;
  readonly taskId: string;
  readonly role: string;
  /** The task in plain language. */
  readonly task: string;
  /** When the task was begun, as ISO 8601 in UTC. */
  readonly startedAt: string;
  /** When this was written, as ISO 8601 in UTC. */
  readonly updatedAt: string;
  readonly attempts: readonly Attempt[];
}

/** A task that has not ended: under way, or its process died. */
export interface RunningResult extends StoredTask {
  readonly status: "running";
  /** The chart's state, such as `executing`. */
  readonly state: string;
}

/** A task that has ended. */
export type FinishedResult = StoredTask & TaskResult;

/** A result as `read` gives it. */
export type StoredResult = RunningResult | FinishedResult;

/** The stored result of one task while it runs. */
export interface ResultEntry {
  readonly resultId: string;
  /** Stores a step, within 50 ms. Returns at once; of steps that follow faster than that, the last is stored. */
  update(step: { readonly state: string; readonly attempts: readonly Attempt[] }): void;
  /**
   * Stores the end; resolves once it is stored.
   *
   * @throws StorageError where it cannot be written, ValueError where the output cannot be encoded.
   */
  finish(result: TaskResult): Promise<void>;
}

/** A task as its result tells of it. */
export interface TaskOfResult {
  readonly taskId: string;
  readonly role: string;
  /** The task in plain language. */
  readonly task: string;
  /** The result's id where it has one already; made where absent. */
  readonly resultId?: string | undefined;
  /** When the task was begun, in milliseconds since 1970; now where absent. */
  readonly startedAt?: number | undefined;
}

/** How long a step waits for a later one where nothing else is said, so that a burst of them costs one write; in milliseconds. */
const STEP_MS = 50;

const storedSchema = z.looseObject({
  resultId: z.string(),
  taskId: z.string(),
  role: z.string(),
  status: z.enum(["running", "success", "failure", "cancelled"]),
  attempts: z.array(z.looseObject({ code: z.string() })),
  outputExact: z.string().optional(),
});

/** Writes one result: its steps now and then, its end for good. */
class ResultWriter implements ResultEntry {
  readonly resultId: string;
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #store: (content: object, isDurable: boolean) => Promise<void>;
  #next: object | undefined;
  #timer: unknown;
  #writing: Promise<void> | undefined;
  #ended = false;

  constructor(
    resultId: string,
    options: {
      readonly clock: Clock;
      readonly stepMs: number;
      readonly store: (content: object, isDurable: boolean) => Promise<void>;
    },
  ) {
    this.resultId = resultId;
    this.#clock = options.clock;
    this.#stepMs = options.stepMs;
    this.#store = options.store;
  }

  update({ state, attempts }: { readonly state: string; readonly attempts: readonly Attempt[] }): void {
    if (this.#ended) return; // A late step must not cover the end.
    this.writeSoon({ status: "running", state, attempts });
  }

  async finish(result: TaskResult): Promise<void> {
    const output = readableOutput(result.output);
    this.#ended = true;
    this.#next = undefined;
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    await this.#writing;
    // Only the end must last over a power cut: the journal has what a step is made of.
    await this.#store({ ...result, resultId: this.resultId, ...output }, true);
  }

  async write(step: object): Promise<void> {
    await this.#store(step, false);
  }

  writeSoon(step: object): void {
    this.#next = step;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#writing = this.#writeSteps();
    }, this.#stepMs);
  }

  async #writeSteps(): Promise<void> {
    while (this.#next !== undefined) {
      const step = this.#next;
      this.#next = undefined;
      // A step that cannot be stored is no reason to end the task: its end is stored, or fails loudly.
      await this.write(step).catch(() => undefined);
    }
    this.#writing = this.#timer = undefined;
  }
}

/** Keeps results on any fabric's blobs, as `<role>/<resultId>.json`. */
export class ResultStore {
  /** The roles whose last result could be stored. */
  readonly #sound = new Set<string>();
  readonly #blobs: Blobs;
  readonly #clock: Clock;
  readonly #stepMs: number;

  /** `stepMs` is how long a step may wait for a later one before it is stored, in milliseconds; 50 where absent. */
  constructor(
    blobs: Blobs,
    options: { readonly clock?: Clock | undefined; readonly stepMs?: number | undefined } = {},
  ) {
    this.#blobs = blobs;
    this.#clock = options.clock ?? systemClock;
    this.#stepMs = options.stepMs ?? STEP_MS;
  }

  /** A result's id for a task that is to be begun; it sorts by time. */
  newId(): string {
    return createResultId(this.#clock.now());
  }

  /**
   * Begins a task's result. It is stored within 50 ms, and at once where nothing of the role was stored yet or the last
   * of it could not be: so a store that cannot be written to is known before any work is done.
   *
   * @throws StorageError
   */
  async begin(task: TaskOfResult): Promise<ResultEntry> {
    const writer = this.#writerOf(task);
    const first = { status: "running", state: "accepted", attempts: [] };
    if (!this.#sound.has(task.role)) await writer.write(first);
    else writer.writeSoon(first);
    return writer;
  }

  /** Goes on with the result of a task that was begun before, as it is stored. */
  resume(task: TaskOfResult & { readonly resultId: string }): ResultEntry {
    return this.#writerOf(task);
  }

  #writerOf({ taskId, role, task, ...given }: TaskOfResult): ResultWriter {
    const clock = this.#clock;
    const { resultId = this.newId(), startedAt = clock.now() } = given;
    const path = pathOf(role, resultId);
    const base = { resultId, taskId, role, task, startedAt: new Date(startedAt).toISOString() };
    const store = async (content: object, isDurable: boolean): Promise<void> => {
      const stamped = { ...base, updatedAt: new Date(clock.now()).toISOString(), ...content };
      this.#sound.delete(role);
      await this.#blobs.write(path, `${JSON.stringify(stamped, null, 2)}\n`, { isDurable });
      this.#sound.add(role);
    };
    return new ResultWriter(resultId, { clock, stepMs: this.#stepMs, store });
  }

  /**
   * A stored result, its output as it was; null where there is none.
   *
   * @throws StorageError `INTEGRITY` where the file is no stored result.
   */
  async read(role: string, resultId: string): Promise<StoredResult | null> {
    const path = pathOf(role, resultId);
    const bytes = await this.#blobs.read(path);
    if (bytes === null) return null;
    try {
      const stored = storedSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
      const { outputExact, ...rest } = stored;
      const result = outputExact === undefined ? rest : { ...rest, output: decode(outputExact) };
      return result as unknown as StoredResult;
    } catch (error) {
      throw new StorageError(
        "INTEGRITY",
        `Cannot read result "${path}": it is no stored result (${messageOf(error)}). Restore the file or delete it.`,
        { cause: error },
      );
    }
  }

  /** The names of all results, or those of one role; the oldest first. */
  async list(role?: string): Promise<readonly { readonly role: string; readonly resultId: string }[]> {
    if (role !== undefined) requireName(role, "Role");
    const paths = await this.#blobs.list(role === undefined ? "" : `${role}/`);
    const names = paths.flatMap((path) => {
      const [, folder, resultId] = /^([^/]+)\/([^/]+)\.json$/.exec(path) ?? [];
      return folder === undefined || resultId === undefined ? [] : [{ role: folder, resultId }];
    });
    return names.sort((a, b) => (a.resultId < b.resultId ? -1 : a.resultId > b.resultId ? 1 : 0));
  }
}

/** An id that sorts by time: `20260722-170322-123-9f86d081884c`, in UTC. */
function createResultId(now: number): string {
  const [date, time] = new Date(now).toISOString().replace(/[-:Z]/g, "").replace(".", "-").split("T");
  return `${date ?? ""}-${time ?? ""}-${randomBytes(6).toString("hex")}`;
}

function pathOf(role: string, resultId: string): string {
  requireName(role, "Role");
  requireName(resultId, "Result id");
  return `${role}/${resultId}.json`;
}
