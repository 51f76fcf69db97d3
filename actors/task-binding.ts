// Binds the slots of the task chart for one actor: each effect to the function that has it.
import { fromPromise } from "xstate";
import { taskMachine } from "../machines/task-machine.ts";
import type { AgentDefinition } from "../src/core/agent.ts";
import type { DraftRequest, TrialRequest } from "../src/core/attempt.ts";
import { FettleError } from "../src/core/errors.ts";
import type { ActorContext } from "../src/core/handler.ts";
import { systemPrompt } from "../src/core/prompt.ts";
import type { Assignment } from "./assignment.ts";
import { writeDraft } from "./draft.ts";
import { handleTask } from "./handling.ts";
import type { ActorParts } from "./parts.ts";
import { settleTask } from "./settlement.ts";
import { runTrial } from "./trial.ts";

/** What the effects need to know of their actor. */
export interface TaskBinding {
  readonly address: string;
  readonly assignmentOf: (taskId: string) => Assignment;
  readonly context: (signal: AbortSignal) => ActorContext;
}

/** The task chart with its effects. */
export function bindTask(
  agent: AgentDefinition,
  parts: ActorParts,
  { address, assignmentOf, context }: TaskBinding,
): typeof taskMachine {
  const timeoutMs = agent.limits.taskMs ?? parts.defaults.taskMs;
  const system = agent.kind === "prompt" ? systemPrompt(agent) : "";
  return taskMachine.provide({
    actors: {
      admit: fromPromise(async ({ input, signal }) => {
        const assignment = assignmentOf(input.taskId);
        const release = await parts.admission.acquire(address, signal);
        // Cancelled in the very moment it was admitted: nobody else would give the place back.
        if (signal.aborted) release();
        else assignment.release = release;
        return null;
      }),
      draft: effect(async ({ input, signal }: Effect<DraftRequest>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "write code");
        const assignment = assignmentOf(input.taskId);
        return writeDraft(agent, parts.model, { assignment, system, request: input, signal, timeoutMs });
      }),
      trial: effect(async ({ input, signal }: Effect<TrialRequest>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "run code");
        const assignment = assignmentOf(input.taskId);
        const entropy = { seed: parts.nextSeed(), startedAt: parts.clock.now() };
        return runTrial(agent, parts.sandbox(), { assignment, request: input, entropy, signal });
      }),
      handle: effect(async ({ input, signal }: Effect<{ readonly taskId: string }>) => {
        if (agent.kind !== "custom") throw misrouted(agent, "handle tasks itself");
        return handleTask(agent, assignmentOf(input.taskId), context(signal));
      }),
      settle: fromPromise(async ({ input }) =>
        settleTask(agent, parts, { assignment: assignmentOf(input.taskId), outcome: input }),
      ),
    },
    actions: {
      release: ({ context: { taskId } }) => assignmentOf(taskId).release?.(),
    },
  });
}

interface Effect<Input> {
  readonly input: Input;
  readonly signal: AbortSignal;
}

/** An effect that begins after the listeners have heard of its state, so that they hear things in order. */
function effect<Output, Input>(run: (options: Effect<Input>) => Promise<Output>) {
  return fromPromise<Output, Input>(async (options) => {
    await Promise.resolve();
    return run(options);
  });
}

function misrouted(agent: AgentDefinition, what: string): FettleError {
  return new FettleError("TASK_INVALID", `The ${agent.kind} agent "${agent.role}" cannot ${what}.`);
}
