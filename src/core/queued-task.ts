// What the queue of a role carries: the name of a task that is in its journal, or a task as a client submits it.
// Invariant: the two are never taken for each other: the first is a JSON object that says `accepted`, which no task does.
import { TaskError } from "./errors.ts";
import { isName } from "./names.ts";
import type { Task } from "./task.ts";
import { readTaskRequest } from "./task-request.ts";

/** The form of the messages that name a task. */
const QUEUED_VERSION = 1;

/** A message of a role's queue. */
export type QueuedTask =
  | { readonly type: "accepted"; readonly taskId: string }
  | { readonly type: "submitted"; readonly task: Task };

/** The message that names a task which is in its journal. */
export function queuedTask(taskId: string): string {
  return JSON.stringify({ v: QUEUED_VERSION, accepted: taskId });
}

/**
 * Reads a message. A text that is nothing but a name was how tasks were named before: it is a task's id unless clients
 * can be at the queue, of whom one may well submit a single word.
 *
 * @throws TaskError where it is neither.
 */
export function readQueuedTask(payload: string, options: { readonly hasClients: boolean }): QueuedTask {
  if (!options.hasClients && isName(payload)) return { type: "accepted", taskId: payload };
  const taskId = acceptedIn(payload);
  if (taskId === undefined) return { type: "submitted", task: readTaskRequest(payload) };
  if (isName(taskId)) return { type: "accepted", taskId };
  throw new TaskError(`The message names the task ${JSON.stringify(taskId)}, and that is no task's id.`);
}

/** What a message calls its task, for lists of what a queue gave up; the message's own id where it calls it nothing. */
export function taskIdOfQueued({ id, payload }: { readonly id: string; readonly payload: string }): string {
  if (isName(payload)) return payload;
  const taskId = acceptedIn(payload);
  if (isName(taskId)) return taskId;
  try {
    return readTaskRequest(payload).id ?? id;
  } catch {
    return id;
  }
}

function acceptedIn(payload: string): unknown {
  if (!payload.startsWith("{")) return undefined;
  try {
    return (JSON.parse(payload) as { readonly accepted?: unknown }).accepted;
  } catch {
    return undefined;
  }
}
