// The tasks and workflows that readers look at: each followed once, however many look.
// Invariant: one that nobody looks at any more is followed a little longer, so that a reader whose connection broke goes
// on where it was, and then forgotten.
import type { HeardEvent } from "../../mesh-view.ts";
import type { TaskList } from "../../task-list.ts";
import type { Interest } from "./hub.ts";
import type { InspectorEvent } from "./shapes.ts";
import { TaskWatch, type TaskBook } from "./task-book.ts";
import type { Veil } from "./veil.ts";
import type { WorkflowBook } from "./workflow-book.ts";

/** What watches are made with. */
export interface WatchesOptions {
  readonly tasks: TaskList;
  readonly book: TaskBook;
  readonly workflows: WorkflowBook;
  readonly veil: Veil;
  readonly publish: (event: InspectorEvent) => void;
}

interface Watched {
  readers: number;
  /** When the last reader left. */
  leftAt: number;
}

interface WatchedTask extends Watched {
  readonly watch: TaskWatch;
  readonly opened: Promise<void>;
}

interface WatchedWorkflow extends Watched {
  told: string;
  timer: ReturnType<typeof setTimeout> | null;
}

/** So long after its last reader one is followed, in milliseconds. */
const LINGER_MS = 30_000;
/** How long what is heard of a workflow waits for more of it, in milliseconds. */
const GATHER_MS = 250;

/** Follows what is looked at. */
export class Watches {
  readonly #options: WatchesOptions;
  readonly #tasks = new Map<string, WatchedTask>();
  readonly #workflows = new Map<string, WatchedWorkflow>();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Somebody looks; gives how to end that. */
  open({ taskId, workflowId }: Interest): () => void {
    const opened: Watched[] = [];
    if (taskId !== null) opened.push(this.#task(taskId));
    if (workflowId !== null) opened.push(this.#workflow(workflowId));
    for (const one of opened) one.readers += 1;
    return () => {
      for (const one of opened) {
        one.readers -= 1;
        one.leftAt = Date.now();
      }
    };
  }

  /** Resolves once what comes from now on will be told. @throws StorageError, JournalError */
  async ready({ taskId, workflowId }: Interest): Promise<void> {
    if (taskId !== null) await this.#tasks.get(taskId)?.opened;
    if (workflowId !== null) await this.#lookAt(workflowId);
  }

  /** Something was heard. */
  hear(event: HeardEvent): void {
    const { taskId, workflowId } = event;
    if (taskId !== undefined && event["role"] !== undefined) this.#tasks.get(taskId)?.watch.hear(event);
    const workflow = workflowId === undefined ? undefined : this.#workflows.get(workflowId);
    if (workflowId === undefined || workflow === undefined || event.type === "text") return;
    workflow.timer ??= setTimeout(() => {
      workflow.timer = null;
      void this.#lookAt(workflowId).catch(() => undefined);
    }, GATHER_MS);
  }

  /** Looks at all that are followed, and forgets those that nobody looks at. */
  async look(): Promise<void> {
    const now = Date.now();
    for (const [id, one] of this.#tasks) {
      if (one.readers > 0 || now - one.leftAt < LINGER_MS) continue;
      one.watch.close();
      this.#tasks.delete(id);
    }
    for (const [id, one] of this.#workflows) {
      if (one.readers === 0 && now - one.leftAt >= LINGER_MS) this.#forget(id, one);
    }
    await Promise.allSettled([
      ...[...this.#tasks.values()].map(async ({ watch, opened }) => {
        await opened.catch(() => undefined);
        await watch.look();
      }),
      ...[...this.#workflows.keys()].map((id) => this.#lookAt(id)),
    ]);
  }

  close(): void {
    for (const { watch } of this.#tasks.values()) watch.close();
    this.#tasks.clear();
    for (const [id, one] of this.#workflows) this.#forget(id, one);
  }

  #task(taskId: string): WatchedTask {
    const known = this.#tasks.get(taskId);
    if (known !== undefined) return known;
    const watch = new TaskWatch(taskId, this.#options, this.#options.publish);
    const opened = watch.open();
    opened.catch(() => undefined);
    const task = { watch, opened, readers: 0, leftAt: 0 };
    this.#tasks.set(taskId, task);
    return task;
  }

  #workflow(id: string): WatchedWorkflow {
    const workflow = this.#workflows.get(id) ?? { readers: 0, leftAt: 0, told: "", timer: null };
    this.#workflows.set(id, workflow);
    return workflow;
  }

  #forget(id: string, { timer }: WatchedWorkflow): void {
    if (timer !== null) clearTimeout(timer);
    this.#workflows.delete(id);
  }

  /** Tells a workflow that is another than it was. */
  async #lookAt(id: string): Promise<void> {
    const detail = await this.#options.workflows.detail(id, { withGraph: false });
    const workflow = this.#workflows.get(id);
    const told = JSON.stringify(detail);
    if (workflow === undefined || workflow.told === told) return;
    const isFirst = workflow.told === "";
    workflow.told = told;
    if (!isFirst) this.#options.publish({ type: "workflow", detail });
  }
}
