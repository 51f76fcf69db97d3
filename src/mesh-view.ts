// What can be seen of a mesh while it runs: its tasks and workflows as they are stored, and what they are doing.
// Invariant: looking changes nothing and claims nothing; what is heard is told once and may be lost, what is stored is not.
import type { Ledger, Messages, KeyValue, Queue, Unsubscribe } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import { NodeLine } from "./node-line.ts";
import { toReadable } from "./readable.ts";
import { RoleBook } from "./role-book.ts";
import { scopeLedger } from "./scoped-ledger.ts";
import { TaskList } from "./task-list.ts";
import { WorkflowList } from "./workflow-list.ts";

/** Something that a task or a workflow did, in plain JSON: a task's events name it in `taskId`, a workflow's in `workflowId`. */
export interface HeardEvent {
  /** What happened: the `type` of a `TaskEvent` or a `WorkflowEvent`. */
  readonly type: string;
  readonly taskId?: string;
  readonly workflowId?: string;
  readonly [part: string]: unknown;
}

/** What a {@link MeshView} looks at. */
export interface MeshViewOptions {
  /** The mesh's name. */
  readonly name: string;
  readonly fabric: {
    readonly ledger: Ledger;
    readonly keyValue: KeyValue;
    readonly messages: Messages;
    readonly queue: Queue;
  };
  readonly subjects: Subjects;
  readonly isGone: (node: string) => boolean;
  /** This process, as journals name it, and its program's version. */
  readonly node: string;
  readonly version: string;
  /** Whether other nodes tell of what they do. */
  readonly isDistributed: boolean;
  /** What this process tells of its own. */
  readonly subscribe: (listener: (event: { readonly type: string }) => void) => Unsubscribe;
}

/** Sees a mesh from within one of its processes. */
export class MeshView {
  /** The tasks, as their journals tell of them. */
  readonly tasks: TaskList;
  /** The workflows, as their records tell of them. */
  readonly workflows: WorkflowList;
  /** The processes of the mesh: who is there, and what each says of itself. */
  readonly nodes: NodeLine;
  readonly #options: MeshViewOptions;
  readonly #roles: RoleBook;
  /** Who listens to what this process tells, by the id of the task or workflow. */
  readonly #listeners = new Map<string, Set<(event: HeardEvent) => void>>();
  #unsubscribe: Unsubscribe | null = null;

  constructor(options: MeshViewOptions) {
    const { fabric, subjects, isGone, name } = options;
    const { keyValue, messages } = fabric;
    this.#options = options;
    this.#roles = new RoleBook(keyValue);
    this.nodes = new NodeLine({ ...options, keyValue, messages });
    this.tasks = new TaskList(fabric.ledger, { subjects, queue: fabric.queue, isGone });
    this.workflows = new WorkflowList(scopeLedger(fabric.ledger, name));
  }

  /** The mesh's name. */
  get name(): string {
    return this.#options.name;
  }

  /** Whether there may be other nodes. */
  get isDistributed(): boolean {
    return this.#options.isDistributed;
  }

  /**
   * Hears what is told of one task, or of one workflow, on whatever node it runs, until it is told to stop. Over NATS text
   * comes in few pieces, and long texts are cut; in one process all comes as it is.
   */
  hear(id: string, listener: (event: HeardEvent) => void): Unsubscribe {
    const { isDistributed, fabric, subjects } = this.#options;
    if (isDistributed) {
      return fabric.messages.subscribe(subjects.event(id), ({ payload }) => {
        const event = readEvent(payload);
        if (event !== null) listener(event);
      });
    }
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    this.#unsubscribe ??= this.#options.subscribe((event) => this.#tell(event));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
      if (this.#listeners.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = null;
    };
  }

  /** Hears what is told of all tasks and workflows, on all nodes, until it is told to stop; each event once. */
  hearAll(listener: (event: HeardEvent) => void): Unsubscribe {
    const { isDistributed, fabric, subjects, subscribe } = this.#options;
    if (!isDistributed) return subscribe((event) => listener(toReadable(event) as HeardEvent));
    return fabric.messages.subscribe(subjects.events(), ({ subject, payload }) => {
      const event = readEvent(payload);
      // What a workflow's tasks tell comes on its subject too.
      if (event !== null && subject === subjects.event(ownerOf(event))) listener(event);
    });
  }

  /** How many tasks of a role wait in its queue, in hand and not. @throws StorageError */
  async queued(role: string): Promise<{ readonly waiting: number; readonly inHand: number }> {
    const { fabric, subjects } = this.#options;
    return fabric.queue.size(subjects.tasks(role));
  }

  /** The roles that other nodes have, or had, agents for; empty for a mesh in one process. @throws StorageError */
  async roles(): Promise<readonly { readonly role: string; readonly capabilities: readonly string[] }[]> {
    if (!this.#options.isDistributed) return [];
    const roles = await this.#roles.roles();
    const entries = await Promise.all(roles.map((role) => this.#roles.find(role)));
    return entries.flatMap((entry) => (entry === null ? [] : [entry]));
  }

  /** Asks what the mesh stands on for something small. @throws StorageError where it does not answer. */
  async ping(): Promise<void> {
    await this.#options.fabric.keyValue.get("roles", "ping");
  }

  #tell(event: { readonly type: string }): void {
    const { taskId, workflowId } = event as HeardEvent;
    for (const id of [taskId, workflowId]) {
      const listeners = id === undefined ? undefined : this.#listeners.get(id);
      if (listeners === undefined) continue;
      const readable = toReadable(event) as HeardEvent;
      for (const listener of listeners) listener(readable);
    }
  }
}

/** Whose event it is: a workflow's own events name tasks too, but no role. */
function ownerOf({ role, taskId, workflowId }: HeardEvent): string {
  return (role === undefined ? workflowId : taskId) ?? "";
}

function readEvent(payload: string): HeardEvent | null {
  try {
    const event: unknown = JSON.parse(payload);
    const { type } = (event ?? {}) as { readonly type?: unknown };
    return typeof type === "string" ? (event as HeardEvent) : null;
  } catch {
    return null;
  }
}
