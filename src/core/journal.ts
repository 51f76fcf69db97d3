// A task's journal: everything that happened to it and that must not happen twice, in order.
// Invariant: an effect's result is in the journal before the chart sees it, and what is in the journal is never done
// again; so the chart, run again over its journal, comes to where it was.
import type { ApprovalAnswer, ApprovalPolicy, ApprovalRequest } from "./approval.ts";
import type { Recall, Routed, Trial } from "./attempt.ts";
import type { Budget } from "./budget.ts";
import { decode, encode } from "./codec.ts";
import { JournalError, messageOf } from "./errors.ts";
import type { GuestEntropy, GuestLimits, RecordedCall, RecordedReturn } from "./guest.ts";
import type { ModelAnswer } from "./model.ts";
import type { SolvedTask } from "./prompt.ts";
import type { TaskFailure, TaskResult } from "./task.ts";

/** What the task's chart starts from; of several claims, the first one's terms hold. */
export interface TaskTerms {
  /** `prompt`: the model writes code or prose. `custom`: the agent's own handler does the work. */
  readonly kind: "prompt" | "custom";
  readonly maxRepairs: number;
  /** Time for the work, waiting for a place or an approval excluded, in milliseconds. */
  readonly deadlineMs: number;
  readonly approval: ApprovalPolicy;
  /** Whether proven code may do the task without a model. */
  readonly recalls: boolean;
  /** Whether a profile must be chosen first. */
  readonly routes: boolean;
  /** The profile where it is chosen already; null where it is not, and for a custom agent. */
  readonly profile: string | null;
}

/** In place of the number of a repair: the profile is chosen. */
export const ROUTING = -1;
/** In place of the number of a repair: what is remembered is compressed. */
export const COMPRESSION = -2;

/** The workflow that a task is a step of. */
export interface StepOf {
  readonly workflowId: string;
  readonly stepId: string;
  /** The whole workflow's budget, as it was given. */
  readonly budget?: Budget | undefined;
}

/** What a journal holds; `at` is in milliseconds since 1970. */
export type JournalEntry = { readonly at: number } & (
  | {
      readonly type: "accepted";
      readonly taskId: string;
      readonly role: string;
      readonly task: string;
      readonly context: Readonly<Record<string, unknown>>;
      readonly resultId: string;
      readonly step: StepOf | null;
      /** The task's own budget and profile, as they were given. */
      readonly budget: Budget | null;
      readonly profile: string | null;
      /** The task queue that it was put into; null, or absent, for the mesh's common one. */
      readonly queue?: string | null;
      /** The trace of whoever asked for it, where there is one. */
      readonly trace?: string | undefined;
      /** When nobody needs its result any more, in milliseconds since 1970; it is cancelled then. */
      readonly deadline?: number | undefined;
    }
  /** A process took the task up, off that task queue; from here on its appends count, and no earlier owner's. */
  | {
      readonly type: "claimed";
      readonly node: string;
      readonly terms: TaskTerms;
      readonly queue?: string | null;
    }
  /** Its owner gave it up unfinished, to be gone on with. */
  | { readonly type: "left"; readonly node: string; readonly reason: string }
  | { readonly type: "state"; readonly state: string }
  | { readonly type: "routed"; readonly routing: Routed }
  | { readonly type: "recalled"; readonly recall: Recall | null }
  /** `repair` is 0 for the first draft, then the number of the repair; for what is no draft, one of the above. */
  | {
      readonly type: "model-asked";
      readonly callId: string;
      readonly repair: number;
      /** Code of like tasks that the first draft's prompt, and so each repair's, begins with; absent for none. */
      readonly references?: readonly SolvedTask[] | undefined;
    }
  | {
      readonly type: "model-answered";
      readonly callId: string;
      readonly repair: number;
      readonly answer: ModelAnswer;
    }
  | {
      readonly type: "model-failed";
      readonly callId: string;
      readonly repair: number;
      readonly error: TaskFailure;
    }
  | {
      readonly type: "run-started";
      readonly attempt: number;
      readonly runId: string;
      readonly entropy: GuestEntropy;
      /** The names by which the guest could call tools, and the limits that are not the defaults: a repeat needs them. */
      readonly tools: readonly string[];
      readonly limits: Partial<GuestLimits>;
    }
  /** `guestAt` is the record's `at`: the guest's time. */
  | ({ readonly runId: string; readonly guestAt: number } & Omit<RecordedCall, "at">)
  | ({ readonly runId: string; readonly guestAt: number } & Omit<RecordedReturn, "at">)
  | { readonly type: "run-finished"; readonly attempt: number; readonly trial: Trial }
  | { readonly type: "handler-started" }
  | { readonly type: "handler-finished"; readonly trial: Trial }
  | ({ readonly type: "approval-asked" } & ApprovalRequest)
  | ({ readonly type: "approval-answered"; readonly approvalId: string } & ApprovalAnswer)
  | { readonly type: "cancelled"; readonly reason: string }
  | { readonly type: "overdue" }
  | { readonly type: "finished"; readonly result: TaskResult }
);

/** An entry's kind. */
export type JournalEntryType = JournalEntry["type"];

/** An entry of one kind. */
export type JournalEntryOf<T extends JournalEntryType> = Extract<JournalEntry, { readonly type: T }>;

/** The first entry of a kind that fits; undefined where there is none. */
export function findEntry<T extends JournalEntryType>(
  entries: readonly JournalEntry[],
  type: T,
  fits: (entry: JournalEntryOf<T>) => boolean = () => true,
): JournalEntryOf<T> | undefined {
  return entries.find(
    (entry): entry is JournalEntryOf<T> => entry.type === type && fits(entry as JournalEntryOf<T>),
  );
}

/** An entry before it is stamped. */
export type NewJournalEntry = JournalEntry extends infer E
  ? E extends JournalEntry
    ? Omit<E, "at">
    : never
  : never;

/** Several entries as one text, appended together. */
export function writeEntries(entries: readonly JournalEntry[]): string {
  return encode(entries);
}

/** @throws JournalError where the text is not what `writeEntries` writes. */
export function readEntries(text: string, journal: string): readonly JournalEntry[] {
  let entries: unknown;
  try {
    entries = decode(text);
  } catch (thrown) {
    throw new JournalError(`Cannot read the journal "${journal}": ${messageOf(thrown)}`, { cause: thrown });
  }
  if (Array.isArray(entries) && entries.every(isEntry)) return entries;
  throw new JournalError(
    `Cannot read the journal "${journal}": it holds something that is no journal entry.`,
  );
}

function isEntry(value: unknown): value is JournalEntry {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}
