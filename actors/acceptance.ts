// Takes a task in: puts it in its queue and in its journal, and begins its result; or finds that it was taken in before.
// Invariant: a task that is in its journal is in its queue too; one that cannot be taken in whole is taken back, and
// its id can be given again.
import { NOTHING_DONE } from "../src/core/attempt.ts";
import { messageOf, OwnershipError, TaskError } from "../src/core/errors.ts";
import { queuedTask } from "../src/core/queued-task.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import type { Telemetry } from "../src/core/telemetry.ts";
import { Journal } from "../src/journal.ts";
import type { ResultEntry } from "../src/results.ts";
import { requireSameTask, type TaskIdentity } from "./held-task.ts";
import { placeOf } from "./journal-place.ts";
import type { ActorParts } from "./parts.ts";

/** A task that is to be done, with what this process knows of it; or the result of one that has ended before. */
export type Accepted =
  { readonly journal: Journal | null; readonly entry: ResultEntry | null } | { readonly ended: TaskResult };

/**
 * Takes a task in; `isNew` says that its id was never given before.
 *
 * @throws TaskError where its id stands for another task; StorageError where it cannot be stored.
 */
export async function acceptTask(parts: ActorParts, task: TaskIdentity, isNew: boolean): Promise<Accepted> {
  const { subjects, results, telemetry } = parts;
  const place = placeOf(task.taskId, parts);
  const earlier = isNew ? null : await Journal.open(place);
  if (earlier !== null) {
    requireSameTask(earlier.accepted, task);
    const ended = earlier.find("finished");
    if (ended !== undefined) return { ended: ended.result };
    await enqueue(parts, task);
    return { journal: null, entry: null };
  }
  const resultId = results.newId();
  const { taskQueue: queue } = subjects;
  // Issued in this order, the queue first: a task in a journal alone would be accepted and never taken up.
  const [queued, journaled, begun] = await Promise.allSettled([
    enqueue(parts, task, { isNew: true }),
    Journal.create(place, { type: "accepted", ...task, ...traceOf(telemetry, task), queue, resultId }),
    results.begin({ taskId: task.taskId, role: task.role, task: task.task, resultId }),
  ]);
  if (journaled.status === "rejected") throw journaled.reason;
  const journal = journaled.value;
  if (journal === null) throw takenError(task.taskId);
  if (queued.status === "rejected") return withdraw(parts, journal, queued.reason);
  if (begun.status === "rejected") return withdraw(parts, journal, begun.reason);
  return { journal, entry: begun.value };
}

/** The trace that a journal names: that of its acceptance. */
export function traceOf(
  telemetry: Telemetry,
  { taskId, role, trace }: TaskIdentity,
): { readonly trace?: string } {
  const own = telemetry.accept({ taskId, role, trace });
  return own === undefined ? {} : { trace: own };
}

/** Stores and gives the result of a task that is not done at all. */
export async function refuseTask(
  { results, board }: ActorParts,
  { id: taskId, role, task }: { readonly id: string; readonly role: string; readonly task: string },
  error: TaskFailure,
): Promise<TaskResult> {
  const entry = await results.begin({ taskId, role, task });
  const result = nothingOf({ taskId, role, resultId: entry.resultId }, error);
  await entry.finish(result);
  await board?.post(result);
  return result;
}

/** The result of a task that nothing was done for. */
function nothingOf(
  task: { readonly taskId: string; readonly role: string; readonly resultId: string },
  error: TaskFailure,
): TaskResult {
  const status = error.category === "cancelled" ? "cancelled" : "failure";
  return { ...NOTHING_DONE, ...task, status, error, functionId: null, executionTime: 0 };
}

async function enqueue(
  { fabric: { queue }, subjects }: ActorParts,
  { taskId, role }: TaskIdentity,
  { isNew = false } = {},
): Promise<void> {
  const tasks = subjects.tasks(role);
  const message = queuedTask(taskId);
  const { duplicate } = await queue.publish(tasks, message, { id: taskId });
  // A process that died before the journal was there may have left the message, or it was given up since: of the two
  // only one more message helps, and one too many does no harm.
  if (duplicate && isNew) await queue.publish(tasks, message);
}

/** Takes a task back, so that nobody takes it up, and gives the reason. */
async function withdraw({ fabric }: ActorParts, journal: Journal, reason: unknown): Promise<never> {
  const { taskId, role, resultId } = journal.accepted;
  const message = `The task was not accepted: ${messageOf(reason)}`;
  const error = { name: "StorageError", message, category: "internal" as const };
  try {
    // Ended first: who opens it in this very moment must not begin. Then its id is free to be given again.
    await journal.append({ type: "finished", result: nothingOf({ taskId, role, resultId }, error) });
    await fabric.ledger.delete(journal.name);
  } catch (thrown) {
    if (!(thrown instanceof OwnershipError)) throw thrown;
  }
  throw reason;
}

function takenError(taskId: string): TaskError {
  return new TaskError(
    `The task "${taskId}" was given to another process in this very moment. Give it again to join it.`,
    { retryable: true },
  );
}
