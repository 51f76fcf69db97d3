// What a mesh has stored, as lists: its tasks and its workflows, looked through while somebody looks.
// Invariant: a look through all that takes long is followed by a longer pause, so that looking never takes more than a
// tenth of the time.
import type { WorkflowList } from "../../workflow-list.ts";
import type { TaskList } from "../../task-list.ts";
import type { Changes } from "./changes.ts";
import { RowIndex } from "./row-index.ts";
import type { TaskRow, WorkflowRow } from "./shapes.ts";
import type { TaskBook } from "./task-book.ts";
import type { WorkflowBook } from "./workflow-book.ts";

/** What shelves are made with. */
export interface ShelvesOptions {
  readonly tasks: TaskList;
  readonly workflows: WorkflowList;
  readonly book: TaskBook;
  readonly workflowBook: WorkflowBook;
  readonly changes: Changes;
  /** Whether what tasks do is heard, and told, besides. */
  readonly isHeard: boolean;
}

const REFRESH_MS = 700;
const REST_FACTOR = 10;
/** How long a look through all is waited for: the first one over many goes on meanwhile. */
const WAIT_MS = 1_000;

/** The lists of one mesh. */
export class Shelves {
  readonly tasks: RowIndex<TaskRow>;
  readonly workflows: RowIndex<WorkflowRow>;
  #dueAt = 0;

  constructor({ tasks, workflows, book, workflowBook, changes, isHeard }: ShelvesOptions) {
    this.tasks = new RowIndex<TaskRow>({
      ids: () => tasks.ids(),
      load: (taskId) => book.row(taskId),
      isEnded: ({ endedAt }) => endedAt !== null,
      beganAt: ({ acceptedAt }) => acceptedAt,
      textOf: ({ taskId, role, task }) => `${taskId}\n${role}\n${task}`.toLowerCase(),
      join: (read, { state, status }) => ({ ...read, state, status }),
      changed: ({ taskId, role, node, state, status, endedAt }, before) => {
        if (state === null || (before?.state === state && before.status === status)) return;
        // What is heard of a task is ahead of what is stored; its end may have been missed.
        if (isHeard && (endedAt === null || before?.state === state)) return;
        changes.task({ taskId, role, node, at: Date.now(), states: [state], status });
      },
    });
    this.workflows = new RowIndex<WorkflowRow>({
      ids: () => workflows.ids(),
      load: (id) => workflowBook.row(id),
      isEnded: ({ endedAt }) => endedAt !== null,
      beganAt: ({ startedAt }) => startedAt,
      textOf: ({ workflowId }) => workflowId.toLowerCase(),
      changed: (row, before) => {
        const isSame = before?.status === row.status && before.stepsEnded === row.stepsEnded;
        if (!isSame) changes.workflow(row.workflowId);
      },
    });
  }

  /** Looks through what is stored, where that is due; resolves once it is done, or goes on for long. @throws StorageError */
  async refresh(): Promise<void> {
    if (Date.now() < this.#dueAt) return;
    this.#dueAt = Infinity;
    const began = Date.now();
    const reading = Promise.all([this.tasks.refresh(), this.workflows.refresh()]).finally(() => {
      const took = Date.now() - began;
      this.#dueAt = Date.now() + Math.max(REFRESH_MS, REST_FACTOR * took);
    });
    reading.catch(() => undefined);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, WAIT_MS)));
    await Promise.race([reading, late]).finally(() => clearTimeout(timer));
  }

  /** Forgets all. */
  close(): void {
    this.tasks.close();
    this.workflows.close();
  }
}
