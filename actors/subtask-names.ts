// Ids for the tasks that a custom agent gives to others while it does a task of its own: the same for the same task,
// so that a handler that is run again after a crash finds what it gave before, and nothing is paid twice.
// Invariant: the id depends on the parent, on what the task is and on how often the same was given, not on the order
// of different ones: a handler may give several at once.
import { createHash } from "node:crypto";
import { encode } from "../src/core/codec.ts";
import type { Task } from "../src/core/task.ts";

/** Names the tasks that are given on behalf of one task. */
export class SubtaskNames {
  readonly #parent: string;
  readonly #given = new Map<string, number>();

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** A task with an id; one that it was given stays. */
  name(role: string, given: string | Task): Task {
    const task = typeof given === "string" ? { task: given } : given;
    if (task.id !== undefined) return task;
    const content = encode([this.#parent, role, task.task, task.context ?? {}]);
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 32);
    const count = (this.#given.get(hash) ?? 0) + 1;
    this.#given.set(hash, count);
    return { ...task, id: `sub-${hash}-${count}` };
  }
}
