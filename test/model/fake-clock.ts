// A clock that stands still until a test moves it; `advance` runs what falls due, in order, letting promises settle.
import type { Clock } from "#src/core/clock";

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

export interface FakeClock extends Clock {
  /** Delays of the timers that are set now, soonest first. */
  pending(): readonly number[];
  /** Resolves as soon as a timer is set that falls due within `ms`. */
  untilWaiting(ms: number): Promise<void>;
  advance(ms: number): Promise<void>;
}

export function createFakeClock(start = 1_000_000): FakeClock {
  let now = start;
  const timers = new Set<Timer>();
  const watchers = new Set<() => void>();
  const sorted = (): Timer[] => [...timers].sort((a, b) => a.at - b.at);
  return {
    now: () => now,
    setTimeout: (fn, delayMs) => {
      const timer = { at: now + delayMs, fn };
      timers.add(timer);
      for (const watcher of watchers) watcher();
      return timer;
    },
    clearTimeout: (handle) => {
      timers.delete(handle as Timer);
    },
    pending: () => sorted().map((timer) => timer.at - now),
    untilWaiting: (ms) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!sorted().some((timer) => timer.at - now <= ms)) return;
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    advance: async (ms) => {
      const end = now + ms;
      for (;;) {
        const due = sorted()[0];
        if (due === undefined || due.at > end) break;
        now = due.at;
        timers.delete(due);
        due.fn();
        await Promise.resolve();
      }
      now = end;
    },
  };
}
