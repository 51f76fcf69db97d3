// What a client is told where its request is not done: a number as in HTTP, one line, and the same as JSON.
// Invariant: a number means one thing; docs/nats.md lists them.
import { DefinitionError, FettleError, messageOf, TaskError, ValueError } from "./errors.ts";
import type { WireFailure } from "./wire.ts";

/** The numbers of failures. */
const FAILURE = Object.freeze({
  malformed: 400,
  unknown: 404,
  late: 408,
  taken: 409,
  tooLarge: 413,
  busy: 429,
  fault: 500,
  stopping: 503,
});

/** What was thrown in place of an answer, as a client is told it; `more` stands in its JSON beside the error. */
export function failureOf(thrown: unknown, more: Readonly<Record<string, unknown>> = {}): WireFailure {
  const code = numberOf(thrown);
  const retryable = thrown instanceof FettleError && thrown.retryable;
  const name = thrown instanceof Error ? thrown.name : "Error";
  const message = messageOf(thrown);
  return {
    code,
    description: message,
    payload: JSON.stringify({ error: { code, name, message, retryable }, ...more }),
  };
}

function numberOf(thrown: unknown): number {
  if (thrown instanceof TaskError) {
    const { cause, retryable } = thrown;
    if (cause instanceof ValueError && cause.code === "VALUE_TOO_LARGE") return FAILURE.tooLarge;
    return thrown.isTaken ? FAILURE.taken : retryable ? FAILURE.stopping : FAILURE.malformed;
  }
  if (thrown instanceof DefinitionError) return FAILURE.malformed;
  if (thrown instanceof ValueError) return FAILURE.tooLarge;
  if (!(thrown instanceof FettleError)) return FAILURE.fault;
  switch (thrown.code) {
    case "AGENT_UNKNOWN":
    case "ACTOR_UNKNOWN":
      return FAILURE.unknown;
    case "ASK_TIMEOUT":
      return FAILURE.late;
    case "QUEUE_FULL":
    case "MAILBOX_FULL":
      return FAILURE.busy;
    case "ACTOR_STOPPED":
    case "MESH_STATE":
      return FAILURE.stopping;
    default:
      return thrown.retryable ? FAILURE.stopping : FAILURE.fault;
  }
}
