// One task as the page shows it: its row, its journal as moments, how it ended; and the same followed while it goes on.
// Invariant: what is told of a task comes from its journal, whichever node works on it; live text alone is heard.
import type { JournalEntry } from "../../core/journal.ts";
import type { Mark } from "../../ledger-mark.ts";
import type { TaskResult } from "../../core/task.ts";
import { summarize, type TaskList } from "../../task-list.ts";
import type { HeardEvent } from "../../mesh-view.ts";
import { END_STATES, MomentTeller } from "./moments.ts";
import { rebuildPrompt, type SystemOf } from "./prompts.ts";
import type { InspectorEvent, Moment, TaskDetail, TaskEnd, TaskRow } from "./shapes.ts";
import type { Veil } from "./veil.ts";

/** What tasks are shown with. */
export interface TaskBookOptions {
  readonly tasks: TaskList;
  readonly systemOf: SystemOf;
  readonly veil: Veil;
}

/** Shows tasks. */
export class TaskBook {
  readonly #options: TaskBookOptions;

  constructor(options: TaskBookOptions) {
    this.#options = options;
  }

  /** A task's row for lists; null where there is none of that id. @throws StorageError, JournalError */
  async row(taskId: string): Promise<TaskRow | null> {
    const { tasks, veil } = this.#options;
    const summary = await tasks.find(taskId);
    if (summary === null) return null;
    const state =
      summary.endedAt === null
        ? stateIn(await tasks.read(taskId))
        : endOf(summary.status as TaskResult["status"]);
    return veil.data({ ...summary, task: veil.line(summary.task), state });
  }

  /** A task with all its moments. @throws UnknownError `TASK_UNKNOWN`, JournalError */
  async detail(taskId: string): Promise<TaskDetail> {
    const { tasks, veil } = this.#options;
    const entries = await tasks.read(taskId);
    const [accepted] = entries;
    const { context = {} } = accepted?.type === "accepted" ? accepted : {};
    const terms = entries.find((entry) => entry.type === "claimed")?.terms;
    const finished = entries.find((entry) => entry.type === "finished");
    const teller = new MomentTeller(veil);
    return {
      task: await this.#rowOf(entries),
      kind: terms?.kind ?? null,
      context: Object.keys(context).length === 0 ? "" : veil.value(context),
      moments: await this.tell(teller, entries, 0),
      result: finished === undefined ? null : this.#endOf(finished.result),
    };
  }

  /** The moments of the entries from an index on. */
  async tell(
    teller: MomentTeller,
    entries: readonly JournalEntry[],
    from: number,
  ): Promise<readonly Moment[]> {
    const moments: Moment[] = [];
    for (let index = from; index < entries.length; index += 1) {
      const entry = entries[index];
      if (entry === undefined) continue;
      const moment = teller.tell(entry);
      // A journal that cannot be run over shows what it holds all the same.
      const prompt = await rebuildPrompt(entries, index, this.#options).catch(() => null);
      moments.push(prompt === null ? moment : { ...moment, prompt });
    }
    return moments;
  }

  /** The row and the end of a task, from its journal. */
  async now(entries: readonly JournalEntry[]): Promise<{ task: TaskRow; result: TaskEnd | null }> {
    const finished = entries.find((entry) => entry.type === "finished");
    const result = finished === undefined ? null : this.#endOf(finished.result);
    return { task: await this.#rowOf(entries), result };
  }

  async #rowOf(entries: readonly JournalEntry[]): Promise<TaskRow> {
    const read = summarize(entries);
    // Whether its process is gone is known to the list alone.
    const summary = read.endedAt === null ? ((await this.#options.tasks.find(read.taskId)) ?? read) : read;
    return this.#options.veil.data({ ...summary, state: stateIn(entries) });
  }

  #endOf(result: TaskResult): TaskEnd {
    const { veil } = this.#options;
    const { status, output, code, error, repairs, executionTime, tokens, costUsd } = result;
    const { model, functionId, reused: isReused, replayed: isReplayed } = result;
    const told = { error, repairs, executionTime, tokens, costUsd, model, functionId, isReused, isReplayed };
    return {
      ...veil.data(told),
      status,
      output: status === "success" ? veil.value(output) : "",
      code: code === null ? null : veil.text(code),
    };
  }
}

/** How soon after something was heard of a task its journal is read, in milliseconds. */
const SETTLE_MS = 50;
const WRITES_AT_ONCE = 200;

/** Follows one task. */
export class TaskWatch {
  readonly #taskId: string;
  readonly #book: TaskBook;
  readonly #tasks: TaskList;
  readonly #veil: Veil;
  readonly #publish: (event: InspectorEvent) => void;
  readonly #teller: MomentTeller;
  readonly #entries: JournalEntry[] = [];
  #mark: Mark | null = null;
  #reading: Promise<void> | null = null;
  #isStale = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #text = "";
  #isClosed = false;

  constructor(
    taskId: string,
    { book, tasks, veil }: { readonly book: TaskBook; readonly tasks: TaskList; readonly veil: Veil },
    publish: (event: InspectorEvent) => void,
  ) {
    this.#taskId = taskId;
    this.#book = book;
    this.#tasks = tasks;
    this.#veil = veil;
    this.#publish = publish;
    this.#teller = new MomentTeller(veil);
  }

  /** Whether nothing more can come. */
  get isEnded(): boolean {
    return this.#entries.at(-1)?.type === "finished";
  }

  /** Reads what is there, which is told to nobody: whoever asks for the task's detail gets it. */
  async open(): Promise<void> {
    await this.#read({ silently: true });
  }

  /** Something was heard of it. */
  hear(event: HeardEvent): void {
    if (event.type === "text" && typeof event["text"] === "string") {
      const { shown, kept } = this.#veil.ready(this.#text + event["text"]);
      this.#text = kept;
      this.#tellText(shown);
      return;
    }
    if (event.type === "text-void") {
      this.#text = "";
      this.#publish({ type: "text", taskId: this.#taskId, text: "", isVoid: true });
      return;
    }
    this.#flush();
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.look();
    }, SETTLE_MS);
  }

  /** Reads what is new in the journal, and tells it. */
  async look(): Promise<void> {
    if (this.isEnded || this.#isClosed) return;
    if (this.#reading !== null) {
      this.#isStale = true;
      return this.#reading;
    }
    this.#reading = this.#read({ silently: false }).finally(() => (this.#reading = null));
    // Where the store does not answer, the next look does.
    await this.#reading.catch(() => undefined);
    if (!this.#isStale) return;
    this.#isStale = false;
    return this.look();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #read({ silently }: { readonly silently: boolean }): Promise<void> {
    const taskId = this.#taskId;
    const from = this.#entries.length;
    for (;;) {
      const more = await this.#tasks.after(taskId, this.#mark, WRITES_AT_ONCE);
      this.#entries.push(...more.map(({ entry }) => entry));
      this.#mark = more.at(-1)?.mark ?? this.#mark;
      if (more.length === 0) break;
    }
    if (this.#entries.length === from || this.#isClosed) return;
    const moments = await this.#book.tell(this.#teller, this.#entries, from);
    if (silently) return;
    for (const moment of moments) this.#publish({ type: "moment", taskId, moment });
    this.#publish({ type: "task", ...(await this.#book.now(this.#entries)) });
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    this.#tellText(this.#veil.text(text));
  }

  #tellText(text: string): void {
    if (text !== "") this.#publish({ type: "text", taskId: this.#taskId, text, isVoid: false });
  }
}

function stateIn(entries: readonly JournalEntry[]): string | null {
  const last = entries.findLast((entry) => entry.type === "state" || entry.type === "finished");
  if (last?.type === "finished") return endOf(last.result.status);
  if (last !== undefined) return last.state;
  return entries.some(({ type }) => type === "claimed") ? "queued" : null;
}

function endOf(status: TaskResult["status"]): string {
  return END_STATES[status];
}
