// Turns what a provider's SDK throws into a ModelError that says what failed, whether to try again, and how to mend it.
// Invariant: no message and no cause carries a key. Both SDKs share their error shape, so one mapping serves both.
import { CancelledError, FettleError, ModelError, type ModelFailure, messageOf } from "../core/errors.ts";
import { redact } from "../core/secret.ts";

/** Whom an error is about, and the names of the settings that mend it. */
export interface FailureContext {
  /** The provider's id, such as `anthropic`. */
  readonly provider: string;
  readonly model: string;
  /** Base URL, for network errors. */
  readonly endpoint: string;
  /** The secrets that must not show. */
  readonly secrets: readonly string[];
  /** Milliseconds since 1970, for waits that are asked for as a date. */
  readonly now: () => number;
  /** What a user calls the provider's settings, such as `CLAUDE_API_KEY`. */
  readonly settings: {
    readonly key: string;
    readonly model: string;
    readonly endpoint: string;
  };
}

/** The parts of an SDK's error that are read; `error` is the body, or its `error` member. */
interface ApiErrorShape {
  readonly status?: unknown;
  readonly headers?: unknown;
  readonly error?: unknown;
}

const LONGEST_DETAIL = 600;

/** The ModelError of anything that an SDK threw; errors that are ours already pass unchanged. */
export function toModelError(thrown: unknown, context: FailureContext): FettleError {
  if (thrown instanceof FettleError) return thrown;
  const shape: ApiErrorShape = typeof thrown === "object" && thrown !== null ? thrown : {};
  if (typeof shape.status === "number") return fromStatus(shape.status, thrown, shape, context);
  if (isAbort(thrown)) return new CancelledError(`Cancelled while asking ${named(context)}.`);
  if (isObject(shape.error) || typeof shape.error === "string") return fromEvent(thrown, shape, context);
  if (thrown instanceof SyntaxError) return malformed(`its body is not JSON (${thrown.message})`, context);
  if (isConnection(thrown)) return network(rootMessage(thrown), context, thrown);
  return make("unknown", false, `failed: ${messageOf(thrown)}.`, context);
}

/** An answer that cannot be read: worth another try, never an answer. */
export function malformed(why: string, context: FailureContext): ModelError {
  return make("malformed", true, `gave an answer that cannot be read: ${why}.`, context);
}

/** A connection that failed or ended too early. */
export function network(why: string, context: FailureContext, cause?: unknown): ModelError {
  const mend = `Check that ${context.endpoint} (${context.settings.endpoint}) is right and can be reached.`;
  return make("network", true, `could not be reached or broke off: ${why}. ${mend}`, context, { cause });
}

function fromStatus(
  status: number,
  thrown: unknown,
  shape: ApiErrorShape,
  context: FailureContext,
): ModelError {
  const headers = shape.headers instanceof Headers ? shape.headers : new Headers();
  const code = codeOf(shape.error);
  const [failure, retryable, mend] = classify(status, code, context);
  const requestId = headers.get("request-id") ?? headers.get("x-request-id");
  const request = requestId === null ? "" : ` (request ${requestId})`;
  const asked = headers.get("x-should-retry");
  const retry = asked === "true" ? true : asked === "false" ? false : retryable;
  return make(
    failure,
    retry,
    `answered ${status}${request}: ${detailOf(thrown)} ${mend}`.trimEnd(),
    context,
    {
      status,
      retryAfterMs: retryAfterMs(headers, context.now()),
    },
  );
}

type Verdict = readonly [failure: ModelFailure, retryable: boolean, mend: string];

function classify(status: number, code: string, context: FailureContext): Verdict {
  const { key, model, endpoint } = context.settings;
  if (code === "insufficient_quota" || code === "billing_error" || status === 402) {
    return ["rate-limit", false, `Check the plan and the billing of the account that ${key} belongs to.`];
  }
  if (code === "content_filter" || code === "content_policy_violation") {
    return ["refused", false, "The provider's content filter refused the prompt."];
  }
  if (status === 401) return ["auth", false, `Check ${key}: it is wrong, expired or of another provider.`];
  if (status === 403) return ["auth", false, `Check that ${key} may use this model (${model}).`];
  if (status === 404)
    return ["bad-request", false, `Check ${model} and ${endpoint}: one of them is not known.`];
  if (status === 408) return ["timeout", true, ""];
  if (status === 409 || status === 425) return ["server", true, ""];
  if (status === 429) return ["rate-limit", true, "The account's rate limit is reached."];
  if (status === 529 || status === 503) return ["overloaded", true, ""];
  if (status >= 500) return ["server", true, ""];
  return ["bad-request", false, ""];
}

/** Errors that arrive inside a stream that began with status 200, by their type. */
function fromEvent(thrown: unknown, shape: ApiErrorShape, context: FailureContext): ModelError {
  const code = codeOf(shape.error);
  const status = STATUS_OF_TYPE[code] ?? 500;
  const [failure, retryable, mend] = classify(status, code, context);
  return make(
    failure,
    retryable,
    `broke off its answer (${code || "error"}): ${detailOf(thrown)} ${mend}`.trimEnd(),
    context,
  );
}

const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  api_error: 500,
  server_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The error's code or type, wherever the provider puts it: `{ error: { type } }`, `{ code, type }`. */
function codeOf(body: unknown): string {
  if (!isObject(body)) return "";
  const inner = isObject(body["error"]) ? body["error"] : body;
  const code = inner["code"];
  const type = inner["type"];
  if (typeof code === "string" && (code in STATUS_OF_TYPE || code.startsWith("content_"))) return code;
  if (typeof type === "string" && type !== "error") return type;
  return typeof code === "string" ? code : "";
}

/** The provider's own words, without the status that the SDK puts before them. */
function detailOf(thrown: unknown): string {
  const body = isObject(thrown) ? thrown["error"] : undefined;
  const inner = isObject(body) && isObject(body["error"]) ? body["error"] : body;
  const said = isObject(inner) && typeof inner["message"] === "string" ? inner["message"] : undefined;
  const text = (said ?? messageOf(thrown).replace(/^\d{3} /, "")).trim().replace(/\s+/g, " ");
  const bounded = text.length > LONGEST_DETAIL ? `${text.slice(0, LONGEST_DETAIL)}…` : text;
  return /[.!?…)]$/.test(bounded) ? bounded : `${bounded}.`;
}

/** What the provider asked to wait: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const milliseconds = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (milliseconds >= 0) return milliseconds;
  const after = headers.get("retry-after")?.trim();
  if (after === undefined || after === "") return undefined;
  if (/^\d+(\.\d+)?$/.test(after)) return Number(after) * 1000;
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function make(
  failure: ModelFailure,
  retryable: boolean,
  what: string,
  context: FailureContext,
  more: {
    readonly status?: number;
    readonly retryAfterMs?: number | undefined;
    readonly cause?: unknown;
  } = {},
): ModelError {
  return new ModelError(redact(`${named(context)} ${what}`, context.secrets), {
    provider: context.provider,
    failure,
    retryable,
    ...more,
  });
}

function named(context: FailureContext): string {
  return `${context.provider}/${context.model}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isAbort(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === "AbortError" || thrown.constructor.name === "APIUserAbortError";
}

/** Whether an error comes from the connection: an SDK's own class for it, or what fetch throws in the body. */
function isConnection(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const constructor = thrown.constructor.name;
  if (constructor.startsWith("APIConnection")) return true;
  return thrown instanceof TypeError || "code" in thrown || thrown.cause !== undefined;
}

/** The deepest cause's message: "connect ECONNREFUSED 127.0.0.1:1" and not "fetch failed". */
function rootMessage(thrown: unknown): string {
  let error = thrown;
  for (let depth = 0; depth < 5 && error instanceof Error; depth += 1) {
    if (error instanceof AggregateError && error.errors[0] instanceof Error) error = error.errors[0];
    else if (error.cause instanceof Error) error = error.cause;
    else break;
  }
  return messageOf(error).replace(/\.$/, "");
}
