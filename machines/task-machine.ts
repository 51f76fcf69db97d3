// The chart of one task: generate code, run it, send errors back for repair until it works or the tries are
// used up; or, for a custom agent, run its handler. Where something must be allowed first, it waits for a person.
// Invariant: every way out leads through `settling`, where the result is stored, into exactly one of `done`,
// `failed` and `cancelled`, or into `left`: another process has the task now, or the next start will. The deadline
// holds in `working`, `cancel` everywhere before `settling`. What `generating` and `repairing` share is written out
// in both: editors read a chart from its text.
import { assign, setup, type ActorRefFrom } from "xstate";
import type { ApprovalAnswer } from "../src/core/approval.ts";
import { NOTHING_DONE, type Draft, type Recall, type Suspension, type Trial } from "../src/core/attempt.ts";
import type { TaskResult } from "../src/core/task.ts";
import { unboundAction } from "./slot.ts";
import {
  account,
  approvalRequest,
  callsToAllow,
  cancelled,
  codeToAllow,
  concluded,
  draftRequest,
  failed,
  failedDraft,
  isAsking,
  isSuspension,
  mayMend,
  mayRepair,
  needsApproval,
  overBudget,
  overdue,
  recalled,
  refused,
  routed,
  verdict,
  type Step,
  type TaskMachineContext,
  type TaskMachineEvent,
  type TaskMachineInput,
} from "./task-books.ts";
import { taskEffects } from "./task-effects.ts";

/** A running task chart. */
export type TaskActorRef = ActorRefFrom<typeof taskMachine>;

/** The task chart; its effects are its actors. */
export const taskMachine = setup({
  types: {
    input: {} as TaskMachineInput,
    context: {} as TaskMachineContext,
    events: {} as TaskMachineEvent,
    output: {} as TaskResult | null,
  },
  actors: taskEffects,
  actions: {
    /** Gives the place back that `admit` took. */
    release: unboundAction,
    /** Puts an event from outside into the task's journal. */
    note: (_: unknown, __: { readonly type: "overdue" }) => undefined,
    askForCode: assign(({ context }) => codeToAllow(context)),
    /** Writes what just happened into the books. */
    record: assign((_, changes: Partial<TaskMachineContext>) => changes),
  },
  guards: {
    isCustom: ({ context }) => context.kind === "custom",
    routes: ({ context }) => context.routes && context.profile === null,
    recalls: ({ context }) => context.recalls,
    goesOn: ({ context }, step: Step) => context.next === step,
    needsApproval: ({ context }) => needsApproval(context),
    mayRepair: ({ context }) => mayRepair(context),
    isAsking: (_, { error }: { readonly error: unknown }) => isAsking(error),
    foundNothing: (_, recall: Recall | null) => recall === null,
    wroteCode: (_, draft: Draft) => draft.problem === null,
    isSuspended: (_, trial: Trial | Suspension) => isSuspension(trial),
    isApproved: (_, answer: ApprovalAnswer) => answer.decision === "approved",
    mayMend: ({ context }, answer: ApprovalAnswer) => mayMend(context, answer),
    isElsewhere: (_, result: TaskResult | null) => result === null,
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
    next: "begin",
    subject: null,
    approvals: 0,
    result: null,
  }),
  initial: "queued",
  output: ({ context }) => context.result,
  on: {
    leave: ".left",
    cancel: {
      target: ".settling",
      actions: { type: "record", params: ({ event }) => cancelled(event.reason) },
    },
  },
  states: {
    queued: {
      description: "Waits for a place among the running tasks.",
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
      after: {
        deadline: {
          target: "settling",
          actions: [
            { type: "note", params: { type: "overdue" } },
            { type: "record", params: ({ context }) => overdue(context) },
          ],
        },
      },
      states: {
        choosing: {
          always: [
            { guard: "isCustom", target: "handling" },
            { guard: { type: "goesOn", params: "generating" }, target: "generating" },
            { guard: { type: "goesOn", params: "executing" }, target: "executing" },
            { guard: { type: "goesOn", params: "repairing" }, target: "repairing" },
            { guard: "routes", target: "routing" },
            { guard: "recalls", target: "recalling" },
            { target: "generating" },
          ],
        },
        routing: {
          description: "The profile is chosen, by rules or by the model.",
          invoke: {
            src: "route",
            input: ({ context: { taskId, approvals } }) => ({ taskId, approvals }),
            onDone: {
              target: "choosing",
              actions: { type: "record", params: ({ context, event }) => routed(context, event.output) },
            },
            onError: [
              {
                guard: { type: "isAsking", params: ({ event }) => ({ error: event.error }) },
                target: "#task.awaitingApproval",
                actions: { type: "record", params: ({ event }) => overBudget(event.error, "begin") },
              },
              {
                target: "#task.settling",
                actions: { type: "record", params: ({ event }) => failed(event.error, "model") },
              },
            ],
          },
        },
        recalling: {
          description: "The registry is asked for proven code.",
          invoke: {
            src: "recall",
            input: ({ context: { taskId, profile } }) => ({ taskId, profile }),
            onDone: [
              { guard: { type: "foundNothing", params: ({ event }) => event.output }, target: "generating" },
              {
                target: "reviewing",
                actions: { type: "record", params: ({ event }) => recalled(event.output) },
              },
            ],
            onError: {
              target: "#task.settling",
              actions: { type: "record", params: ({ event }) => failed(event.error, "internal") },
            },
          },
        },
        generating: {
          description: "The model writes the first code.",
          invoke: {
            src: "draft",
            input: ({ context }) => draftRequest(context, 0),
            onDone: [
              {
                guard: { type: "wroteCode", params: ({ event }) => event.output },
                target: "reviewing",
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
            onError: [
              {
                guard: { type: "isAsking", params: ({ event }) => ({ error: event.error }) },
                target: "#task.awaitingApproval",
                actions: { type: "record", params: ({ event }) => overBudget(event.error, "generating") },
              },
              {
                target: "#task.settling",
                actions: { type: "record", params: ({ event }) => failed(event.error, "model") },
              },
            ],
          },
        },
        reviewing: {
          always: [
            { guard: "needsApproval", target: "#task.awaitingApproval", actions: "askForCode" },
            { target: "executing" },
          ],
        },
        executing: {
          description: "The code runs in the sandbox; its output is checked.",
          invoke: {
            src: "trial",
            input: ({ context }) => ({
              taskId: context.taskId,
              approvals: context.approvals,
              attempt: context.attempts.length + 1,
              code: context.code ?? "",
              profile: context.profile,
            }),
            onDone: [
              {
                guard: { type: "isSuspended", params: ({ event }) => event.output },
                target: "#task.awaitingApproval",
                actions: { type: "record", params: ({ event }) => callsToAllow(event.output) },
              },
              {
                target: "judging",
                actions: { type: "record", params: ({ context, event }) => concluded(context, event.output) },
              },
            ],
            onError: [
              {
                guard: { type: "isAsking", params: ({ event }) => ({ error: event.error }) },
                target: "#task.awaitingApproval",
                actions: { type: "record", params: ({ event }) => overBudget(event.error, "executing") },
              },
              {
                target: "#task.settling",
                actions: { type: "record", params: ({ event }) => failed(event.error, "sandbox") },
              },
            ],
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
            input: ({ context }) => draftRequest(context, context.repairs),
            onDone: [
              {
                guard: { type: "wroteCode", params: ({ event }) => event.output },
                target: "reviewing",
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
            onError: [
              {
                guard: { type: "isAsking", params: ({ event }) => ({ error: event.error }) },
                target: "#task.awaitingApproval",
                actions: { type: "record", params: ({ event }) => overBudget(event.error, "repairing") },
              },
              {
                target: "#task.settling",
                actions: { type: "record", params: ({ event }) => failed(event.error, "model") },
              },
            ],
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
    awaitingApproval: {
      description: "Waits for a person, for days if need be; holds no place, no guest and no model call.",
      entry: { type: "record", params: ({ context }) => ({ approvals: context.approvals + 1 }) },
      invoke: {
        src: "approve",
        input: ({ context }) => approvalRequest(context),
        onDone: [
          {
            guard: { type: "isApproved", params: ({ event }) => event.output },
            target: "queued",
            actions: { type: "record", params: { subject: null } },
          },
          {
            guard: { type: "mayMend", params: ({ event }) => event.output },
            target: "queued",
            actions: {
              type: "record",
              params: ({ context, event }) => ({
                ...refused(context, event.output),
                repairs: context.repairs + 1,
                next: "repairing",
              }),
            },
          },
          {
            target: "settling",
            actions: { type: "record", params: ({ context, event }) => refused(context, event.output) },
          },
        ],
        onError: {
          target: "settling",
          actions: { type: "record", params: ({ event }) => failed(event.error, "internal") },
        },
      },
    },
    settling: {
      description: "The outcome is known; working code is registered and the result stored.",
      on: { cancel: {}, leave: {} },
      invoke: {
        src: "settle",
        input: ({ context }) => context,
        onDone: [
          { guard: { type: "isElsewhere", params: ({ event }) => event.output }, target: "left" },
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
    left: { type: "final", description: "Not ended here: another process has it, or the next start will." },
  },
});
