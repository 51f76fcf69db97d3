// The chart of one task: generate code, run it, send errors back for repair until it works or the tries are
// used up; or, for a custom agent, run its handler.
// Invariant: every way out leads through `settling`, where the result is stored, into exactly one of `done`,
// `failed` and `cancelled`; the deadline and `cancel` hold everywhere before it. What `generating` and `repairing`
// share is written out in both: editors read a chart from its text.
import { assign, setup, type ActorRefFrom } from "xstate";
import {
  NOTHING_DONE,
  type Draft,
  type DraftRequest,
  type Outcome,
  type Trial,
  type TrialRequest,
} from "../src/core/attempt.ts";
import { addTokens } from "../src/core/model.ts";
import type { Attempt, TaskFailure, TaskResult } from "../src/core/task.ts";
import { slot, unboundAction } from "./slot.ts";

/** What a task's chart starts from. */
export interface TaskMachineInput {
  readonly taskId: string;
  /** `prompt`: the model writes code. `custom`: the agent's own handler does the work. */
  readonly kind: "prompt" | "custom";
  readonly maxRepairs: number;
  /** Time for the work, waiting for a place excluded, in milliseconds. */
  readonly deadlineMs: number;
}

/** What a task's chart knows at any moment. */
export interface TaskMachineContext extends TaskMachineInput, Outcome {
  /** What `settling` gave; null before. */
  readonly result: TaskResult | null;
}

/** Events that a task's chart takes from outside. */
export interface TaskMachineEvent {
  readonly type: "cancel";
  readonly reason?: string;
}

/** A running task chart. */
export type TaskActorRef = ActorRefFrom<typeof taskMachine>;

function failed(error: unknown, category: TaskFailure["category"]) {
  const [name, message] = error instanceof Error ? [error.name, error.message] : ["Error", String(error)];
  return { status: "failure" as const, output: null, error: { name, message, category } };
}

function cancelled(reason: string | undefined) {
  const message = reason ?? "The task was cancelled.";
  const error = { name: "CancelledError", message, category: "cancelled" as const };
  return { status: "cancelled" as const, output: null, error };
}

function overdue({ taskId, deadlineMs }: TaskMachineContext) {
  const message =
    `The task "${taskId}" did not end within ${deadlineMs / 1000} s. ` +
    "Raise EXECUTION_TIMEOUT (seconds), or the agent's limits.taskMs, if it needs longer.";
  const error = { name: "TimeoutError", message, category: "timeout" as const };
  return { status: "failure" as const, output: null, error };
}

function addCost(sum: number | null, cost: number | null): number | null {
  return sum === null || cost === null ? null : sum + cost;
}

/** What a draft adds to the books, whatever becomes of its code. */
function account(context: TaskMachineContext, draft: Draft) {
  return {
    code: draft.code ?? context.code,
    tokens: addTokens(context.tokens, draft.tokens),
    costUsd: addCost(context.costUsd, draft.costUsd),
    model: draft.model,
    replayed: context.replayed || draft.replayed,
  };
}

/** A draft without code is a try that failed: it goes back to the model like any other. */
function failedDraft(context: TaskMachineContext, draft: Draft) {
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

function verdict(trial: Trial) {
  return trial.ok
    ? { status: "success" as const, output: trial.output, error: null }
    : { status: "failure" as const, output: null, error: trial.error };
}

/** What a run adds: its attempt, and the output or the error. */
function concluded(context: TaskMachineContext, trial: Trial) {
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

/** The task chart; its effects are the actors `admit`, `draft`, `trial`, `handle` and `settle`. */
export const taskMachine = setup({
  types: {
    input: {} as TaskMachineInput,
    context: {} as TaskMachineContext,
    events: {} as TaskMachineEvent,
    output: {} as TaskResult | null,
  },
  actors: {
    /** Waits for a place among the agent's and the mesh's running tasks. */
    admit: slot<null, { readonly taskId: string }>("admit"),
    /** Asks the model for code, first or repaired. */
    draft: slot<Draft, DraftRequest>("draft"),
    /** Runs the code in the sandbox and checks the output. */
    trial: slot<Trial, TrialRequest>("trial"),
    /** Runs a custom agent's handler and checks the output. */
    handle: slot<Trial, { readonly taskId: string }>("handle"),
    /** Registers working code and stores the result. */
    settle: slot<TaskResult, Outcome>("settle"),
  },
  actions: {
    /** Gives the place back that `admit` took. */
    release: unboundAction,
    /** Writes what just happened into the books. */
    record: assign((_, changes: Partial<TaskMachineContext>) => changes),
  },
  guards: {
    isCustom: ({ context }) => context.kind === "custom",
    mayRepair: ({ context }) => context.repairs < context.maxRepairs,
    succeeded: ({ context }) => context.status === "success",
    wasCancelled: ({ context }) => context.status === "cancelled",
  },
  delays: {
    deadline: ({ context }) => context.deadlineMs,
  },
}).createMachine({
  id: "task",
  context: ({ input }) => ({
    ...NOTHING_DONE,
    ...input,
    status: "failure",
    error: null,
    result: null,
  }),
  initial: "queued",
  output: ({ context }) => context.result,
  states: {
    queued: {
      description: "Accepted; waits for a place among the running tasks.",
      on: {
        cancel: {
          target: "settling",
          actions: { type: "record", params: ({ event }) => cancelled(event.reason) },
        },
      },
      invoke: {
        src: "admit",
        input: ({ context }) => ({ taskId: context.taskId }),
        onDone: "working",
        onError: {
          target: "settling",
          actions: { type: "record", params: ({ event }) => failed(event.error, "internal") },
        },
      },
    },
    working: {
      description: "Has a place; the deadline runs.",
      initial: "choosing",
      exit: "release",
      on: {
        cancel: {
          target: "settling",
          actions: { type: "record", params: ({ event }) => cancelled(event.reason) },
        },
      },
      after: {
        deadline: {
          target: "settling",
          actions: { type: "record", params: ({ context }) => overdue(context) },
        },
      },
      states: {
        choosing: {
          always: [{ guard: "isCustom", target: "handling" }, { target: "generating" }],
        },
        generating: {
          description: "The model writes the first code.",
          invoke: {
            src: "draft",
            input: ({ context }) => ({ taskId: context.taskId, repair: 0, attempts: context.attempts }),
            onDone: [
              {
                guard: ({ event }) => event.output.problem === null,
                target: "executing",
                actions: { type: "record", params: ({ context, event }) => account(context, event.output) },
              },
              {
                target: "judging",
                actions: {
                  type: "record",
                  params: ({ context, event }) => failedDraft(context, event.output),
                },
              },
            ],
            onError: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => failed(event.error, "model") },
            },
          },
        },
        executing: {
          description: "The code runs in the sandbox; its output is checked.",
          invoke: {
            src: "trial",
            input: ({ context }) => ({
              taskId: context.taskId,
              attempt: context.attempts.length + 1,
              code: context.code ?? "",
            }),
            onDone: {
              target: "judging",
              actions: { type: "record", params: ({ context, event }) => concluded(context, event.output) },
            },
            onError: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => failed(event.error, "sandbox") },
            },
          },
        },
        judging: {
          always: [
            { guard: "succeeded", target: "#task.settling" },
            {
              guard: "mayRepair",
              target: "repairing",
              actions: { type: "record", params: ({ context }) => ({ repairs: context.repairs + 1 }) },
            },
            { target: "#task.settling" },
          ],
        },
        repairing: {
          description: "The model gets its code back with the error, and mends it.",
          invoke: {
            src: "draft",
            input: ({ context }) => ({
              taskId: context.taskId,
              repair: context.repairs,
              attempts: context.attempts,
            }),
            onDone: [
              {
                guard: ({ event }) => event.output.problem === null,
                target: "executing",
                actions: { type: "record", params: ({ context, event }) => account(context, event.output) },
              },
              {
                target: "judging",
                actions: {
                  type: "record",
                  params: ({ context, event }) => failedDraft(context, event.output),
                },
              },
            ],
            onError: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => failed(event.error, "model") },
            },
          },
        },
        handling: {
          description: "The custom agent's own handler does the work.",
          invoke: {
            src: "handle",
            input: ({ context }) => ({ taskId: context.taskId }),
            onDone: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => verdict(event.output) },
            },
            onError: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => failed(event.error, "handler") },
            },
          },
        },
      },
    },
    settling: {
      description: "The outcome is known; working code is registered and the result stored.",
      invoke: {
        src: "settle",
        input: ({ context }) => context,
        onDone: [
          {
            guard: "succeeded",
            target: "done",
            actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
          },
          {
            guard: "wasCancelled",
            target: "cancelled",
            actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
          },
          {
            target: "failed",
            actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
          },
        ],
      },
    },
    done: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
  },
});
