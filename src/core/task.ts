// Tasks and their results: what goes to an agent and what comes back.
// Invariant: a failed run is never a success; `code` is the code that produced `output`, after repairs.
import type { ApprovalSubject } from "./approval.ts";
import type { Budget } from "./budget.ts";
import type { ProfileName } from "./profile.ts";
import type { ConsoleEntry, GuestEntropy, GuestUsage } from "./guest.ts";
import type { TokenUsage } from "./model.ts";

/** A piece of work for an agent, in plain language. */
export interface Task {
  /** 1 to 128 letters, digits, `_` and `-`; made where absent. */
  readonly id?: string;
  /** What to do. */
  readonly task: string;
  /** Data for the work; the guest sees it as `context`. Any value that the codec can carry. */
  readonly context?: Readonly<Record<string, unknown>>;
  /** How to work on it, in place of what the agent says. */
  readonly profile?: ProfileName | undefined;
  /** What it may cost. */
  readonly budget?: Budget | undefined;
}

/** What kind of failure ended a task, or a try. */
export type ErrorCategory =
  | "model"
  | "no-code"
  | "syntax"
  | "runtime"
  | "no-result"
  | "output"
  | "limit"
  | "timeout"
  | "deadlock"
  | "sandbox"
  | "handler"
  | "dependency"
  | "approval"
  | "budget"
  | "cancelled"
  | "internal";

/** Why a task or a try failed. */
export interface TaskFailure {
  /** The error's name, such as `TypeError`. */
  readonly name: string;
  /** What went wrong, in words that a repair can use. */
  readonly message: string;
  /** What kind of failure it was, for programs. */
  readonly category: ErrorCategory;
  /** 1-based position in the try's code, where it is known. */
  readonly line?: number;
  /** 1-based column in that line. */
  readonly column?: number;
}

/** A failure as an error that can be thrown; whoever catches it finds the same name and message. */
export function toError({ name, message }: TaskFailure): Error {
  return Object.assign(new Error(message), { name });
}

/** One try: the code that the model wrote and what became of it. */
export interface Attempt {
  /** The code that was run; the text, where the agent writes prose. */
  readonly code: string;
  /** Null where the try succeeded. */
  readonly error: TaskFailure | null;
  /** What the code wrote to its console, in order. */
  readonly console: readonly ConsoleEntry[];
  /** The model that wrote the code, as `provider/model`; `registry/<functionId>` where it was used again. */
  readonly model: string;
  /** What the guest was told of time and chance; null where no guest ran. */
  readonly entropy: GuestEntropy | null;
  /** What the run used; null where no guest ran. */
  readonly usage: GuestUsage | null;
}

/** How a task ended. */
export type TaskStatus = "success" | "failure" | "cancelled";

/** The one form in which every task ends. */
export interface TaskResult<Output = unknown> {
  /** How it ended; a run that failed is never a `success`. */
  readonly status: TaskStatus;
  /** What the agent produced; null unless `status` is `success`. */
  readonly output: Output | null;
  /** The code that produced the output, or the last that failed; null where none was written. */
  readonly code: string | null;
  /** How often the code was sent back to the model; 0 where the first try worked. */
  readonly repairs: number;
  /** From acceptance to end, in seconds. */
  readonly executionTime: number;
  /** Of all model calls of the task, by the providers' own count. */
  readonly tokens: TokenUsage;
  /** US dollars for all model calls of the task; null where a price is unknown. */
  readonly costUsd: number | null;
  /** Where the result is stored: `<LOG_DIRECTORY>/<role>/<resultId>.json`. */
  readonly resultId: string;
  /** The working code's entry in the registry; null where none was registered. */
  readonly functionId: string | null;
  /** Why it failed or was cancelled; null where it succeeded. */
  readonly error: TaskFailure | null;
  /** The task's id, given or made. */
  readonly taskId: string;
  /** The role of the agent that was asked. */
  readonly role: string;
  /** Each try in order; the last is the one that `code` and `error` speak of. */
  readonly attempts: readonly Attempt[];
  /** The model that gave the last answer, as `provider/model`; `registry/<functionId>` for reused code; null for none. */
  readonly model: string | null;
  /** Whether any answer was played back from a recording. */
  readonly replayed: boolean;
  /** Whether the code came from the registry of proven functions: no model wrote it now. */
  readonly reused: boolean;
  /** The profile that the task was done with; null for a custom agent's. */
  readonly profile: string | null;
}

/** What can be told of a task while it runs. */
export type TaskEvent =
  | { readonly type: "state"; readonly taskId: string; readonly role: string; readonly state: string }
  | { readonly type: "text"; readonly taskId: string; readonly role: string; readonly text: string }
  /** The text up to now is void: the model's try failed half-way and begins anew. */
  | { readonly type: "text-void"; readonly taskId: string; readonly role: string; readonly reason: string }
  | { readonly type: "code"; readonly taskId: string; readonly role: string; readonly code: string }
  | { readonly type: "error"; readonly taskId: string; readonly role: string; readonly error: TaskFailure }
  | {
      readonly type: "console";
      readonly taskId: string;
      readonly role: string;
      readonly entry: ConsoleEntry;
    }
  /** The task waits until a person allows it to go on. */
  | {
      readonly type: "approval";
      readonly taskId: string;
      readonly role: string;
      readonly approvalId: string;
      readonly subject: ApprovalSubject;
    }
  | {
      readonly type: "tool";
      readonly taskId: string;
      readonly role: string;
      readonly tool: string;
      readonly phase: "called" | "returned" | "failed";
    };
