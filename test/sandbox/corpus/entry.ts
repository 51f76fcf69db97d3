// What one entry of the hostile corpus is: code, and how its run must end.
// Invariant: whatever an entry does, the host is as it was, and the same sandbox serves the next run.
import type { GuestFailure, GuestLimits, LimitName } from "#src/core/guest";

/** How a run must end: with a value, with a failure, or with one of several limits (which comes first may vary). */
export type Expectation =
  | { readonly value: unknown }
  | {
      readonly failure: GuestFailure;
      readonly limit?: LimitName | readonly LimitName[];
      /** What the message must say. */
      readonly message?: RegExp;
    };

/** One piece of hostile (or honest, heavy) code. */
export interface Entry {
  readonly name: string;
  readonly code: string;
  /** Where there are several, any of them will do. */
  readonly expect: Expectation | readonly Expectation[];
  readonly context?: unknown;
  readonly limits?: Partial<GuestLimits>;
}

/** A short time to compute, for what would never end. */
export const SHORT: Partial<GuestLimits> = { cpuMs: 120, timeoutMs: 10_000 };

/** Ends at the time allowed for computing. */
export const ENDLESS: Expectation = { failure: "limit", limit: "cpuMs" };

/** Ends where the stack is full: a runtime whose threads have small stacks gets there before the guest's own limit. */
export const TOO_DEEP: Expectation = { failure: "limit", limit: "stackBytes" };

/** Ends at whichever of time and memory runs out first. */
export const EXHAUSTED: Expectation = { failure: "limit", limit: ["cpuMs", "memoryBytes"] };
