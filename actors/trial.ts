// The effect behind `executing`: runs the code in the sandbox and holds its value against the output schema.
// Invariant: a guest's failure is a value here too; only a sandbox that cannot serve rejects.
import type { AgentDefinition, PromptAgent } from "../src/core/agent.ts";
import type { Trial, TrialRequest } from "../src/core/attempt.ts";
import type { GuestError, GuestLimits, Sandbox } from "../src/core/guest.ts";
import { validate } from "../src/core/schema.ts";
import type { ErrorCategory, TaskFailure } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";

const PHASES = { "tool-called": "called", "tool-returned": "returned", "tool-failed": "failed" } as const;

/** Runs a task's code once. */
export async function runTrial(
  agent: PromptAgent,
  sandbox: Sandbox,
  options: {
    readonly assignment: Assignment;
    readonly request: TrialRequest;
    readonly entropy: { readonly seed: number; readonly startedAt: number };
    readonly signal: AbortSignal;
  },
): Promise<Trial> {
  const { assignment, request, entropy, signal } = options;
  const run = await sandbox.execute(request.code, {
    context: assignment.context,
    tools: agent.tools,
    limits: guestLimits(agent),
    signal,
    entropy,
    runId: `${request.taskId}-${request.attempt}`,
    taskId: request.taskId,
    onTool: ({ type, tool }) => assignment.tell({ type: "tool", tool, phase: PHASES[type] }),
    onConsole: (entry) => assignment.tell({ type: "console", entry }),
  });
  const evidence = { console: run.console, usage: run.usage, entropy };
  if (!run.ok) return { ok: false, error: toFailure(run.error), ...evidence };
  const checked = await checkOutput(agent, run.value);
  return checked.ok
    ? { ok: true, output: checked.value, ...evidence }
    : { ok: false, error: checked.error, ...evidence };
}

/** Holds an output against the agent's schema, if it has one. */
export async function checkOutput(
  agent: AgentDefinition,
  value: unknown,
): Promise<{ ok: true; value: unknown } | { ok: false; error: TaskFailure }> {
  if (agent.output === undefined) return { ok: true, value };
  const checked = await validate(agent.output, value);
  if (checked.ok) return checked;
  const message = `The result does not fit the output schema:\n${checked.problem}`;
  return { ok: false, error: { name: "OutputError", message, category: "output" } };
}

function guestLimits(agent: PromptAgent): Partial<GuestLimits> {
  const { taskMs: _, ...limits } = agent.limits;
  return limits;
}

function toFailure(error: GuestError): TaskFailure {
  return {
    name: error.name,
    message: error.message,
    category: categoryOf(error),
    ...(error.line === undefined ? {} : { line: error.line }),
    ...(error.column === undefined ? {} : { column: error.column }),
  };
}

function categoryOf(error: GuestError): ErrorCategory {
  switch (error.failure) {
    case "limit":
      return error.limit === "timeoutMs" ? "timeout" : "limit";
    case "crash":
      return "sandbox";
    case "unencodable":
      return "output";
    case "diverged":
    case "suspended":
      return "internal";
    default:
      return error.failure;
  }
}
