// Binds the slots of the task chart for one actor: each effect to the function that has it.
// Invariant: an effect that meets the news that another process has the task neither fails nor ends: the task is left.
import { fromPromise } from "xstate";
import { taskMachine } from "../machines/task-machine.ts";
import type { AgentDefinition, PromptAgent } from "../src/core/agent.ts";
import type { ApprovalRequest } from "../src/core/approval.ts";
import type { DraftRequest, Moment, Outcome, TrialRequest } from "../src/core/attempt.ts";
import { FettleError, OwnershipError } from "../src/core/errors.ts";
import type { GatedCall } from "../src/core/guest.ts";
import type { ActorContext } from "../src/core/handler.ts";
import type { Profile } from "../src/core/profile.ts";
import { systemPrompt } from "../src/core/prompt.ts";
import { flattenTools } from "../src/core/tool.ts";
import { awaitApproval } from "./approving.ts";
import type { Assignment } from "./assignment.ts";
import { writeDraft } from "./draft.ts";
import { isStopped, outcomeOf } from "./ending.ts";
import { handleTask } from "./handling.ts";
import { taskMsOf, type ActorParts } from "./parts.ts";
import { recallFunction, routeTask } from "./routing.ts";
import { settleTask } from "./settlement.ts";
import { runTrial } from "./trial.ts";
import { workedMs } from "./worked-time.ts";

/** What the effects need to know of their actor. */
export interface TaskBinding {
  readonly address: string;
  readonly assignmentOf: (taskId: string) => Assignment;
  readonly context: (signal: AbortSignal, assignment: Assignment) => ActorContext;
}

/** The task chart with its effects. */
export function bindTask(
  agent: AgentDefinition,
  parts: ActorParts,
  { address, assignmentOf, context }: TaskBinding,
): typeof taskMachine {
  const timeoutMs = taskMsOf(agent, parts);
  const systems = new Map<string, string>();
  const systemOf = (prompt: PromptAgent) => (profile: Profile) => {
    const system = systems.get(profile.name) ?? systemPrompt(prompt, profile);
    systems.set(profile.name, system);
    return system;
  };
  const needsApproval = agent.kind === "prompt" ? gateOf(agent) : () => false;
  const effect = effectsOf(assignmentOf);
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
      route: effect(async ({ input: { approvals }, assignment, signal }: Effect<Moment>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "choose a profile");
        return routeTask(agent, parts, { assignment, approvals, signal, timeoutMs });
      }),
      recall: effect(async ({ input, assignment }: Effect<{ taskId: string; profile: string | null }>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "use proven code");
        return recallFunction(agent, parts, { assignment, profile: input.profile });
      }),
      draft: effect(async ({ input, assignment, signal }: Effect<DraftRequest>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "write code");
        const system = systemOf(agent);
        return writeDraft(agent, parts, { assignment, system, request: input, signal, timeoutMs });
      }),
      trial: effect(async ({ input, assignment, signal }: Effect<TrialRequest>) => {
        if (agent.kind !== "prompt") throw misrouted(agent, "run code");
        const chooseEntropy = () => ({ seed: parts.nextSeed(), startedAt: parts.clock.now() });
        const { clock } = parts;
        const options = { assignment, request: input, chooseEntropy, needsApproval, clock, signal };
        return runTrial(agent, parts.sandbox, options);
      }),
      handle: effect(async ({ assignment, signal }: Effect<{ readonly taskId: string }>) => {
        if (agent.kind !== "custom") throw misrouted(agent, "handle tasks itself");
        return handleTask(agent, assignment, context(signal, assignment));
      }),
      approve: effect(async ({ input, assignment, signal }: Effect<ApprovalRequest>) =>
        awaitApproval(agent, parts, { assignment, request: input, signal }),
      ),
      // Only the news that another process has the task ends it without a result: nothing else interrupts it.
      settle: fromPromise(async ({ input }: { readonly input: Outcome }) => {
        await Promise.resolve();
        try {
          const assignment = assignmentOf(input.taskId);
          const outcome = isStopped(input) ? await outcomeOf(assignment.journal, input) : input;
          return await settleTask(agent, parts, { assignment, outcome });
        } catch (thrown) {
          if (thrown instanceof OwnershipError) return null;
          throw thrown;
        }
      }),
    },
    actions: {
      release: ({ context: { taskId } }) => {
        const assignment = assignmentOf(taskId);
        assignment.release?.();
        assignment.release = null;
      },
      note: ({ context: { taskId } }, entry) => assignmentOf(taskId).journal.note(entry),
    },
    delays: {
      // Anew whenever it gets a place: after an approval and in the next process there is only what is left.
      deadline: ({ context: { taskId, deadlineMs } }) =>
        Math.max(0, deadlineMs - workedMs(assignmentOf(taskId).journal.entries)),
    },
  });
}

interface Effect<Input> {
  readonly input: Input;
  readonly assignment: Assignment;
  readonly signal: AbortSignal;
}

/** Makes effects that begin after the listeners have heard of their state, so that they hear things in order. */
function effectsOf(assignmentOf: TaskBinding["assignmentOf"]) {
  return <Output, Input extends { readonly taskId: string }>(
    run: (options: Effect<Input>) => Promise<Output>,
  ) =>
    fromPromise<Output, Input>(async ({ input, signal }) => {
      await Promise.resolve();
      const assignment = assignmentOf(input.taskId);
      try {
        return await run({ input, assignment, signal });
      } catch (thrown) {
        if (!(thrown instanceof OwnershipError)) throw thrown;
        assignment.leave();
        return new Promise<never>(() => undefined);
      }
    });
}

/** Which tool calls a person must allow: all of an agent that says so, and those of tools that ask for it. */
function gateOf(agent: PromptAgent): (call: GatedCall) => boolean | Promise<boolean> {
  const tools = flattenTools(agent.tools);
  return ({ entry, value }) =>
    agent.approval === "tools" || (tools.get(entry.tool)?.needsApproval(value) ?? false);
}

function misrouted(agent: AgentDefinition, what: string): FettleError {
  return new FettleError("TASK_INVALID", `The ${agent.kind} agent "${agent.role}" cannot ${what}.`);
}
