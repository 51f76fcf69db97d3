// Finds tasks and their results, on whichever node of the mesh they are.
// Invariant: a result is taken from the task's journal alone; what is told of it is only a sign to look there.
import type { TaskResult } from "../../core/task.ts";
import type { TaskSummary } from "../../task-list.ts";
import { Problem } from "./problem.ts";
import type { Call } from "./route.ts";
import { foundWithin } from "./waiting.ts";

/** A task as it is listed. @throws Problem where there is none of that id. */
export async function findTask({ service }: Pick<Call, "service">, taskId: string): Promise<TaskSummary> {
  const { view } = service.mesh;
  const found = await view.tasks.find(taskId);
  if (found !== null) return found;
  // The queue knows its messages by their order alone.
  const hint = view.isDistributed
    ? " One that was submitted to a queue is known once a node has drawn it."
    : "";
  throw new Problem(404, "TASK_UNKNOWN", `There is no task "${taskId}" in this mesh.${hint}`);
}

/** A task's result, once it has ended within that time; null where it has not. */
export async function awaitResult(call: Call, taskId: string, ms: number): Promise<TaskResult | null> {
  const { mesh, closing } = call.service;
  const { tasks } = mesh.view;
  const found = await tasks.result(taskId);
  if (found !== null) return found;
  await findTask(call, taskId);
  if (ms === 0) return null;
  return foundWithin(() => tasks.result(taskId), {
    ms,
    gone: call.context.req.raw.signal,
    closing,
    hear: (wake) => mesh.view.hear(taskId, wake),
  });
}
