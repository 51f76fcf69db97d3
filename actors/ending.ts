// Ends a task that no actor works on: one that was cancelled while it waited, or was taken up in vain too often.
// Invariant: what was done and paid for it before is in its result all the same.
import type { AgentDefinition } from "../src/core/agent.ts";
import { NOTHING_DONE } from "../src/core/attempt.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import { MAX_CLAIMS } from "./claims.ts";
import type { ActorParts } from "./parts.ts";
import { rebuildTask } from "./rebuild.ts";
import { settleTask } from "./settlement.ts";

/** Ends a task by an error, after what its journal says was done. */
export async function endTask(
  agent: AgentDefinition,
  parts: ActorParts,
  { assignment, error }: { readonly assignment: Assignment; readonly error: TaskFailure },
): Promise<TaskResult> {
  const { journal, taskId } = assignment;
  const status = error.category === "cancelled" ? ("cancelled" as const) : ("failure" as const);
  const isNew = journal.find("claimed") === undefined;
  const done = isNew ? NOTHING_DONE : (await rebuildTask(journal.entries)).context;
  return settleTask(agent, parts, { assignment, outcome: { ...done, taskId, status, output: null, error } });
}

/** The end of a task that was cancelled. */
export function cancelledError(message: string): TaskFailure {
  return { name: "CancelledError", message, category: "cancelled" };
}

/** The end of a task whose processes ended with it. */
export function inVainError(taskId: string): TaskFailure {
  const message =
    `The task "${taskId}" was taken up ${MAX_CLAIMS} times and its process ended each time before it made any ` +
    "headway. Look at what ended them, and give the task anew.";
  return { name: "TaskError", message, category: "internal" };
}
