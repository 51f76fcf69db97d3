// The chart of a workflow: begins each step as soon as all that it depends on has ended, until every step has.
// Invariant: what it does next depends on its input and its events alone: given the same ends of the same steps it
// comes to the same end, so that a recorded workflow can be gone through again and nothing is run twice.
import { assign, setup, stopChild, type ActorRefFrom, type DoneActorEvent, type SnapshotFrom } from "xstate";
import { ancestorsOf, type PlannedStep } from "../src/core/dag.ts";
import { blockOf, scopeOf } from "../src/core/step-plan.ts";
import { concludeWorkflow, type StepResult, type WorkflowResult } from "../src/core/workflow-result.ts";
import { slot } from "./slot.ts";
import { stepMachine } from "./step-machine.ts";

/** What a workflow's chart starts from. */
export interface WorkflowMachineInput {
  readonly id: string;
  readonly steps: readonly PlannedStep[];
  /** What every step finds in its context. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** What a workflow's chart knows at any moment. */
export interface WorkflowMachineContext extends WorkflowMachineInput {
  /** Ids of the steps that were begun. */
  readonly begun: readonly string[];
  /** What came of the steps that ended, by id. */
  readonly ended: Readonly<Record<string, StepResult>>;
  /** What `settling` gave; null before. */
  readonly result: WorkflowResult | null;
}

/** Events that a workflow's chart takes from outside. */
export interface WorkflowMachineEvent {
  readonly type: "cancel";
}

/** A running workflow chart. */
export type WorkflowActorRef = ActorRefFrom<typeof workflowMachine>;

function childOf(eventType: string): string {
  return eventType.replace(/^xstate\.done\.actor\./, "");
}

/** The steps whose turn has come. */
function readySteps({ steps, begun, ended }: WorkflowMachineContext): readonly PlannedStep[] {
  return steps.filter(({ id, dependsOn }) => !begun.includes(id) && dependsOn.every((name) => name in ended));
}

/** The workflow chart; its effects are the actor `settle` and those of the step chart. */
export const workflowMachine = setup({
  types: {
    input: {} as WorkflowMachineInput,
    context: {} as WorkflowMachineContext,
    events: {} as WorkflowMachineEvent | DoneActorEvent<StepResult | null>,
    output: {} as WorkflowResult | null,
  },
  actors: {
    step: stepMachine,
    /** Records the workflow's end. */
    settle: slot<WorkflowResult, ReturnType<typeof concludeWorkflow>>("settle"),
  },
  actions: {
    record: assign((_, changes: Partial<WorkflowMachineContext>) => changes),
    beginSteps: assign(({ context, spawn }) => {
      const ready = readySteps(context);
      for (const step of ready) {
        const earlier = ancestorsOf(step, context.steps).flatMap(({ id }) => context.ended[id] ?? []);
        spawn("step", {
          id: `step-${step.id}`,
          input: {
            step,
            scope: scopeOf(step, context.context, earlier),
            refusal: blockOf(step, earlier),
          },
        });
      }
      return { begun: [...context.begun, ...ready.map(({ id }) => id)] };
    }),
    cancelSteps: ({ self }) => {
      const { children } = self.getSnapshot() as SnapshotFrom<typeof workflowMachine>;
      for (const child of Object.values(children)) child?.send({ type: "cancel" });
    },
  },
  guards: {
    allEnded: ({ context }) => context.steps.every(({ id }) => id in context.ended),
    wasCancelled: (_, { status }: WorkflowResult) => status === "cancelled",
    hasFailed: (_, { status }: WorkflowResult) => status === "failure",
  },
}).createMachine({
  id: "workflow",
  context: ({ input }) => ({ ...input, begun: [], ended: {}, result: null }),
  initial: "running",
  output: ({ context }) => context.result,
  states: {
    running: {
      description: "Steps are at work; others wait for them.",
      entry: "beginSteps",
      on: {
        cancel: { actions: "cancelSteps" },
        "xstate.done.actor.*": {
          actions: [
            stopChild(({ event }) => childOf(event.type)),
            {
              type: "record",
              params: ({ context, event }) =>
                event.output === null ? {} : { ended: { ...context.ended, [event.output.id]: event.output } },
            },
            "beginSteps",
          ],
        },
      },
      always: { guard: "allEnded", target: "settling" },
    },
    settling: {
      description: "The end is recorded.",
      invoke: {
        src: "settle",
        input: ({ context: { id, steps, ended } }) =>
          concludeWorkflow(
            id,
            steps.flatMap((step) => ended[step.id] ?? []),
          ),
        onDone: [
          {
            guard: { type: "wasCancelled", params: ({ event }) => event.output },
            target: "cancelled",
            actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
          },
          {
            guard: { type: "hasFailed", params: ({ event }) => event.output },
            target: "failed",
            actions: { type: "record", params: ({ event }) => ({ result: event.output }) },
          },
          {
            target: "done",
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
