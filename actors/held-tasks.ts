// The tasks that this process answers for, by id.
// Invariant: of one id there may be one after the other: one that was refused to its asker, as another process took the
// task in, may still be worked on here while it is asked for again. Its result is for both.
import type { TaskResult } from "../src/core/task.ts";
import type { HeldTask } from "./held-task.ts";

/** Tasks by id. */
export class HeldTasks extends Map<string, HeldTask> {
  /** Forgets one; another that took its place stays. */
  drop(held: HeldTask): void {
    const { taskId } = held.identity;
    if (this.get(taskId) === held) this.delete(taskId);
  }

  /** Gives a result to whoever waits for it. */
  settle(result: TaskResult): void {
    this.get(result.taskId)?.settle(result);
  }

  /** The same, once clients have it; where they cannot be given it, rejects, and the task comes up again. */
  async conclude(
    held: HeldTask,
    { result, posted }: { readonly result: TaskResult; readonly posted: Promise<void> | undefined },
  ): Promise<void> {
    try {
      await posted;
    } finally {
      held.settle(result);
      this.settle(result);
    }
  }
}
