// Changes of tasks, actors and workflows on their way to the readers: gathered for a tenth of a second, told together,
// and no more than a page can draw.
// Invariant: at most 200 changes a second are told of each kind; where there were more, the telling says so.
import type { ActorChange, InspectorEvent, TaskChange } from "./shapes.ts";

/** How long changes wait for others, in milliseconds. */
const GATHER_MS = 100;
/** So many changes of one kind are told at once. */
const MOST_AT_ONCE = 20;
/** States of one task that are told at once: the latest. */
const MOST_STATES = 12;

/** Gathers changes. */
export class Changes {
  readonly #publish: (event: InspectorEvent) => void;
  readonly #tasks = new Map<string, TaskChange>();
  readonly #workflows = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(publish: (event: InspectorEvent) => void) {
    this.#publish = publish;
  }

  /** A task came to other states. */
  task(change: TaskChange): void {
    const before = this.#tasks.get(change.taskId)?.states ?? [];
    const states = [...before, ...change.states]
      .filter((one, at, all) => one !== all[at - 1])
      .slice(-MOST_STATES);
    // The latest last, so that what is left out is what changed first.
    this.#tasks.delete(change.taskId);
    this.#tasks.set(change.taskId, { ...change, states });
    this.#wait();
  }

  /** A workflow began, went on or ended. */
  workflow(id: string): void {
    this.#workflows.add(id);
    this.#wait();
  }

  /** Actors moved; they come once a second. */
  actors(actors: readonly ActorChange[], isSampled: boolean): void {
    if (actors.length > 0) this.#publish({ type: "actors", actors, isSampled });
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #wait(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#tell();
    }, GATHER_MS);
  }

  #tell(): void {
    const tasks = [...this.#tasks.values()];
    const told = tasks.slice(-MOST_AT_ONCE);
    this.#tasks.clear();
    if (told.length > 0) {
      this.#publish({ type: "tasks", tasks: told, isSampled: told.length < tasks.length });
    }
    const workflowIds = [...this.#workflows].slice(-MOST_AT_ONCE);
    this.#workflows.clear();
    if (workflowIds.length > 0) this.#publish({ type: "workflows", workflowIds });
  }
}
