// The chart of one item of a step (a step that is one task has one item): tries it, and tries it again where it
// failed and may be.
// Invariant: a try that was begun is waited for, also when it is stopped: what it cost is in the books.
import { assign, setup } from "xstate";
import { delayBefore, mayBeTriedAgain } from "../src/core/step-plan.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import type { ItemOutcome } from "../src/core/workflow-result.ts";
import { actionSlot, slot } from "./slot.ts";

/** What an item's chart starts from. */
export interface ItemMachineInput {
  readonly step: string;
  /** Its place in the step's list; null where the step is one task. */
  readonly index: number | null;
  readonly context: Readonly<Record<string, unknown>>;
  readonly timeoutMs: number | null;
  readonly retries: { readonly max: number; readonly backoffMs: number };
}

/** Names one try of an item. */
export interface ItemTry {
  readonly step: string;
  readonly index: number | null;
  /** 1 for the first. */
  readonly attempt: number;
}

/** What an item's chart knows at any moment. */
export interface ItemMachineContext extends ItemMachineInput {
  readonly attempt: number;
  /** Of the try's time: what it did not use while it waited for a person; null before that is known. */
  readonly leftMs: number | null;
  /** What came of the tries up to now. */
  readonly tasks: readonly TaskResult[];
}

/** Events that an item's chart takes from outside. */
export interface ItemMachineEvent {
  readonly type: "cancel";
}

function tryOf({ step, index, attempt }: ItemMachineContext): ItemTry {
  return { step, index, attempt };
}

/** The item chart; its effects are the actors `task`, `timeLeft` and `pause`, and the action `abort`. */
export const itemMachine = setup({
  types: {
    input: {} as ItemMachineInput,
    context: {} as ItemMachineContext,
    events: {} as ItemMachineEvent,
    output: {} as ItemOutcome,
  },
  actors: {
    /** Runs the task of a try; gives null where the workflow was cancelled before it began. */
    task: slot<TaskResult | null, ItemTry & Pick<ItemMachineInput, "context">>("task"),
    /** Tells how many milliseconds of its time a try has left: it does not run while a person is waited for. */
    timeLeft: slot<number, ItemTry & { readonly timeoutMs: number }>("timeLeft"),
    /** Waits before a further try. */
    pause: slot<null, ItemTry & { readonly delayMs: number; readonly error: TaskFailure | null }>("pause"),
  },
  actions: {
    /** Stops the task of a try, which then ends by itself. */
    abort: actionSlot<ItemTry & { readonly why: "timeout" | "cancelled" }>(),
    countTry: assign({ attempt: ({ context }) => context.attempt + 1, leftMs: null }),
    goOn: assign((_, leftMs: number) => ({ leftMs })),
    keep: assign(({ context }, result: TaskResult | null) =>
      result === null ? {} : { tasks: [...context.tasks, result] },
    ),
  },
  guards: {
    hasTimeLeft: (_, leftMs: number) => leftMs > 0,
    hasTimeout: ({ context }) => context.timeoutMs !== null,
    mayRetry: ({ context }, result: TaskResult | null) =>
      context.attempt <= context.retries.max &&
      result?.status === "failure" &&
      result.error !== null &&
      mayBeTriedAgain(result.error),
  },
  delays: {
    timeout: ({ context }) => context.leftMs ?? context.timeoutMs ?? 0,
  },
}).createMachine({
  id: "item",
  context: ({ input }) => ({ ...input, attempt: 1, leftMs: null, tasks: [] }),
  initial: "trying",
  output: ({ context }) => ({ index: context.index, tasks: context.tasks }),
  states: {
    trying: {
      description: "The item's task is under way.",
      invoke: {
        src: "task",
        input: ({ context }) => ({ ...tryOf(context), context: context.context }),
        onDone: [
          {
            guard: { type: "mayRetry", params: ({ event }) => event.output },
            target: "backingOff",
            actions: [{ type: "keep", params: ({ event }) => event.output }, "countTry"],
          },
          { target: "ended", actions: { type: "keep", params: ({ event }) => event.output } },
        ],
      },
      on: {
        cancel: {
          target: ".stopping",
          actions: {
            type: "abort",
            params: ({ context }) => ({ ...tryOf(context), why: "cancelled" as const }),
          },
        },
      },
      initial: "choosing",
      states: {
        choosing: { always: [{ guard: "hasTimeout", target: "timed" }, { target: "untimed" }] },
        timed: { after: { timeout: "checking" } },
        checking: {
          description: "Its time is over, unless it waited for a person meanwhile.",
          invoke: {
            src: "timeLeft",
            input: ({ context }) => ({ ...tryOf(context), timeoutMs: context.timeoutMs ?? 0 }),
            onDone: [
              {
                guard: { type: "hasTimeLeft", params: ({ event }) => event.output },
                target: "timed",
                actions: { type: "goOn", params: ({ event }) => event.output },
              },
              {
                target: "stopping",
                actions: {
                  type: "abort",
                  params: ({ context }) => ({ ...tryOf(context), why: "timeout" as const }),
                },
              },
            ],
          },
        },
        untimed: {},
        stopping: { description: "The task was told to stop and ends." },
      },
    },
    backingOff: {
      description: "Waits before the next try.",
      invoke: {
        src: "pause",
        input: ({ context }) => ({
          ...tryOf(context),
          delayMs: delayBefore(context.attempt, context.retries.backoffMs),
          error: context.tasks.at(-1)?.error ?? null,
        }),
        onDone: "trying",
      },
      on: { cancel: "ended" },
    },
    ended: { type: "final" },
  },
});
