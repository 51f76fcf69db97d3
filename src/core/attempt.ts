// What passes between a task's chart and its effects: a draft of code, and what came of running it.
// Invariant: plain data only, so that each can be recorded, replayed and shown.
import type { Routing } from "./kernel.ts";
import { NO_TOKENS, type TokenUsage } from "./model.ts";
import type { HeldCall } from "./approval.ts";
import type { Attempt, TaskFailure } from "./task.ts";

/** What the model's answer came to: code to run, or the reason why there is none. */
export interface Draft {
  /** The code; null where the answer held none. */
  readonly code: string | null;
  /** The answer as it was given. */
  readonly answer: string;
  /** Why there is no code; null where there is. */
  readonly problem: TaskFailure | null;
  /** The model that answered, as `provider/model`. */
  readonly model: string;
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
  readonly replayed: boolean;
}

/** How a try ended: a value that fits the agent's output schema, or the error that goes to repair. */
export type Trial =
  | ({ readonly ok: true; readonly output: unknown } & Omit<Attempt, "error" | "code" | "model">)
  | ({ readonly ok: false; readonly error: TaskFailure } & Omit<Attempt, "error" | "code" | "model">);

/** A run that was put away because calls of it wait to be allowed; it is repeated from its record. */
export interface Suspension {
  readonly held: readonly HeldCall[];
}

/** The profile that was chosen for a task. */
export interface Routed extends Routing {
  /** What asking a model for it used. */
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
}

/** Proven code that does a task without a model. */
export interface Recall {
  readonly functionId: string;
  readonly version: number;
  readonly code: string;
}

/** By what an effect of a task knows where the task is: how often a person was asked until then. */
export interface Moment {
  readonly taskId: string;
  readonly approvals: number;
}

/** What the chart hands to the model's next call. */
export interface DraftRequest extends Moment {
  /** 0 for the first draft, then the number of the repair. */
  readonly repair: number;
  readonly attempts: readonly Attempt[];
  /** The profile to work with; null for the agent's own. */
  readonly profile: string | null;
}

/** What the chart hands to the next run. */
export interface TrialRequest extends Moment {
  /** The number of the try, from 1. */
  readonly attempt: number;
  readonly code: string;
  readonly profile: string | null;
}

/** How a task ended, before it is stored. */
export interface Outcome {
  readonly taskId: string;
  readonly status: "success" | "failure" | "cancelled";
  readonly output: unknown;
  /** The last code that was written; null where there was none. */
  readonly code: string | null;
  readonly error: TaskFailure | null;
  readonly repairs: number;
  readonly attempts: readonly Attempt[];
  readonly tokens: TokenUsage;
  readonly costUsd: number | null;
  readonly model: string | null;
  readonly replayed: boolean;
  /** Whether the code came from the registry, without a model. */
  readonly reused: boolean;
  /** The profile that the task was done with; null where none was chosen. */
  readonly profile: string | null;
}

/** The outcome of a task that was cancelled before anything was done for it. */
export const NOTHING_DONE: Omit<Outcome, "taskId" | "error"> = Object.freeze({
  status: "cancelled",
  output: null,
  code: null,
  repairs: 0,
  attempts: [],
  tokens: NO_TOKENS,
  costUsd: 0,
  model: null,
  replayed: false,
  reused: false,
  profile: null,
});
