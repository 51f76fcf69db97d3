// Tells an isolate that is stuck from one that the machine does not let run: both are late, but only the first
// uses up processor time.
// Invariant: on a machine that is not overloaded, what is late by `GRACE_MS` is stuck; on any, what is late by `LAST_MS`.

/** How much longer than its limit a guest may hold an isolate, in milliseconds of this process's processor time. */
export const GRACE_MS = 250;
const LAST_MS = 5000;
/** Time between two looks at the isolates, in milliseconds. */
export const WATCH_MS = 50;

/** Watches one isolate; `shares` where it is a thread of this process, so that its processor time is seen. */
export class Overtime {
  readonly #shares: boolean;
  #cpuAtDeadline: number | null = null;

  constructor(shares: boolean) {
    this.#shares = shares;
  }

  /** Whether an isolate that is late by so many milliseconds (negative or zero: not late) is to be given up. */
  isOver(lateMs: number): boolean {
    if (lateMs <= 0) {
      this.#cpuAtDeadline = null;
      return false;
    }
    // First seen late: not more than the time between two looks is held against it.
    this.#cpuAtDeadline ??= cpuMs() - Math.min(lateMs, WATCH_MS);
    if (lateMs < GRACE_MS) return false;
    return !this.#shares || lateMs >= LAST_MS || cpuMs() - this.#cpuAtDeadline >= GRACE_MS;
  }
}

/** Processor time of all threads of this process, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
