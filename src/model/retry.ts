// Tries a model again when trying again can help: rate limits, overload, server errors, broken connections.
// Invariant: never more tries than allowed, never past the call's deadline, at once over when the caller aborts;
// a wait that the provider asked for is honoured or the call fails, it is never cut short.
import { systemClock, type Clock } from "../core/clock.ts";
import { CancelledError, ModelError } from "../core/errors.ts";
import type { Model, ModelAnswer, ModelCallOptions, ModelRequest } from "../core/model.ts";
import { createDeadline, untilAborted, wait, type Deadline } from "./deadline.ts";
import { createTextFeed, type TextFeed } from "./feed.ts";

/** How to retry; times in milliseconds. */
export interface RetryOptions {
  /** Tries in all, the first included. Default 4. */
  readonly attempts?: number | undefined;
  /** Before the second try; doubles with each further one. Default 500. */
  readonly baseDelayMs?: number | undefined;
  /** The longest wait of our own. Default 20,000. */
  readonly maxDelayMs?: number | undefined;
  /** The longest wait that a provider may ask for; longer ones end the call. Default 60,000. */
  readonly maxRetryAfterMs?: number | undefined;
  /** The longest that one try may take. Default 600,000. */
  readonly attemptTimeoutMs?: number | undefined;
  /** The time that waits go by; the machine's where absent. */
  readonly clock?: Clock | undefined;
  /** A number from 0 to 1, for the jitter. */
  readonly random?: (() => number) | undefined;
}

/** Makes a model of one that tries once: the same name and answers, with retries and the call's deadline. */
export function retryModel(once: Model, options: RetryOptions = {}): Model {
  const settings = {
    attempts: options.attempts ?? 4,
    baseDelayMs: options.baseDelayMs ?? 500,
    maxDelayMs: options.maxDelayMs ?? 20_000,
    maxRetryAfterMs: options.maxRetryAfterMs ?? 60_000,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 600_000,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  return {
    name: once.name,
    isRecorded: once.isRecorded,
    costOf: (tokens, model) => once.costOf?.(tokens, model) ?? null,
    async ask(request, callOptions = {}) {
      const deadline = createDeadline(settings.clock, callOptions);
      const feed = createTextFeed(callOptions);
      try {
        return await askUntilDone(
          once,
          request,
          { deadline, feed, beforeSend: callOptions.beforeSend },
          settings,
        );
      } catch (error) {
        if (error instanceof CancelledError && deadline.expired()) {
          throw timedOut(once.name, callOptions.timeoutMs ?? 0);
        }
        throw error;
      } finally {
        deadline.dispose();
      }
    },
  };
}

type RetrySettings = { readonly [K in keyof RetryOptions]-?: NonNullable<RetryOptions[K]> };

/** What all tries of one call share. */
interface Call extends Pick<ModelCallOptions, "beforeSend"> {
  readonly deadline: Deadline;
  readonly feed: TextFeed;
}

async function askUntilDone(
  once: Model,
  request: ModelRequest,
  call: Call,
  settings: RetrySettings,
): Promise<ModelAnswer> {
  const { deadline, feed } = call;
  for (let attempt = 1; ; attempt += 1) {
    if (deadline.remaining() <= 0) throw timedOut(once.name, 0);
    try {
      return await askOnce(once, request, call, settings);
    } catch (error) {
      if (!(error instanceof ModelError) || !error.retryable) throw error;
      if (attempt >= settings.attempts) throw exhausted(error, attempt);
      const delay = delayBefore(attempt, error, settings);
      if (error.retryAfterMs !== undefined && error.retryAfterMs > settings.maxRetryAfterMs) {
        throw tooLongToWait(error, settings.maxRetryAfterMs);
      }
      if (delay >= deadline.remaining()) throw tooLongToWait(error, deadline.remaining());
      feed.restart(error);
      await wait(settings.clock, delay, deadline.signal);
    }
  }
}

/** One try, given up when the call ends or when it alone takes too long. */
async function askOnce(
  once: Model,
  request: ModelRequest,
  { deadline, feed, beforeSend }: Call,
  settings: RetrySettings,
): Promise<ModelAnswer> {
  const limit = createDeadline(settings.clock, {
    signal: deadline.signal,
    timeoutMs: settings.attemptTimeoutMs,
  });
  let over = false;
  const { onText } = feed;
  const options: ModelCallOptions = {
    signal: limit.signal,
    // A try that was given up may still deliver: its text is no longer wanted.
    onText: onText === undefined ? undefined : (delta) => (over ? undefined : onText(delta)),
    beforeSend,
  };
  try {
    return await untilAborted(once.ask(request, options), limit.signal, `asking ${once.name}`);
  } catch (error) {
    if (error instanceof CancelledError && limit.expired() && !deadline.signal.aborted) {
      throw timedOut(once.name, settings.attemptTimeoutMs);
    }
    throw error;
  } finally {
    over = true;
    limit.dispose();
  }
}

/** Exponential with equal jitter: at least half of the full wait; never less than the provider asked for. */
function delayBefore(attempt: number, error: ModelError, settings: RetrySettings): number {
  const full = Math.min(settings.maxDelayMs, settings.baseDelayMs * 2 ** (attempt - 1));
  const own = full / 2 + (full / 2) * settings.random();
  return Math.max(own, error.retryAfterMs ?? 0);
}

function timedOut(name: string, timeoutMs: number): ModelError {
  return new ModelError(`${name} gave no complete answer within ${timeoutMs} ms.`, {
    provider: providerOf(name),
    failure: "timeout",
    retryable: true,
  });
}

function exhausted(error: ModelError, attempts: number): ModelError {
  if (attempts === 1) return error;
  return again(error, `${error.message} Given up after ${attempts} tries.`);
}

function tooLongToWait(error: ModelError, allowedMs: number): ModelError {
  const asked = error.retryAfterMs === undefined ? "" : ` (it asked to wait ${error.retryAfterMs} ms)`;
  const left = Math.max(0, Math.round(allowedMs));
  return again(error, `${error.message} Not tried again${asked}: ${left} ms may be waited.`);
}

function again(error: ModelError, message: string): ModelError {
  return new ModelError(message, {
    provider: error.provider,
    failure: error.failure,
    status: error.status,
    retryAfterMs: error.retryAfterMs,
    retryable: error.retryable,
    cause: error,
  });
}

/** The provider's part of a model's name: `anthropic` of `anthropic/claude-…`. */
function providerOf(name: string): string {
  return name.split("/", 1)[0] ?? name;
}
