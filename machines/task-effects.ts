// The effects of a task's chart: what each takes and gives. actors/task-binding.ts binds them.
// Invariant: they are slots: nothing is done here.
import type { ApprovalAnswer, ApprovalRequest } from "../src/core/approval.ts";
import type {
  Draft,
  DraftRequest,
  Moment,
  Outcome,
  Recall,
  Routed,
  Suspension,
  Trial,
  TrialRequest,
} from "../src/core/attempt.ts";
import type { TaskResult } from "../src/core/task.ts";
import { slot } from "./slot.ts";

/** The slots of the task chart, by name. */
export const taskEffects = {
  /** Waits for a place among the agent's and the mesh's running tasks. */
  admit: slot<null, { readonly taskId: string }>("admit"),
  /** Chooses the profile to work with. */
  route: slot<Routed, Moment>("route"),
  /** Looks for proven code for exactly this task; null where there is none. */
  recall: slot<Recall | null, { readonly taskId: string; readonly profile: string | null }>("recall"),
  /** Asks the model for code, first or repaired. */
  draft: slot<Draft, DraftRequest>("draft"),
  /** Runs the code in the sandbox and checks the output. */
  trial: slot<Trial | Suspension, TrialRequest>("trial"),
  /** Runs a custom agent's handler and checks the output. */
  handle: slot<Trial, { readonly taskId: string }>("handle"),
  /** Waits for a person's answer, over restarts if need be. */
  approve: slot<ApprovalAnswer, ApprovalRequest>("approve"),
  /** Registers working code and stores the result; null where another process has the task. */
  settle: slot<TaskResult | null, Outcome>("settle"),
};
