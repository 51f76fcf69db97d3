// The charts that Fettle is made of, by name, with what each is.
// Invariant: each chart of machines/ is here.
import type { AnyStateMachine } from "xstate";
import { agentMachine } from "../../../machines/agent-machine.ts";
import { itemMachine } from "../../../machines/item-machine.ts";
import { stepMachine } from "../../../machines/step-machine.ts";
import { taskMachine } from "../../../machines/task-machine.ts";
import { workflowMachine } from "../../../machines/workflow-machine.ts";

/** One of Fettle's own charts. */
export interface OwnChart {
  /** The id of its machine. */
  readonly name: string;
  /** What it is the chart of, in one sentence. */
  readonly about: string;
  readonly machine: AnyStateMachine;
}

/** All of them, from the outermost inwards. */
export const OWN_CHARTS: readonly OwnChart[] = [
  {
    name: "agent",
    about:
      "One actor: prepares itself, serves its mailbox, pauses, drains, stops, and starts again after a crash.",
    machine: agentMachine,
  },
  {
    name: "task",
    about: "One task: the model writes code, the sandbox runs it, errors go back until it works.",
    machine: taskMachine,
  },
  {
    name: "workflow",
    about: "One workflow: begins each step as soon as all that it depends on has ended.",
    machine: workflowMachine,
  },
  {
    name: "step",
    about: "One step of a workflow: decides whether it runs, lists its items, works through them.",
    machine: stepMachine,
  },
  {
    name: "item",
    about: "One item of a step: tries its task, and tries it again where it failed and may be.",
    machine: itemMachine,
  },
];
