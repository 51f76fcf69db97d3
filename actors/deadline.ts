// Requests that must be done by a certain time.
// Invariant: whoever asked hears at the deadline that it is over, and the task is cancelled then.
import type { Clock } from "../src/core/clock.ts";
import { DeliveryError } from "../src/core/errors.ts";

/** The longest time that a timer takes, in milliseconds. */
const LONGEST_MS = 2_147_483_647;

/** @throws DeliveryError `ASK_TIMEOUT` where a deadline, in milliseconds since 1970, is over. */
export function requireTime(deadline: number | null, now: number): void {
  if (deadline !== null && deadline <= now) throw lateError(deadline);
}

/**
 * Waits for work until its deadline, and cancels it then.
 *
 * @throws DeliveryError `ASK_TIMEOUT` at the deadline.
 */
export async function withinDeadline<T>(
  running: Promise<T>,
  options: {
    readonly deadline: number | null;
    readonly clock: Clock;
    readonly cancelling: AbortController;
  },
): Promise<T> {
  const { deadline, clock, cancelling } = options;
  if (deadline === null) return running;
  let forget: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    forget = atDeadline(deadline, clock, () => {
      reject(lateError(deadline));
      cancelling.abort();
    });
  });
  running.catch(() => undefined);
  try {
    return await Promise.race([running, late]);
  } finally {
    forget();
  }
}

/** Calls back at a deadline, in milliseconds since 1970, at once where it is over; gives what takes that back. */
function atDeadline(deadline: number, clock: Clock, act: () => void): () => void {
  let timer: unknown;
  const wait = (): void => {
    const left = deadline - clock.now();
    if (left > 0) timer = clock.setTimeout(wait, Math.min(left, LONGEST_MS));
    else act();
  };
  wait();
  return () => clock.clearTimeout(timer);
}

/** Has a task cancelled at its deadline, where it has one; gives what takes that back. */
export function cancelAt(
  deadline: number | undefined,
  clock: Clock,
  cancel: (reason: string) => void,
): () => void {
  if (deadline === undefined) return () => undefined;
  const reason = `The task's deadline, ${new Date(deadline).toISOString()}, is over.`;
  return atDeadline(deadline, clock, () => cancel(reason));
}

function lateError(deadline: number): DeliveryError {
  return new DeliveryError(
    "ASK_TIMEOUT",
    `The deadline of the request, ${new Date(deadline).toISOString()}, is over: its task is not worked on any more.`,
  );
}
