// The effect behind `executing`: runs the code in the sandbox and holds its value against the output schema.
// Invariant: a guest's failure is a value here too; only a sandbox that cannot serve rejects, and a guest that does
// not follow its record. A run that was interrupted is repeated from its record, and no tool that returned is called
// again.
import type { AgentDefinition, PromptAgent } from "../src/core/agent.ts";
import type { HeldCall } from "../src/core/approval.ts";
import type { Suspension, Trial, TrialRequest } from "../src/core/attempt.ts";
import { JournalError } from "../src/core/errors.ts";
import type {
  GatedCall,
  GuestEntropy,
  GuestError,
  GuestLimits,
  RunRecord,
  Sandbox,
} from "../src/core/guest.ts";
import { validate } from "../src/core/schema.ts";
import type { ErrorCategory, TaskFailure } from "../src/core/task.ts";
import type { Assignment } from "./assignment.ts";

const PHASES = { "tool-called": "called", "tool-returned": "returned", "tool-failed": "failed" } as const;

/** How a run is made, and who may hold its calls back. */
export interface TrialOptions {
  readonly assignment: Assignment;
  readonly request: TrialRequest;
  /** Chosen anew for a run that is not recorded yet. */
  readonly chooseEntropy: () => GuestEntropy;
  /** Whether a call must be allowed by a person first. */
  readonly needsApproval: (call: GatedCall) => boolean | Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Runs a task's code, or gives what the journal has of it. */
export async function runTrial(
  agent: PromptAgent,
  sandbox: Sandbox,
  options: TrialOptions,
): Promise<Trial | Suspension> {
  const { assignment, request, signal } = options;
  const { journal, taskId } = assignment;
  const { attempt } = request;
  const finished = journal.find("run-finished", (entry) => entry.attempt === attempt);
  if (finished !== undefined) return finished.trial;
  const runId = `${taskId}-${attempt}`;
  const started = journal.find("run-started", (entry) => entry.attempt === attempt);
  const entropy = started?.entropy ?? options.chooseEntropy();
  if (started === undefined) journal.note({ type: "run-started", attempt, runId, entropy });
  const held: HeldCall[] = [];
  const run = await sandbox.execute(request.code, {
    context: assignment.context,
    tools: agent.tools,
    limits: guestLimits(agent),
    signal,
    entropy,
    runId,
    taskId,
    record: recordOf(runId, held, options),
    onTool: ({ type, tool }) => assignment.tell({ type: "tool", tool, phase: PHASES[type] }),
    onConsole: (entry) => assignment.tell({ type: "console", entry }),
  });
  signal.throwIfAborted();
  if (!run.ok && run.error.failure === "suspended") return { held };
  if (!run.ok && run.error.failure === "diverged") throw new JournalError(run.error.message);
  const evidence = { console: run.console, usage: run.usage, entropy };
  const checked = run.ok
    ? await checkOutput(agent, run.value)
    : { ok: false as const, error: toFailure(run.error) };
  const trial: Trial = checked.ok
    ? { ok: true, output: checked.value, ...evidence }
    : { ok: false, error: checked.error, ...evidence };
  await journal.append({ type: "run-finished", attempt, trial });
  return trial;
}

/** The run's part of the task's journal. */
function recordOf(runId: string, held: HeldCall[], options: TrialOptions): RunRecord {
  const { journal } = options.assignment;
  return {
    entries: journal.entries.flatMap((entry) => {
      const isOfRun = "guestAt" in entry && entry.runId === runId;
      return isOfRun ? [{ ...entry, at: entry.guestAt }] : [];
    }),
    called: async (gated) => {
      const { at: guestAt, ...entry } = gated.entry;
      const { callId, problem } = gated;
      if (!gated.isRecorded) await journal.append({ ...entry, runId, guestAt });
      if (problem !== null || wasAllowed(options.assignment, callId)) return "call";
      if (!(await options.needsApproval(gated))) return "call";
      held.push({ callId, tool: entry.tool, input: entry.input });
      return "hold";
    },
    returned: ({ at: guestAt, ...entry }) => journal.append({ ...entry, runId, guestAt }),
  };
}

function wasAllowed({ journal }: Assignment, callId: string): boolean {
  return journal.entries.some((asked) => {
    if (asked.type !== "approval-asked" || asked.subject.type !== "tools") return false;
    if (!asked.subject.calls.some((call) => call.callId === callId)) return false;
    const { approvalId } = asked;
    return (
      journal.find("approval-answered", (answer) => answer.approvalId === approvalId)?.decision === "approved"
    );
  });
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
