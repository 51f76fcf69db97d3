// The chart of one actor: prepares itself, serves its mailbox, counts the tasks that run beside it, pauses, drains,
// stops; and its supervision: after a crash it starts again with back-off, at most so often within a window.
// Invariant: a task that was accepted is run to its end or cancelled; a crash of the mail handler touches neither
// the tasks that run nor the messages that wait.
import { assign, setup, type ActorRefFrom } from "xstate";
import { backoffOf, mayRestart, recentCrashes, type Supervision } from "../src/core/supervision.ts";
import { actionSlot, slot, unboundAction } from "./slot.ts";

/** What an actor's chart starts from. */
export interface AgentMachineInput {
  readonly address: string;
  readonly supervision: Supervision;
}

/** A handler or a setup that threw. */
export interface Crash {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly message: string;
}

/** Events that an actor's chart takes from outside. */
export type AgentMachineEvent =
  /** A task's chart was started for it, and has come to its end. */
  | { readonly type: "taskStarted" }
  | { readonly type: "taskEnded" }
  | { readonly type: "pause" }
  | { readonly type: "resume" }
  /** Takes no more work, ends what it has, then stops. */
  | { readonly type: "drain" }
  /** Cancels what runs, then stops. */
  | { readonly type: "stop"; readonly reason?: string };

/** What an actor's chart knows at any moment. */
export interface AgentMachineContext extends AgentMachineInput {
  /** How many tasks are queued or running. */
  readonly tasks: number;
  /** What it was last told to do; a restart goes on with it. */
  readonly wish: "run" | "pause" | "drain";
  /** When it crashed, within the window. */
  readonly crashes: readonly number[];
  readonly restarts: number;
  readonly lastCrash: Crash | null;
}

/** A running actor's chart. */
export type AgentActorRef = ActorRefFrom<typeof agentMachine>;

/** The actor's chart; its effects are the actors `prepare` and `serve`. */
export const agentMachine = setup({
  types: {
    input: {} as AgentMachineInput,
    context: {} as AgentMachineContext,
    events: {} as AgentMachineEvent,
  },
  actors: {
    /** Runs the agent's `setup`; gives the crash where it throws. */
    prepare: slot<Crash | null, { readonly address: string }>("prepare"),
    /** Takes messages from the mailbox, one by one; gives null when the intake is closed and all are handled. */
    serve: slot<Crash | null, { readonly address: string }>("serve"),
  },
  actions: {
    /** Keeps messages and tasks where they wait. */
    hold: unboundAction,
    /** Lets them flow again. */
    unhold: unboundAction,
    /** Refuses new messages; those that wait are still handled. */
    closeIntake: unboundAction,
    /** Tells of a crash that is answered by a restart. */
    reportCrash: unboundAction,
    /** Tells that the actor crashed too often and stays stopped. */
    announceEnd: unboundAction,
    recordCrash: assign(({ context }, crash: Crash | null) => {
      if (crash === null) return {};
      return { lastCrash: crash, crashes: recentCrashes(context.crashes, crash.at, context.supervision) };
    }),
    countRestart: assign({ restarts: ({ context }) => context.restarts + 1 }),
    wish: assign((_, wish: AgentMachineContext["wish"]) => ({ wish })),
    addTask: assign({ tasks: ({ context }) => context.tasks + 1 }),
    dropTask: assign({ tasks: ({ context }) => context.tasks - 1 }),
    /** Cancels each task that is queued or running. */
    cancelTasks: actionSlot<string | undefined>(),
  },
  guards: {
    isIdle: ({ context }) => context.tasks === 0,
    crashed: (_, crash: Crash | null) => crash !== null,
    mayRestart: ({ context }) => mayRestart(context.crashes, context.supervision),
    wantsPause: ({ context }) => context.wish === "pause",
    wantsRun: ({ context }) => context.wish === "run",
    wantsDrain: ({ context }) => context.wish === "drain",
  },
  delays: {
    backoff: ({ context }) => backoffOf(context.crashes, context.supervision),
  },
}).createMachine({
  id: "agent",
  context: ({ input }) => ({
    ...input,
    tasks: 0,
    wish: "run",
    crashes: [],
    restarts: 0,
    lastCrash: null,
  }),
  initial: "preparing",
  on: {
    taskStarted: { actions: "addTask" },
    taskEnded: { actions: "dropTask" },
    pause: { actions: { type: "wish", params: "pause" } },
    resume: { actions: { type: "wish", params: "run" } },
    drain: { actions: [{ type: "wish", params: "drain" }, "closeIntake"] },
    stop: {
      target: ".stopping",
      actions: { type: "cancelTasks", params: ({ event }) => event.reason },
    },
  },
  states: {
    preparing: {
      description: "Runs the agent's setup; mail and tasks wait.",
      entry: "hold",
      invoke: {
        src: "prepare",
        input: ({ context }) => ({ address: context.address }),
        onDone: [
          {
            guard: { type: "crashed", params: ({ event }) => event.output },
            target: "crashed",
            actions: { type: "recordCrash", params: ({ event }) => event.output },
          },
          { target: "serving" },
        ],
      },
    },
    serving: {
      invoke: {
        src: "serve",
        input: ({ context }) => ({ address: context.address }),
        onDone: [
          {
            guard: { type: "crashed", params: ({ event }) => event.output },
            target: "crashed",
            actions: { type: "recordCrash", params: ({ event }) => event.output },
          },
          { target: "finishing" },
        ],
      },
      initial: "accepting",
      states: {
        accepting: {
          description: "Handles mail; tasks start.",
          entry: "unhold",
          always: [
            { guard: "wantsPause", target: "paused" },
            { guard: "wantsDrain", target: "draining" },
          ],
        },
        paused: {
          description: "Takes mail and tasks in but starts none.",
          entry: "hold",
          always: [
            { guard: "wantsRun", target: "accepting" },
            { guard: "wantsDrain", target: "draining" },
          ],
        },
        draining: {
          description: "Takes nothing more; handles what waits.",
          entry: "unhold",
        },
      },
    },
    crashed: {
      description: "A handler or the setup threw: start again, or give up.",
      entry: "hold",
      always: [
        { guard: "mayRestart", target: "backingOff", actions: "reportCrash" },
        {
          target: "stopping",
          actions: [
            "announceEnd",
            "closeIntake",
            {
              type: "cancelTasks",
              params: ({ context }) => `The actor "${context.address}" stopped: it crashed too often.`,
            },
          ],
        },
      ],
    },
    backingOff: {
      description: "Waits before it starts again, longer each time.",
      after: { backoff: { target: "preparing", actions: "countRestart" } },
    },
    finishing: {
      description: "All mail is handled; the last tasks end.",
      always: { guard: "isIdle", target: "stopped" },
    },
    stopping: {
      description: "What ran was cancelled; each task stores its end.",
      entry: "closeIntake",
      always: { guard: "isIdle", target: "stopped" },
    },
    stopped: { type: "final" },
  },
});
