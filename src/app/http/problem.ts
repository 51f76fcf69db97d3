// Errors as answers: application/problem+json (RFC 9457) with a code that stays the same from version to version.
// Invariant: a problem says what was attempted and why not, and no more: what is no error of ours is told by its request
// id alone, and known secrets are never in it.
import { FettleError, messageOf, TaskError, WorkflowError, type ErrorCode } from "../../core/errors.ts";
import { failureOf } from "../../core/request-failure.ts";
import { redact } from "../../core/secret.ts";

/** Problems of requests as such, beside the codes of errors. */
export type RequestProblemCode =
  | "BODY_MALFORMED"
  | "BODY_TOO_LARGE"
  | "FAULT"
  | "HOST_REFUSED"
  | "MEDIA_TYPE_UNSUPPORTED"
  | "METHOD_NOT_ALLOWED"
  | "NOT_FOUND"
  | "ORIGIN_REFUSED"
  | "PARAMETER_INVALID"
  | "REQUEST_INVALID"
  | "STARTING"
  | "STOPPING"
  | "TASK_ENDED"
  | "TASK_TAKEN"
  | "UNAUTHORIZED"
  | "WORKFLOW_ENDED"
  | "WORKFLOW_OPAQUE"
  | "WORKFLOW_TAKEN"
  | "WORKFLOW_UNKNOWN";

/** What a problem's `code` may be. */
export type ProblemCode = ErrorCode | RequestProblemCode;

/** What is wrong with one part of a request. */
export interface PartProblem {
  /** Where in the body, as a JSON Pointer. */
  readonly pointer?: string;
  /** Which parameter of the address, or which header. */
  readonly parameter?: string;
  readonly detail: string;
}

/** What a {@link Problem} carries besides. */
export interface ProblemOptions {
  readonly errors?: readonly PartProblem[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the same request may succeed later. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** Thrown in place of an answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly options: ProblemOptions;

  constructor(status: number, code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.options = options;
  }
}

/** When a client may try again, in seconds. */
const RETRY_S = 1;

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not authorized",
  403: "Refused",
  404: "Not found",
  405: "Method not allowed",
  408: "Too late",
  409: "Conflict",
  413: "Too large",
  415: "Media type not supported",
  421: "Wrong host",
  422: "Not valid",
  429: "Too many tasks",
  500: "Fault",
  503: "Not available",
  504: "No answer in time",
};

/** Where the status is another than services over NATS give for the same error. */
const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  APPROVAL_ANSWERED: 409,
  APPROVAL_UNKNOWN: 404,
  ASK_TIMEOUT: 504,
  BUDGET_EXCEEDED: 409,
  DEFINITION_INVALID: 422,
  MEMORY_UNKNOWN: 404,
  OWNERSHIP_LOST: 409,
  TASK_UNKNOWN: 404,
  WORKFLOW_INVALID: 422,
};

/** Whatever was thrown, as a problem. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (!(thrown instanceof FettleError)) {
    const detail =
      "Something went wrong here that no request should meet; the log has it under the request id.";
    return new Problem(500, "FAULT", detail, { cause: thrown });
  }
  const { message, code, retryable } = thrown;
  if (thrown instanceof TaskError && thrown.isTaken) return new Problem(409, "TASK_TAKEN", message);
  if (thrown instanceof WorkflowError && thrown.isTaken) return new Problem(409, "WORKFLOW_TAKEN", message);
  const wired = failureOf(thrown).code;
  const status = STATUSES[code] ?? (code === "TASK_INVALID" && wired === 400 ? 422 : wired);
  const isPassing = retryable || status === 429 || status === 503;
  return new Problem(status, code, message, { retryable: isPassing, cause: thrown });
}

/** A problem as an answer. */
export function problemResponse(
  { status, code, message, options }: Problem,
  { requestId, secrets = [] }: { readonly requestId: string; readonly secrets?: readonly string[] },
): Response {
  const { errors, headers = {}, retryable = false } = options;
  const body = {
    type: `urn:fettle:problem:${code.toLowerCase().replaceAll("_", "-")}`,
    title: TITLES[status] ?? "Error",
    status,
    detail: message,
    code,
    retryable,
    requestId,
    ...(errors === undefined ? {} : { errors }),
  };
  return new Response(redact(JSON.stringify(body), secrets), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(retryable ? { "Retry-After": String(RETRY_S) } : {}),
      ...headers,
    },
  });
}

/** What a problem came of, for the log. */
export function causeOf({ options: { cause } }: Problem): unknown {
  return cause instanceof Error ? cause : cause === undefined ? undefined : messageOf(cause);
}
