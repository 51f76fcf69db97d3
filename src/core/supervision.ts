// When and how often a crashed actor is started again, after the model of OTP supervisors: at most so many
// restarts within a window, each after a longer wait, then it stays stopped and that is announced.

/** How crashes of an actor are answered. Times in milliseconds. */
export interface Supervision {
  /** Restarts allowed within the window; 0 means that the first crash stops the actor. */
  readonly maxRestarts: number;
  /** The window in which restarts are counted. */
  readonly withinMs: number;
  /** The wait before the first restart; it doubles with each further one in the window. */
  readonly backoffMs: number;
  /** The longest such wait. */
  readonly maxBackoffMs: number;
}

/** The supervision of agents that do not choose their own. */
export const DEFAULT_SUPERVISION: Supervision = Object.freeze({
  maxRestarts: 5,
  withinMs: 60_000,
  backoffMs: 100,
  maxBackoffMs: 10_000,
});

/** The crashes that still count, the one at `now` included. */
export function recentCrashes(
  crashes: readonly number[],
  now: number,
  supervision: Supervision,
): readonly number[] {
  return [...crashes.filter((at) => now - at < supervision.withinMs), now];
}

/** Whether a restart is still allowed after these crashes. */
export function mayRestart(crashes: readonly number[], supervision: Supervision): boolean {
  return crashes.length <= supervision.maxRestarts;
}

/** How long to wait before the restart that follows these crashes, in milliseconds. */
export function backoffOf(crashes: readonly number[], supervision: Supervision): number {
  const doublings = Math.min(Math.max(crashes.length - 1, 0), 30);
  return Math.min(supervision.backoffMs * 2 ** doublings, supervision.maxBackoffMs);
}
