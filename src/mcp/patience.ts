// Waiting that can be broken off.
// Invariant: no timer and no listener outlives the wait, so that nothing keeps a process that has closed its servers.
import type { Clock } from "../core/clock.ts";
import { pause } from "../core/pause.ts";

/** What the work gives; rejects with the signal's reason where that is aborted first, and leaves the work alone. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(reasonOf(signal));
    signal.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What the work gives, or undefined once the time is over. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const end = new AbortController();
  const time = pause(ms, { clock, signal: end.signal }).then(() => undefined);
  try {
    return await Promise.race([work, time]);
  } finally {
    end.abort();
  }
}

function reasonOf({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
