// What the task chart writes into its books: what each step's outcome changes in what the task knows.
// Invariant: pure; from equal books and an equal outcome come equal books, so that a journal gives them again.
import {
  approvalIdOf,
  type ApprovalAnswer,
  type ApprovalRequest,
  type ApprovalSubject,
} from "../src/core/approval.ts";
import type { Draft, DraftRequest, Outcome, Recall, Routed, Suspension, Trial } from "../src/core/attempt.ts";
import type { ScopeName } from "../src/core/budget.ts";
import { BudgetError } from "../src/core/errors.ts";
import type { TaskTerms } from "../src/core/journal.ts";
import { addTokens } from "../src/core/model.ts";
import { profileOf } from "../src/core/profile.ts";
import type { Attempt, TaskFailure, TaskResult } from "../src/core/task.ts";

/** What a task's chart starts from. */
export interface TaskMachineInput extends TaskTerms {
  readonly taskId: string;
}

/** Events that a task's chart takes from outside. */
export type TaskMachineEvent =
  | { readonly type: "cancel"; readonly reason?: string }
  /** Stops the work without an end: another process, or the next start, goes on with it. */
  | { readonly type: "leave" };

/** Where a task goes on once it has a place: at its beginning, or after an approval. */
export type Step = "begin" | "generating" | "executing" | "repairing" | "handling";

/** What a task's chart knows at any moment. */
export interface TaskMachineContext extends TaskMachineInput, Outcome {
  readonly next: Step;
  /** What must be allowed before it goes on; null where nothing must. */
  readonly subject: ApprovalSubject | null;
  /** How often an approval was asked for. */
  readonly approvals: number;
  /** What `settling` gave; null before. */
  readonly result: TaskResult | null;
}

/** The end of a task by an error of one of its effects. */
export function failed(error: unknown, usual: TaskFailure["category"]) {
  const [name, message] = error instanceof Error ? [error.name, error.message] : ["Error", String(error)];
  const category = error instanceof BudgetError ? ("budget" as const) : usual;
  return { status: "failure" as const, output: null, error: { name, message, category } };
}

export function cancelled(reason: string | undefined) {
  const message = reason ?? "The task was cancelled.";
  const error = { name: "CancelledError", message, category: "cancelled" as const };
  return { status: "cancelled" as const, output: null, error };
}

export function overdue({ taskId, deadlineMs }: TaskMachineInput) {
  const message =
    `The task "${taskId}" did not end within ${deadlineMs / 1000} s. ` +
    "Raise EXECUTION_TIMEOUT (seconds), or the agent's limits.taskMs, if it needs longer.";
  const error = { name: "TimeoutError", message, category: "timeout" as const };
  return { status: "failure" as const, output: null, error };
}

function addCost(sum: number | null, cost: number | null): number | null {
  return sum === null || cost === null ? null : sum + cost;
}

/** A budget that a person may allow to be exceeded. */
export function overBudget(error: unknown, next: Step) {
  const { budget, measure, message, wanted } = error as BudgetError;
  return {
    subject: { type: "budget" as const, budget: budget as ScopeName, measure, message, wanted: wanted ?? 0 },
    next,
  };
}

/** Why a task that was not allowed to go on ends, or what goes to repair. */
export function refused(context: TaskMachineContext, answer: ApprovalAnswer) {
  const error = refusal(context, answer);
  if (context.subject?.type === "budget" || answer.decision === "expired") {
    return { status: "failure" as const, output: null, error, subject: null };
  }
  const attempt: Attempt = {
    code: context.code ?? "",
    error,
    console: [],
    model: context.model ?? "",
    entropy: null,
    usage: null,
  };
  const attempts = [...context.attempts, attempt];
  return { attempts, status: "failure" as const, output: null, error, subject: null };
}

function refusal({ subject, taskId }: TaskMachineContext, answer: ApprovalAnswer): TaskFailure {
  const what =
    subject?.type === "tools"
      ? `to call ${subject.calls.map(({ tool, input }) => `${tool}(${input.slice(0, 200)})`).join(" and ")}`
      : subject?.type === "code"
        ? "to run this code"
        : `to go past the budget of ${subject?.budget ?? "the task"}`;
  if (answer.decision === "expired") {
    const message = `Nobody allowed the task "${taskId}" ${what} in time.`;
    return { name: "ApprovalExpiredError", message, category: "approval" };
  }
  const by = answer.by === null ? "" : ` by ${answer.by}`;
  const message = `It was refused${by} ${what}${answer.note === null ? "." : `: ${answer.note}`}`;
  return { name: "ApprovalRefusedError", message, category: "approval" };
}

/** What a draft adds to the books, whatever becomes of its code. */
export function account(context: TaskMachineContext, draft: Draft) {
  return {
    code: draft.code ?? context.code,
    tokens: addTokens(context.tokens, draft.tokens),
    costUsd: addCost(context.costUsd, draft.costUsd),
    model: draft.model,
    replayed: context.replayed || draft.replayed,
    reused: false,
  };
}

/** A draft without code is a try that failed: it goes back to the model like any other. */
export function failedDraft(context: TaskMachineContext, draft: Draft) {
  const error = draft.problem;
  const attempt: Attempt = {
    code: draft.answer,
    error,
    console: [],
    model: draft.model,
    entropy: null,
    usage: null,
  };
  return {
    ...account(context, draft),
    attempts: [...context.attempts, attempt],
    status: "failure" as const,
    error,
  };
}

export function verdict(trial: Trial) {
  return trial.ok
    ? { status: "success" as const, output: trial.output, error: null }
    : { status: "failure" as const, output: null, error: trial.error };
}

/** What a run adds: its attempt, and the output or the error. */
export function concluded(context: TaskMachineContext, trial: Trial | Suspension) {
  if (isSuspension(trial)) return {};
  const attempt: Attempt = {
    code: context.code ?? "",
    error: trial.ok ? null : trial.error,
    console: trial.console,
    model: context.model ?? "",
    entropy: trial.entropy,
    usage: trial.usage,
  };
  return { attempts: [...context.attempts, attempt], ...verdict(trial) };
}

export function draftRequest(
  { taskId, approvals, attempts, profile }: TaskMachineContext,
  repair: number,
): DraftRequest {
  return { taskId, approvals, repair, attempts, profile };
}

export function codeToAllow({ code }: TaskMachineContext) {
  return { subject: { type: "code" as const, code: code ?? "" }, next: "executing" as const };
}

export function callsToAllow(trial: Trial | Suspension) {
  const calls = "held" in trial ? trial.held : [];
  return { subject: { type: "tools" as const, calls }, next: "executing" as const };
}

export function approvalRequest({ taskId, approvals, subject }: TaskMachineContext): ApprovalRequest {
  if (subject === null) throw new Error(`The task "${taskId}" waits for an approval of nothing.`);
  return { approvalId: approvalIdOf(taskId, approvals), taskId, subject };
}

/** The code from the registry takes the place of a draft. */
export function recalled(recall: Recall | null) {
  if (recall === null) return {};
  const { code, functionId } = recall;
  return { code, model: `registry/${functionId}`, reused: true };
}

export function routed(context: TaskMachineContext, { profile, tokens, costUsd }: Routed) {
  return { profile, tokens: addTokens(context.tokens, tokens), costUsd: addCost(context.costUsd, costUsd) };
}

/** Whether a budget stopped the work that a person may allow to be exceeded. */
export function isAsking(error: unknown): boolean {
  return error instanceof BudgetError && error.onExceeded === "ask" && error.wanted !== null;
}

/** Whether a run was put away instead of ended. */
export function isSuspension(trial: Trial | Suspension): trial is Suspension {
  return "held" in trial;
}

/** Prose is not run: nothing of it needs to be allowed. */
export function needsApproval({ approval, profile }: TaskMachineContext): boolean {
  return approval === "code" && profileOf(profile).draft === "code";
}

/** Code that failed when it was used again was no try of the model's: it gets one in any case. */
export function mayRepair({ repairs, maxRepairs, reused }: TaskMachineContext): boolean {
  return repairs < maxRepairs || reused;
}

/** Whether what was refused goes back to the model. */
export function mayMend(context: TaskMachineContext, answer: ApprovalAnswer): boolean {
  if (answer.decision !== "rejected" || context.subject?.type === "budget") return false;
  return mayRepair(context);
}
