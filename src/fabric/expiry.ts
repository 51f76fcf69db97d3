// When keys expire: the same reading of `ttlMs` on every fabric, and timers that keep no process alive.
import type { Clock } from "../core/clock.ts";
import { StorageError } from "../core/errors.ts";
import type { KeyValueWrite } from "../core/ports.ts";

/** The longest delay that timers take, in milliseconds: a longer one would fire at once. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * The time of expiry of a write, from the time at which it is made; Infinity for never.
 *
 * @throws StorageError where `ttlMs` is no time to live.
 */
export function expiryOf(attempt: string, options: KeyValueWrite | undefined): (now: number) => number {
  const { ttlMs = Infinity } = options ?? {};
  if (ttlMs > 0) return (now) => Math.ceil(now + ttlMs);
  throw new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt}: ttlMs is ${ttlMs}. Give milliseconds above 0, or nothing for a key that stays.`,
  );
}

/** Wakes after a delay, or sooner where it is longer than timers take, and holds no process open. */
export function wakeAfter(clock: Clock, delayMs: number, wake: () => void): unknown {
  const timer = clock.setTimeout(wake, Math.min(Math.max(delayMs, 0), LONGEST_DELAY));
  (timer as { unref?: () => void } | undefined)?.unref?.();
  return timer;
}
