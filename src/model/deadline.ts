// The end of a model call: the caller's abort, or its time running out, as one signal on a movable clock.
// Invariant: `dispose` leaves no timer and no listener behind, so that a long-lived signal does not grow.
import type { Clock } from "../core/clock.ts";
import { CancelledError } from "../core/errors.ts";

/** Timers cannot count further (about 25 days); a longer limit is none. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** A call's signal and time. */
export interface Deadline {
  /** Aborted by the caller's signal or when the time is over. */
  readonly signal: AbortSignal;
  /** Milliseconds left; `Infinity` where the call has no limit. */
  remaining(): number;
  /** Whether the time ran out (and not the caller aborted). */
  expired(): boolean;
  dispose(): void;
}

/** Starts the time of a call. */
export function createDeadline(
  clock: Clock,
  options: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
): Deadline {
  const controller = new AbortController();
  const { signal } = options;
  const timeoutMs = options.timeoutMs ?? Infinity;
  const endsAt = clock.now() + timeoutMs;
  let expired = false;
  const onAbort = (): void => {
    controller.abort(signal?.reason);
  };
  const timer =
    timeoutMs > LONGEST_TIMER
      ? undefined
      : clock.setTimeout(() => {
          expired = !controller.signal.aborted;
          controller.abort();
        }, timeoutMs);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    remaining: () => endsAt - clock.now(),
    expired: () => expired,
    dispose: () => {
      if (timer !== undefined) clock.clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    },
  };
}

/**
 * Waits on a clock.
 *
 * @throws CancelledError at once when the signal is aborted.
 */
export async function wait(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal, "waiting");
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clock.clearTimeout(timer);
      reject(cancelled("waiting"));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/**
 * Gives what the work gives, or stops listening to it when the signal is aborted, however slow the work is to notice.
 *
 * @throws CancelledError at once when the signal is aborted; what the work does after that is ignored.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  throwIfAborted(signal, what, work);
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => {
      reject(cancelled(what));
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Throws a {@link CancelledError} where the signal is aborted already; abandoned work is left to settle unheard. */
function throwIfAborted(signal: AbortSignal | undefined, what: string, work?: Promise<unknown>): void {
  if (signal?.aborted !== true) return;
  work?.catch(() => undefined);
  throw cancelled(what);
}

function cancelled(what: string): CancelledError {
  return new CancelledError(`Cancelled while ${what}.`);
}
