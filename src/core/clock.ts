// Time as a part that can be replaced: charts and supervisors wait on a clock, tests move one by hand.

/** Tells time and wakes; the shape that XState takes as its `clock`, with `now` added. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `fn` after so many milliseconds; gives what ends that wait. */
  setTimeout(fn: () => void, delayMs: number): unknown;
  /** Ends a wait; does nothing where it is over. */
  clearTimeout(handle: unknown): void;
}

/** The machine's own clock. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  setTimeout: (fn: () => void, delayMs: number) => setTimeout(fn, delayMs),
  clearTimeout: (handle: unknown) => {
    clearTimeout(handle as ReturnType<typeof setTimeout>);
  },
});
