// Model calls that look in the journal first: a recorded answer is given as it was, another is asked for and recorded.
// Invariant: an answer is durable before it is given; it is reserved before it is asked for and settled once it is
// durable. A call that was interrupted leaves no answer and is made again, under the same id.
import type { Clock } from "../src/core/clock.ts";
import { BudgetError, messageOf, OwnershipError, StorageError } from "../src/core/errors.ts";
import type { Model, ModelAnswer, ModelCallOptions, ModelRequest } from "../src/core/model.ts";
import type { TaskFailure } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";
import { asksCheaper } from "./spending.ts";

/** A model call by its place in the task. */
export interface ModelCall {
  /** The same for the same call after a restart, and of one task only: `model-0`, `route-0`. */
  readonly call: string;
  /** 0 for the first draft, then the number of the repair; -1 for what is no draft. */
  readonly repair: number;
  readonly request: ModelRequest;
  readonly model: Model;
  /** The name of a cheaper model, for budgets that say to ask one; undefined where none is known. */
  readonly cheaper: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onText?: ModelCallOptions["onText"];
  readonly onRestart?: ModelCallOptions["onRestart"];
}

/** Asks the model, unless the journal has its answer, or its failure, already. */
export async function answerOnce(assignment: Assignment, given: ModelCall): Promise<ModelAnswer> {
  const { journal, spending, taskId } = assignment;
  const { call, repair, signal, model, clock } = given;
  const callId = `${taskId}-${call}`;
  const answered = journal.find("model-answered", (entry) => entry.callId === callId);
  if (answered !== undefined) {
    await spending.settleModel(call, answered.answer);
    return answered.answer;
  }
  const failed = journal.find("model-failed", (entry) => entry.callId === callId);
  if (failed !== undefined) throw asError(failed.error);
  const { request, timeoutMs } = await reserve(assignment, given);
  await journal.append({ type: "model-asked", callId, repair });
  signal.throwIfAborted();
  const startedAt = clock.now();
  let answer: ModelAnswer;
  try {
    const { onText, onRestart } = given;
    answer = await model.ask(request, { signal, timeoutMs, onText, onRestart });
  } catch (thrown) {
    if (!signal.aborted && !isOurs(thrown)) {
      await journal.append({ type: "model-failed", callId, repair, error: asFailure(thrown) });
      await spending.release(call);
    }
    throw thrown;
  }
  await journal.append({ type: "model-answered", callId, repair, answer });
  await spending.settleModel(call, answer, clock.now() - startedAt);
  return answer;
}

/** Reserves the call, or one of a cheaper model where the budget says so and there is one. */
async function reserve({ spending }: Assignment, given: ModelCall) {
  const { call, model, cheaper } = given;
  const request = spending.bounded(given.request);
  try {
    return {
      request,
      timeoutMs: await spending.reserveModel(call, request, { model, timeoutMs: given.timeoutMs }),
    };
  } catch (thrown) {
    if (!asksCheaper(thrown) || cheaper === undefined || request.model === cheaper) throw thrown;
    const smaller = { ...request, model: cheaper };
    const terms = { model, timeoutMs: given.timeoutMs };
    return { request: smaller, timeoutMs: await spending.reserveModel(call, smaller, terms) };
  }
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
