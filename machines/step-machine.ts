// The chart of one step of a workflow: decides whether it runs, lists its items, works through them, so many at
// once, and puts together what came of them.
// Invariant: every way out leads through `settling`, where the end is recorded; a failed item stops no other.
import { assign, setup, stopChild, type ActorRefFrom, type DoneActorEvent, type SnapshotFrom } from "xstate";
import type { PlannedStep } from "../src/core/dag.ts";
import type { Scope } from "../src/core/reference.ts";
import { contextOf, listItems } from "../src/core/step-plan.ts";
import type { TaskFailure, TaskResult } from "../src/core/task.ts";
import type { WorkflowEvent } from "../src/core/workflow-event.ts";
import {
  concludeStep,
  refusedStep,
  SKIPPED,
  type Decision,
  type ItemOutcome,
  type StepOutcome,
  type StepResult,
} from "../src/core/workflow-result.ts";
import { itemMachine } from "./item-machine.ts";
import { actionSlot, slot } from "./slot.ts";

/** What a step's chart starts from. */
export interface StepMachineInput {
  readonly step: PlannedStep;
  readonly scope: Scope;
  /** Why it cannot run; null where it can. */
  readonly refusal: TaskFailure | null;
}

/** What a step's chart knows at any moment. */
export interface StepMachineContext extends StepMachineInput {
  /** Null before they are listed, and where the step is one task. */
  readonly items: readonly unknown[] | null;
  /** How many items were begun; those that ended are in `outcomes`. */
  readonly begun: number;
  readonly outcomes: readonly ItemOutcome[];
  readonly failed: number;
  readonly outcome: StepOutcome | null;
  /** What `settling` gave; null before. */
  readonly result: StepResult | null;
}

/** Events that a step's chart takes from outside. */
export interface StepMachineEvent {
  readonly type: "cancel";
}

/** A running step chart. */
export type StepActorRef = ActorRefFrom<typeof stepMachine>;

type Told = WorkflowEvent extends infer E ? (E extends WorkflowEvent ? Omit<E, "workflowId"> : never) : never;

const CANCELLED: TaskFailure = Object.freeze({
  name: "CancelledError",
  message: "The workflow was cancelled.",
  category: "cancelled",
});

function childOf(eventType: string): string {
  return eventType.replace(/^xstate\.done\.actor\./, "");
}

function totalOf({ items }: StepMachineContext): number {
  return items?.length ?? 1;
}

/** The step chart; its effects are the actors `decide`, `refuse` and `settle`, and those of the item chart. */
export const stepMachine = setup({
  types: {
    input: {} as StepMachineInput,
    context: {} as StepMachineContext,
    events: {} as StepMachineEvent | DoneActorEvent<ItemOutcome>,
    output: {} as StepResult | null,
  },
  actors: {
    /** Tells whether the step's `when` holds. */
    decide: slot<Decision, Pick<StepMachineInput, "step" | "scope">>("decide"),
    /** Stores the result of a step that is not run at all. */
    refuse: slot<TaskResult, { readonly step: PlannedStep; readonly error: TaskFailure }>("refuse"),
    /** Records the step's end. */
    settle: slot<StepResult, { readonly step: PlannedStep; readonly outcome: StepOutcome }>("settle"),
    item: itemMachine,
  },
  actions: {
    /** Tells whoever watches. */
    tell: actionSlot<Told>(),
    record: assign((_, changes: Partial<StepMachineContext>) => changes),
    list: assign(({ context: { step, scope } }) => {
      const listing = listItems(step, scope);
      if (listing.ok) return { items: listing.items };
      return listing.error === null ? { outcome: SKIPPED } : { refusal: listing.error };
    }),
    /** Begins as many items as may be at work. */
    beginItems: assign(({ context, spawn }) => {
      const { step, scope, items, outcomes } = context;
      let { begun } = context;
      const most = Math.min(totalOf(context), outcomes.length + step.concurrency);
      for (; begun < most; begun += 1) {
        const index = items === null ? null : begun;
        spawn("item", {
          id: `item-${begun}`,
          input: {
            step: step.id,
            index,
            context: contextOf(step, scope, index === null ? null : { index, value: items?.[index] }),
            timeoutMs: step.timeoutMs,
            retries: step.retries,
          },
        });
      }
      return { begun };
    }),
    cancelItems: ({ self }) => {
      const { children } = self.getSnapshot() as SnapshotFrom<typeof stepMachine>;
      for (const child of Object.values(children)) child?.send({ type: "cancel" });
    },
  },
  guards: {
    holds: (_, { run }: Decision) => run,
    isSkipped: (_, { error }: Decision) => error === null,
    isRefused: ({ context }) => context.refusal !== null,
    isConcluded: ({ context }) => context.outcome !== null,
    isConditional: ({ context }) => context.step.when !== null,
    allEnded: ({ context }) => context.outcomes.length === totalOf(context),
    /** Cancelled before anything of it began. */
    nothingDone: ({ context }) =>
      context.outcomes.length === totalOf(context) &&
      context.outcomes.length > 0 &&
      context.outcomes.every(({ tasks }) => tasks.length === 0),
  },
}).createMachine({
  id: "step",
  context: ({ input }) => ({
    ...input,
    items: null,
    begun: 0,
    outcomes: [],
    failed: 0,
    outcome: null,
    result: null,
  }),
  initial: "choosing",
  output: ({ context }) => context.result,
  states: {
    choosing: {
      always: [
        { guard: "isRefused", target: "refusing" },
        { guard: "isConditional", target: "deciding" },
        { target: "listing" },
      ],
    },
    deciding: {
      description: "Whether it runs is decided, once.",
      invoke: {
        src: "decide",
        input: ({ context: { step, scope } }) => ({ step, scope }),
        onDone: [
          { guard: { type: "holds", params: ({ event }) => event.output }, target: "listing" },
          {
            guard: { type: "isSkipped", params: ({ event }) => event.output },
            target: "settling",
            actions: { type: "record", params: { outcome: SKIPPED } },
          },
          {
            target: "refusing",
            actions: { type: "record", params: ({ event }) => ({ refusal: event.output.error }) },
          },
        ],
      },
    },
    listing: {
      entry: "list",
      always: [
        { guard: "isRefused", target: "refusing" },
        { guard: "isConcluded", target: "settling" },
        { target: "working" },
      ],
    },
    working: {
      description: "Its items are at work, so many at once.",
      entry: [
        {
          type: "tell",
          params: ({ context: { step, items } }) => ({
            type: "step-started" as const,
            step: step.id,
            items: items?.length ?? null,
          }),
        },
        "beginItems",
      ],
      on: {
        cancel: { actions: "cancelItems" },
        "xstate.done.actor.*": {
          actions: [
            stopChild(({ event }) => childOf(event.type)),
            {
              type: "record",
              params: ({ context, event }) => ({
                outcomes: [...context.outcomes, event.output],
                failed: context.failed + (event.output.tasks.at(-1)?.status === "success" ? 0 : 1),
              }),
            },
            {
              type: "tell",
              params: ({ context, event }) => ({
                type: "step-progress" as const,
                step: context.step.id,
                index: event.output.index,
                done: context.outcomes.length,
                failed: context.failed,
                total: totalOf(context),
              }),
            },
            "beginItems",
          ],
        },
      },
      always: [
        {
          guard: "nothingDone",
          target: "refusing",
          actions: {
            type: "record",
            params: { refusal: CANCELLED },
          },
        },
        {
          guard: "allEnded",
          target: "settling",
          actions: {
            type: "record",
            params: ({ context: { step, items, outcomes } }) => ({
              outcome: concludeStep(step, items, outcomes),
            }),
          },
        },
      ],
    },
    refusing: {
      description: "It is not run; its result says why.",
      invoke: {
        src: "refuse",
        input: ({ context }) => ({
          step: context.step,
          error: context.refusal ?? CANCELLED,
        }),
        onDone: {
          target: "settling",
          actions: { type: "record", params: ({ event }) => ({ outcome: refusedStep(event.output) }) },
        },
      },
    },
    settling: {
      description: "What came of it is recorded.",
      invoke: {
        src: "settle",
        input: ({ context }) => ({ step: context.step, outcome: context.outcome ?? SKIPPED }),
        onDone: {
          target: "ended",
          actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
        },
      },
    },
    ended: { type: "final" },
  },
});
