// Model calls that look in the journal first: a recorded answer is given as it was, another is asked for and recorded.
// Invariant: an answer is durable before it is given; it is reserved before it is asked for and settled once it is
// durable. A call that was interrupted leaves no answer and is made again, under the same id.
import type { Clock } from "../src/core/clock.ts";
import { BudgetError, messageOf, ModelError, OwnershipError, StorageError } from "../src/core/errors.ts";
import type { JournalEntry } from "../src/core/journal.ts";
import type { Model, ModelAnswer, ModelCallOptions, ModelRequest } from "../src/core/model.ts";
import type { SolvedTask } from "../src/core/prompt.ts";
import { toError, type TaskFailure } from "../src/core/task.ts";
import { stopAsBefore } from "./asked-before.ts";
import type { Assignment } from "./assignment.ts";
import { asksCheaper, TIMER_SLACK_MS } from "./spending.ts";

/** A model call by its place in the task. */
export interface ModelCall {
  /** The same for the same call after a restart, and of one task only: `model-0`, `route-0`. */
  readonly call: string;
  /** 0 for the first draft, then the number of the repair; ROUTING for what is no draft. */
  readonly repair: number;
  readonly request: ModelRequest;
  /** Code of like tasks in the request, where the journal is to keep it. */
  readonly references?: readonly SolvedTask[];
  readonly model: Model;
  /** How often a person was asked until now. */
  readonly approvals: number;
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
  const moment = { taskId, approvals: given.approvals };
  stopAsBefore(journal.entries, moment, (entry) => isEndOf(entry, callId));
  const answered = journal.find("model-answered", (entry) => entry.callId === callId);
  if (answered !== undefined) {
    journal.telemetry.heard(answered, "replayed");
    for (const booked of bookings(given)) await spending.settleModel(booked, answered.answer);
    return answered.answer;
  }
  const failed = journal.find("model-failed", (entry) => entry.callId === callId);
  if (failed !== undefined) {
    for (const booked of bookings(given)) await spending.release(booked);
    throw toError(failed.error);
  }
  const { booking, request, timeoutMs } = await reserve(assignment, given);
  const { references = [] } = given;
  await journal.append({
    type: "model-asked",
    callId,
    repair,
    ...(references.length === 0 ? {} : { references }),
  });
  await journal.sure();
  signal.throwIfAborted();
  const startedAt = clock.now();
  let answer: ModelAnswer;
  try {
    const { onText, onRestart } = given;
    const beforeSend = () => journal.sure();
    const ask = () => model.ask(request, { signal, timeoutMs, onText, onRestart, beforeSend });
    answer = await journal.telemetry.within({ type: "model", callId, model: model.name, request }, ask);
  } catch (thrown) {
    const isOver = thrown instanceof ModelError && clock.now() - startedAt >= timeoutMs - TIMER_SLACK_MS;
    const outOfTime = isOver && !signal.aborted ? spending.outOfTime(booking) : null;
    if (outOfTime !== null) throw outOfTime;
    if (!signal.aborted && !isOurs(thrown)) {
      await journal.append({ type: "model-failed", callId, repair, error: asFailure(thrown) });
      await spending.release(booking);
    }
    throw thrown;
  }
  await journal.append({ type: "model-answered", callId, repair, answer });
  await spending.settleModel(booking, answer, clock.now() - startedAt);
  return answer;
}

/** Reserves the call, or one of a cheaper model where the budget says so and there is one. */
async function reserve({ spending }: Assignment, given: ModelCall) {
  const { model, cheaper, timeoutMs, signal } = given;
  const request = spending.bounded(given.request);
  const terms = { model, timeoutMs, signal };
  const [booking, bookingOfCheaper] = bookings(given);
  try {
    return { booking, request, timeoutMs: await spending.reserveModel(booking, request, terms) };
  } catch (thrown) {
    if (!asksCheaper(thrown)) throw thrown;
    if (cheaper === undefined || request.model === cheaper) throw withoutCheaper(thrown, cheaper);
    const smaller = { ...request, model: cheaper };
    const granted = await spending.reserveModel(bookingOfCheaper, smaller, terms);
    return { booking: bookingOfCheaper, request: smaller, timeoutMs: granted };
  }
}

/**
 * A cheaper model's call is booked by itself: what is held for it may not be enough for the other. So is a call that is
 * made again after an approval: the budget may have ended it the first time.
 */
function bookings({ call, approvals }: ModelCall): readonly [call: string, ofCheaper: string] {
  const booking = approvals === 0 ? call : `after-${approvals}-${call}`;
  return [booking, `cheaper-${booking}`];
}

function withoutCheaper(thrown: BudgetError, cheaper: string | undefined): BudgetError {
  const why =
    cheaper === undefined
      ? "No cheaper model is known that could be asked: name one by FETTLE_MODEL_FAST, or by the mesh's option models.fast."
      : `The model that would be asked, "${cheaper}", is the cheapest already.`;
  return new BudgetError(`${thrown.message} ${why}`, thrown);
}

function isEndOf(entry: JournalEntry, callId: string): boolean {
  return (entry.type === "model-answered" || entry.type === "model-failed") && entry.callId === callId;
}

/** What did not come from the model: a budget, the journal or the storage stopped the call. */
function isOurs(thrown: unknown): boolean {
  return thrown instanceof BudgetError || thrown instanceof OwnershipError || thrown instanceof StorageError;
}

function asFailure(thrown: unknown): TaskFailure {
  const name = thrown instanceof Error ? thrown.name : "Error";
  return { name, message: messageOf(thrown), category: "model" };
}
