// A task that is accepted and not waited for: for whoever answers its asker before it has ended.
// Invariant: who is given one knows that the task is durable; who is not, that it was refused.
import type { Task, TaskResult } from "../src/core/task.ts";
import type { ExecuteOptions } from "./execute-options.ts";
import type { TaskOrigin } from "./held-task.ts";

/** A task that was accepted, or had been before. */
export interface AcceptedTask {
  readonly taskId: string;
  /**
   * Its result, once it has ended. Rejects with MeshStateError where this process stops before; it goes on then when a
   * mesh starts on the same data. Need not be waited for.
   */
  readonly result: Promise<TaskResult>;
}

/** Runs a task; what `TaskDesk.execute` does. */
type Execute = (role: string, task: Task, options: ExecuteOptions & TaskOrigin) => Promise<TaskResult>;

/** Gives a task to a desk and resolves once it is accepted. @throws as the desk does, where it is not. */
export function acceptedTask(
  execute: Execute,
  { role, task, options }: { role: string; task: string | Task; options: ExecuteOptions },
): Promise<AcceptedTask> {
  const given = typeof task === "string" ? { task } : task;
  const taskId = given.id ?? crypto.randomUUID();
  return new Promise((resolve, reject) => {
    const onAccepted = () => {
      options.onAccepted?.();
      resolve({ taskId, result });
    };
    const result = execute(
      role,
      { ...given, id: taskId },
      { ...options, onAccepted, isNew: given.id === undefined },
    );
    result.catch(reject);
  });
}
