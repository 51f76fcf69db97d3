// Takes tasks in that clients put into a role's queue themselves: each gets its journal from whoever draws it first.
// Invariant: a submission is begun once, however often it is given out or submitted; one that is no task becomes a dead
// letter at once, with the reason.
import { DefinitionError, TaskError } from "../src/core/errors.ts";
import type { Delivery } from "../src/core/ports.ts";
import { readQueuedTask } from "../src/core/queued-task.ts";
import { readRequestHeaders, requireOneId, type RequestTerms } from "../src/core/request-headers.ts";
import type { Task } from "../src/core/task.ts";
import { Journal } from "../src/journal.ts";
import { traceOf } from "./acceptance.ts";
import { requireSameTask } from "./held-task.ts";
import { placeOf } from "./journal-place.ts";
import type { ActorParts } from "./parts.ts";
import { checkContext, checkTask } from "./task-check.ts";

/** What is known of the role whose queue it is. */
interface QueueOwner {
  readonly role: string;
  /** How large a task's context may be, in bytes; the default where absent. */
  readonly contextBytes?: number | undefined;
}

/**
 * The id of the task that a delivery is about, in its journal if it was submitted; null where the delivery was no task
 * and is settled.
 *
 * @throws StorageError where a journal cannot be written or read.
 */
export async function admit(
  parts: ActorParts,
  owner: QueueOwner,
  delivery: Delivery,
): Promise<string | null> {
  try {
    const queued = readQueuedTask(delivery.payload, { hasClients: parts.teller !== null });
    if (queued.type === "accepted") return queued.taskId;
    const terms = readRequestHeaders(delivery.headers, delivery.at);
    const id = requireOneId(queued.task.id, terms) ?? delivery.id;
    return await begin(parts, owner, { ...queued.task, id, terms });
  } catch (thrown) {
    if (!(thrown instanceof TaskError || thrown instanceof DefinitionError)) throw thrown;
    const { id } = delivery;
    parts.log.warn({ role: owner.role, id, reason: thrown.message }, "a submitted task was refused");
    await delivery.reject(thrown.message);
    return null;
  }
}

async function begin(
  parts: ActorParts,
  { role, contextBytes }: QueueOwner,
  { terms, ...given }: Task & { readonly terms: RequestTerms },
): Promise<string> {
  const { subjects, results, log, telemetry } = parts;
  const { id: taskId, ...asked } = checkTask(given);
  checkContext(asked.context, contextBytes);
  const { trace, deadline } = terms;
  const identity = { taskId, role, ...asked, step: null, ...(trace === undefined ? {} : { trace }) };
  const place = placeOf(taskId, parts);
  const first = {
    type: "accepted" as const,
    ...identity,
    ...(deadline === null ? {} : { deadline }),
    queue: subjects.taskQueue,
    resultId: results.newId(),
  };
  const known = await Journal.open(place);
  const begun = known ?? (await Journal.create(place, { ...first, ...traceOf(telemetry, identity) }));
  // Where another process writes it in this very moment, there is one now.
  const journal = begun ?? (await Journal.open(place));
  if (journal === null) return taskId;
  requireSameTask(journal.accepted, identity);
  if (known === null) log.info({ taskId, role }, "a submitted task was accepted");
  return taskId;
}
