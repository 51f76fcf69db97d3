// What became of the tasks that this process worked on, since it started.
// Invariant: a task counts once, where it ended; what is counted is never stored.
import { addTokens, NO_TOKENS, type TokenUsage } from "./core/model.ts";
import type { TaskResult } from "./core/task.ts";

/** Sums over tasks that have ended. */
export interface TaskSums {
  readonly success: number;
  readonly failure: number;
  readonly cancelled: number;
  readonly repairs: number;
  /** US dollars; null where a price was unknown. */
  readonly costUsd: number | null;
  readonly tokens: TokenUsage;
}

/** Before any task has ended. */
export const NO_SUMS: TaskSums = Object.freeze({
  success: 0,
  failure: 0,
  cancelled: 0,
  repairs: 0,
  costUsd: 0,
  tokens: NO_TOKENS,
});

/** Two sums as one. */
export function addSums(a: TaskSums, b: TaskSums): TaskSums {
  return {
    success: a.success + b.success,
    failure: a.failure + b.failure,
    cancelled: a.cancelled + b.cancelled,
    repairs: a.repairs + b.repairs,
    costUsd: a.costUsd === null || b.costUsd === null ? null : a.costUsd + b.costUsd,
    tokens: addTokens(a.tokens, b.tokens),
  };
}

/** Counts tasks by their roles. */
export class Tally {
  readonly #roles = new Map<string, TaskSums>();

  /** A task ended. */
  count({ role, status, repairs, costUsd, tokens }: TaskResult): void {
    this.#roles.set(role, addSums(this.of(role), { ...NO_SUMS, [status]: 1, repairs, costUsd, tokens }));
  }

  of(role: string): TaskSums {
    return this.#roles.get(role) ?? NO_SUMS;
  }
}
