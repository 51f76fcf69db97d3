// The headers by which clients say how a task is to be done, and by which they are answered.
// Invariant: names and meanings are part of the wire format: docs/nats.md lists them.
import { TaskError } from "./errors.ts";
import { isName } from "./names.ts";
import type { WireHeaders } from "./wire.ts";

/** Headers as they are written; they are read in any case. */
export const HEADER = Object.freeze({
  taskId: "Fettle-Task-Id",
  deadline: "Fettle-Deadline",
  stream: "Fettle-Stream",
  event: "Fettle-Event",
  status: "Fettle-Status",
  resultId: "Fettle-Result-Id",
  trace: "traceparent",
});

/** What the headers of a request ask for. */
export interface RequestTerms {
  readonly taskId: string | undefined;
  /** Milliseconds since 1970; null for none. */
  readonly deadline: number | null;
  /** Whether the task's events are sent to the asker as they come. */
  readonly streams: boolean;
  /** The caller's trace, as W3C Trace Context writes it. */
  readonly trace: string | undefined;
}

const TRACE = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** Reads the headers of a request that came at `now`. @throws TaskError */
export function readRequestHeaders(headers: WireHeaders, now: number): RequestTerms {
  const valueOf = (name: string) => headers[name.toLowerCase()];
  const taskId = valueOf(HEADER.taskId);
  if (taskId !== undefined && !isName(taskId)) {
    throw new TaskError(
      `The header ${HEADER.taskId} is ${JSON.stringify(taskId)}: use 1 to 128 letters, digits, "_" and "-".`,
    );
  }
  const deadline = valueOf(HEADER.deadline);
  const stream = valueOf(HEADER.stream);
  if (stream !== undefined && stream !== "events") {
    throw new TaskError(`The header ${HEADER.stream} is ${JSON.stringify(stream)}: it must be "events".`);
  }
  const trace = valueOf(HEADER.trace);
  return {
    taskId,
    deadline: deadline === undefined ? null : readDeadline(deadline.trim(), now),
    streams: stream !== undefined,
    // A trace that cannot be read begins anew, as its own standard says.
    trace: trace !== undefined && TRACE.test(trace) ? trace : undefined,
  };
}

/** The id by which a request calls its task, in itself or in its headers; undefined for none. @throws TaskError for two. */
export function requireOneId(id: string | undefined, { taskId }: RequestTerms): string | undefined {
  if (id === undefined || taskId === undefined || id === taskId) return id ?? taskId;
  throw new TaskError(
    `The request has two ids: ${JSON.stringify(id)}, and "${taskId}" in the header ${HEADER.taskId}.`,
  );
}

/** A time: `+30000` from now, 1795000000000 since 1970, or as ISO 8601 writes it. */
function readDeadline(text: string, now: number): number {
  if (/^\+\d{1,12}$/.test(text)) return now + Number(text.slice(1));
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const time = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return time;
  throw new TaskError(
    `The header ${HEADER.deadline} is ${JSON.stringify(text)}: give an ISO 8601 time such as 2026-01-31T12:00:00Z, ` +
      'milliseconds since 1970, or milliseconds from now as in "+30000".',
  );
}
