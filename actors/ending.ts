// Ends a task from outside: one that no actor works on, as it was cancelled while it waited or was taken up in vain too
// often, and one whose chart was stopped by a cancel or its deadline.
// Invariant: what was done and paid for it before is in its result all the same.
import { overdue } from "../machines/task-books.ts";
import type { AgentDefinition } from "../src/core/agent.ts";
import { NOTHING_DONE, type Outcome } from "../src/core/attempt.ts";
import { OwnershipError } from "../src/core/errors.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import type { Journal } from "../src/journal.ts";
import type { Assignment } from "./assignment.ts";
import { claimsInVain, MAX_CLAIMS } from "./claims.ts";
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
  const { context, isOver } = isNew ? { context: NOTHING_DONE, isOver: false } : await doneIn(journal);
  // What is recorded of its end holds: it may have come to another one before it was cancelled.
  const isRecorded = isOver && (journal.find("cancelled") ?? journal.find("overdue")) !== undefined;
  const end = isRecorded ? {} : { status, output: null, error };
  return settleTask(agent, parts, { assignment, outcome: { error, ...context, taskId, ...end } });
}

/** Why a task that is taken up is not worked on any more; null where it is. */
export function endedBefore(journal: Journal): TaskFailure | null {
  const { taskId } = journal.accepted;
  const cancelled = journal.find("cancelled");
  if (cancelled !== undefined) return cancelledError(cancelled.reason);
  const terms = journal.find("claimed")?.terms;
  const isOverdue = journal.find("overdue") !== undefined;
  if (terms !== undefined && isOverdue) return overdue({ taskId, ...terms }).error;
  return claimsInVain(journal) >= MAX_CLAIMS ? inVainError(taskId) : null;
}

/** Whether a running chart was ended from outside: by a cancel or its deadline. */
export function isStopped({ status, error }: Outcome): boolean {
  return status === "cancelled" || (error?.category === "timeout" && error.name === "TimeoutError");
}

/**
 * The outcome of a chart that was stopped: a recorded effect counts, whether or not the chart heard of it before.
 *
 * @throws OwnershipError where another process has the task.
 */
export async function outcomeOf(journal: Journal, stopped: Outcome): Promise<Outcome> {
  const { taskId, status, error } = stopped;
  try {
    // What was noted of its end, and what was being written then.
    await journal.append();
    if (status === "cancelled" && journal.find("cancelled") === undefined) {
      await journal.append({ type: "cancelled", reason: error?.message ?? "" });
    }
  } catch (thrown) {
    if (thrown instanceof OwnershipError) throw thrown;
    // Settling meets the same trouble with the storage, and tells it.
    return stopped;
  }
  const { context, isOver } = await doneIn(journal);
  return isOver ? { ...context, taskId } : { ...context, taskId, status, output: null, error };
}

/** What a journal comes to, and whether that is an end. */
async function doneIn(journal: Journal): Promise<{ readonly context: Outcome; readonly isOver: boolean }> {
  const { context, states, isEnded } = await rebuildTask(journal.entries);
  return { context, isOver: isEnded || states.at(-1) === "settling" };
}

/** The end of a task that was cancelled. */
export function cancelledError(message: string): TaskFailure {
  return { name: "CancelledError", message, category: "cancelled" };
}

/** The end of a task whose processes ended with it. */
function inVainError(taskId: string): TaskFailure {
  const message =
    `The task "${taskId}" was taken up ${MAX_CLAIMS} times and its process ended each time before it made any ` +
    "headway. Look at what ended them, and give the task anew.";
  return { name: "TaskError", message, category: "internal" };
}
