// Effects that look in the journal first: what is recorded is given as it was, what is not is done and recorded.
// Invariant: the result is durable before it is given; an effect that was interrupted leaves no result.
import { BudgetError, messageOf, OwnershipError, StorageError } from "../src/core/errors.ts";
import type { ModelAnswer } from "../src/core/model.ts";
import type { TaskFailure } from "../src/core/task.ts";
import type { Journal } from "../src/journal.ts";

/** A model call by its place in the task. */
export interface ModelCall {
  /** 0 for the first draft, then the number of the repair. */
  readonly repair: number;
  /** The same for the same call after a restart. */
  readonly callId: string;
  readonly signal: AbortSignal;
}

/** Asks the model, unless the journal has its answer, or its failure, already. */
export async function answerOnce(
  journal: Journal,
  { repair, callId, signal }: ModelCall,
  ask: () => Promise<ModelAnswer>,
): Promise<ModelAnswer> {
  const answered = journal.find("model-answered", (entry) => entry.callId === callId);
  if (answered !== undefined) return answered.answer;
  const failed = journal.find("model-failed", (entry) => entry.callId === callId);
  if (failed !== undefined) throw asError(failed.error);
  await journal.append({ type: "model-asked", callId, repair });
  signal.throwIfAborted();
  let answer: ModelAnswer;
  try {
    answer = await ask();
  } catch (thrown) {
    if (!signal.aborted && !isOurs(thrown)) {
      await journal.append({ type: "model-failed", callId, repair, error: asFailure(thrown) });
    }
    throw thrown;
  }
  await journal.append({ type: "model-answered", callId, repair, answer });
  return answer;
}

/** What did not come from the model: a budget, the journal or the storage stopped the call. */
function isOurs(thrown: unknown): boolean {
  return thrown instanceof BudgetError || thrown instanceof OwnershipError || thrown instanceof StorageError;
}

function asFailure(thrown: unknown): TaskFailure {
  const name = thrown instanceof Error ? thrown.name : "Error";
  return { name, message: messageOf(thrown), category: "model" };
}

function asError({ name, message }: TaskFailure): Error {
  return Object.assign(new Error(message), { name });
}
