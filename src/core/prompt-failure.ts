// Why a prompt was not answered, in the terms of the Synadia Agent Protocol 0.3: its few numbers, and a name.
// Invariant: only numbers of the protocol's table are given; the name says what the number cannot.
import { FettleError } from "./errors.ts";
import { failureOf } from "./request-failure.ts";
import type { TaskResult } from "./task.ts";
import type { WireFailure } from "./wire.ts";

/** The protocol's numbers. */
const KNOWN: ReadonlySet<number> = new Set([400, 401, 403, 404, 409, 429, 500]);
/** What the protocol says in place of numbers that it does not have. */
const INSTEAD: Readonly<Record<number, number>> = { 408: 409, 413: 400, 503: 409 };

/** What was thrown in place of a result. */
export function promptFailureOf(thrown: unknown, more: Readonly<Record<string, unknown>> = {}): WireFailure {
  const { code, description } = failureOf(thrown);
  const isOurs = thrown instanceof FettleError;
  return failure(KNOWN.has(code) ? code : (INSTEAD[code] ?? 500), description, {
    error: isOurs ? thrown.code.toLowerCase() : "internal",
    retryable: isOurs && thrown.retryable,
    ...more,
  });
}

/** A task that ended without success. */
export function taskFailureOf(result: TaskResult): WireFailure {
  const { status, error, taskId, resultId, repairs } = result;
  const isCancelled = status === "cancelled";
  return failure(500, error?.message ?? "The task gave no result.", {
    error: isCancelled ? "task_cancelled" : "task_failed",
    category: error?.category,
    name: error?.name,
    task_id: taskId,
    result_id: resultId,
    repairs,
  });
}

function failure(
  code: number,
  message: string,
  { error, ...more }: { readonly error: string; readonly [field: string]: unknown },
): WireFailure {
  return { code, description: message, payload: JSON.stringify({ error, message, ...more }) };
}
