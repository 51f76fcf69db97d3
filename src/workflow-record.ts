// The record of one workflow: a ledger `workflow.<id>` with its definition, what was decided, what came of each task
// and step, and its end.
// Invariant: what is in the record is never done or decided again; whoever finds that another writes the same record
// stops at once.
import { decode, encode } from "./core/codec.ts";
import {
  JournalError,
  MeshStateError,
  messageOf,
  OwnershipError,
  StorageError,
  WorkflowError,
} from "./core/errors.ts";
import type { Ledger } from "./core/ports.ts";
import type { TaskResult, TaskStatus } from "./core/task.ts";
import { differenceOf, isPlain, type StoredStep } from "./core/workflow.ts";
import type { Budget } from "./core/budget.ts";
import { canonical } from "./core/canonical.ts";
import type { Decision, StepStatus } from "./core/workflow-result.ts";
import type { WorkflowStep } from "./core/dag.ts";

/** What a workflow was asked for, in plain data. */
export interface StoredWorkflow {
  readonly id: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly steps: readonly StoredStep[];
  /** What all its tasks together may cost; it may change from start to start. */
  readonly budget?: Budget | undefined;
  /** The task queue of the mesh that began it; null, or absent, for the common one. */
  readonly queue?: string | null;
  /** The trace of whoever asked for it; in its record, the one that its tasks belong to on whatever node. */
  readonly trace?: string | undefined;
}

/** One entry of a workflow's record. */
export type WorkflowEntry =
  | ({ readonly type: "started" } & StoredWorkflow)
  | { readonly type: "decided"; readonly step: string; readonly decision: Decision }
  /** The task's time was over, before it was told to stop. */
  | { readonly type: "timed-out"; readonly step: string; readonly taskId: string }
  | { readonly type: "task-ended"; readonly step: string; readonly result: TaskResult }
  | {
      readonly type: "step-ended";
      readonly step: string;
      readonly status: StepStatus;
      readonly executionTime: number;
    }
  | { readonly type: "cancelled"; readonly reason: string }
  | { readonly type: "ended"; readonly status: TaskStatus; readonly executionTime: number };

/** What the names of all records begin with. */
export const RECORD_PREFIX = "workflow.";

/** A workflow's record, opened. */
export class WorkflowRecord {
  readonly id: string;
  /** Whether there was a record before. */
  readonly found: boolean;
  /** When the workflow was first started, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The trace that it belongs to; undefined for none. */
  readonly trace: string | undefined;
  readonly #ledger: Ledger;
  readonly #tasks = new Map<string, TaskResult>();
  readonly #decisions = new Map<string, Decision>();
  readonly #timedOut = new Set<string>();
  readonly #steps = new Map<string, number>();
  #cancelled: string | null = null;
  #closed = false;
  #isEnding = false;
  #ended: number | null = null;
  /** The sequence of the last entry, once all writes before have ended. */
  #last: Promise<number>;

  private constructor(
    id: string,
    ledger: Ledger,
    state: Pick<WorkflowRecord, "found" | "startedAt" | "trace"> & { readonly last: number },
  ) {
    this.id = id;
    this.#ledger = ledger;
    this.found = state.found;
    this.startedAt = state.startedAt;
    this.trace = state.trace;
    this.#last = Promise.resolve(state.last);
  }

  /**
   * Opens the record of a workflow, or begins it; `accept` gives the trace of one that begins.
   *
   * @throws WorkflowError where there is one of another definition; it says what differs.
   */
  static async open(
    ledger: Ledger,
    workflow: StoredWorkflow,
    {
      now,
      accept,
    }: { readonly now: () => number; readonly accept: (workflow: StoredWorkflow) => string | undefined },
  ): Promise<WorkflowRecord> {
    const found = await WorkflowRecord.find(ledger, workflow);
    if (found !== null) return found;
    const trace = accept(workflow);
    const record = new WorkflowRecord(workflow.id, ledger, {
      found: false,
      startedAt: now(),
      trace,
      last: 0,
    });
    await record.#write({ type: "started", ...workflow, trace });
    return record;
  }

  /** Opens the record of a workflow; null where it was not begun. @throws WorkflowError as `open` does. */
  static async find(ledger: Ledger, workflow: StoredWorkflow): Promise<WorkflowRecord | null> {
    const { id } = workflow;
    const entries = await ledger.read(RECORD_PREFIX + id);
    const [first] = entries;
    if (first === undefined) return null;
    const recorded = readDefinition(id, first.payload);
    refuseOther(recorded, workflow);
    const last = entries.at(-1)?.sequence ?? first.sequence;
    const { trace } = recorded;
    const record = new WorkflowRecord(id, ledger, { found: true, startedAt: first.at, trace, last });
    for (const { payload } of entries.slice(1)) record.#take(readWorkflowEntry(id, payload));
    return record;
  }

  /** What came of a task; undefined where that is not known yet. */
  task(taskId: string): TaskResult | undefined {
    return this.#tasks.get(taskId);
  }

  decision(step: string): Decision | undefined {
    return this.#decisions.get(step);
  }

  /** Whether a task's time was over before it ended. */
  hasTimedOut(taskId: string): boolean {
    return this.#timedOut.has(taskId);
  }

  /** How long a step took that has ended, in seconds. */
  stepTime(step: string): number | undefined {
    return this.#steps.get(step);
  }

  /** Whether its end is recorded, or about to be: nothing may follow. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Why it was cancelled; null where it was not. */
  get cancelled(): string | null {
    return this.#cancelled;
  }

  /** How long it took, in seconds; null where it has not ended. */
  get executionTime(): number | null {
    return this.#ended;
  }

  /**
   * Adds an entry; gives it as it will be read again. It is durable once the promise resolves.
   *
   * @throws OwnershipError where another writes the same record.
   */
  async append<Entry extends WorkflowEntry>(entry: Entry): Promise<Entry> {
    if (entry.type === "ended") this.#isEnding = true;
    const written = await this.#write(entry);
    this.#take(written);
    return written;
  }

  /** Writes nothing more: what is under way is left to whoever opens the record next. */
  close(): void {
    this.#closed = true;
  }

  async #write<Entry extends WorkflowEntry>(entry: Entry): Promise<Entry> {
    if (this.#closed) throw new MeshStateError(`The workflow "${this.id}" was left as it is.`);
    const payload = encode(entry);
    const written = this.#last.then((expected) =>
      this.#ledger.append(RECORD_PREFIX + this.id, payload, expected),
    );
    this.#last = written;
    // Each writer of a later entry meets the same error; here it must only not count as unhandled.
    written.catch(() => undefined);
    try {
      await written;
    } catch (thrown) {
      if (!(thrown instanceof StorageError) || thrown.code !== "SEQUENCE_CONFLICT") throw thrown;
      throw new OwnershipError(
        `Cannot go on with the workflow "${this.id}": another process writes its record.`,
        { cause: thrown },
      );
    }
    return decode(payload) as Entry;
  }

  #take(entry: WorkflowEntry): void {
    switch (entry.type) {
      case "task-ended":
        this.#tasks.set(entry.result.taskId, entry.result);
        break;
      case "decided":
        this.#decisions.set(entry.step, entry.decision);
        break;
      case "timed-out":
        this.#timedOut.add(entry.taskId);
        break;
      case "step-ended":
        this.#steps.set(entry.step, entry.executionTime);
        break;
      case "cancelled":
        this.#cancelled ??= entry.reason;
        break;
      case "ended":
        this.#isEnding = true;
        this.#ended = entry.executionTime;
        break;
      case "started":
        throw new JournalError(`The record of the workflow "${this.id}" begins twice.`);
    }
  }
}

/** A workflow that was begun and has not ended. */
export interface UnfinishedWorkflow {
  readonly id: string;
  readonly context: Readonly<Record<string, unknown>>;
  /** Null where functions decide on its steps: only the program that has them can go on with it. */
  readonly steps: readonly WorkflowStep[] | null;
  readonly budget?: Budget | undefined;
  /** The task queue whose meshes go on with it; null for the common one. */
  readonly queue: string | null;
}

/** The workflows of a fabric that were begun and have not ended; of a record that cannot be read it is told. */
export async function unfinishedWorkflows(
  ledger: Ledger,
  onUnreadable: (id: string, error: JournalError) => void = () => undefined,
): Promise<readonly UnfinishedWorkflow[]> {
  const unfinished: UnfinishedWorkflow[] = [];
  for (const name of await ledger.names(RECORD_PREFIX)) {
    const id = name.slice(RECORD_PREFIX.length);
    try {
      const workflow = await unfinishedWorkflow(ledger, id);
      if (workflow !== null) unfinished.push(workflow);
    } catch (thrown) {
      if (!(thrown instanceof JournalError)) throw thrown;
      onUnreadable(id, thrown);
    }
  }
  return unfinished;
}

/** A workflow that was begun and has not ended; null where that is not so. @throws JournalError */
export async function unfinishedWorkflow(ledger: Ledger, id: string): Promise<UnfinishedWorkflow | null> {
  const last = await ledger.last(RECORD_PREFIX + id);
  if (last === null || readWorkflowEntry(id, last.payload).type === "ended") return null;
  const [first] = await ledger.read(RECORD_PREFIX + id, { limit: 1 });
  if (first === undefined) return null;
  const { context, steps, budget, queue = null } = readDefinition(id, first.payload);
  return { id, context, steps: isPlain(steps) ? steps : null, budget, queue };
}

/**
 * Refuses a definition under the id of another.
 *
 * @throws WorkflowError that says what differs.
 */
export function refuseOther(recorded: StoredWorkflow, given: StoredWorkflow): void {
  const difference =
    differenceOf(recorded.steps, given.steps) ??
    (canonical(recorded.context) === canonical(given.context) ? null : "the workflow has another context");
  if (difference === null) return;
  throw new WorkflowError(
    `Cannot run the workflow "${given.id}": its id belongs to another definition: ${difference}. ` +
      "Give the changed workflow an id of its own.",
    { isTaken: true },
  );
}

function readDefinition(id: string, payload: string): StoredWorkflow {
  const entry = readWorkflowEntry(id, payload);
  if (entry.type === "started") return entry;
  throw new JournalError(`The record of the workflow "${id}" does not begin with its definition.`);
}

const TYPES: ReadonlySet<string> = new Set<WorkflowEntry["type"]>([
  "started",
  "decided",
  "timed-out",
  "task-ended",
  "step-ended",
  "cancelled",
  "ended",
]);

/** An entry of a workflow's record from its text. @throws JournalError where it is none that is known. */
export function readWorkflowEntry(id: string, payload: string): WorkflowEntry {
  let entry: unknown;
  try {
    entry = decode(payload);
  } catch (thrown) {
    throw new JournalError(`Cannot read the record of the workflow "${id}": ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const { type } = (entry ?? {}) as { readonly type?: unknown };
  if (typeof type === "string" && TYPES.has(type)) return entry as WorkflowEntry;
  throw new JournalError(
    `Cannot read the record of the workflow "${id}": it holds an entry of a kind that is not known, ` +
      `${JSON.stringify(type)}. A newer version of Fettle may have written it.`,
  );
}
