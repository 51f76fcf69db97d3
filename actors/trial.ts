// The effect behind `executing`: runs the code in the sandbox and holds its value against the output schema.
// Invariant: a guest's failure is a value here too; only a sandbox that cannot serve rejects, and a guest that does
// not follow its record. A run that was interrupted is repeated from its record, and no tool that returned is called
// again.
import type { PromptAgent } from "../src/core/agent.ts";
import type { HeldCall } from "../src/core/approval.ts";
import type { Suspension, Trial, TrialRequest } from "../src/core/attempt.ts";
import { decode } from "../src/core/codec.ts";
import type { Clock } from "../src/core/clock.ts";
import { BudgetError, JournalError } from "../src/core/errors.ts";
import { checkFindings, outputSchemaOf } from "../src/core/finding.ts";
import { DEFAULT_LIMITS } from "../src/core/guest.ts";
import type {
  GatedCall,
  GuestEntropy,
  GuestError,
  GuestLimits,
  RunRecord,
  Sandbox,
} from "../src/core/guest.ts";
import type { JournalEntry } from "../src/core/journal.ts";
import { withMemory } from "../src/core/memory-tools.ts";
import { profileOf, type Profile } from "../src/core/profile.ts";
import { formOf } from "../src/core/prompt.ts";
import { checkProse } from "../src/core/prose.ts";
import { validate, type Schema } from "../src/core/schema.ts";
import type { ErrorCategory, TaskFailure } from "../src/core/task.ts";
import { noTaskTelemetry, type TaskTelemetry } from "../src/core/telemetry.ts";
import { flattenTools, mapTools, type ToolCallInfo, type ToolSet } from "../src/core/tool.ts";
import type { Journal } from "../src/journal.ts";
import { askedBefore, stopAsBefore } from "./asked-before.ts";
import type { Assignment } from "./assignment.ts";

const PHASES = { "tool-called": "called", "tool-returned": "returned", "tool-failed": "failed" } as const;

/** How a run is made, and who may hold its calls back. */
export interface TrialOptions {
  readonly assignment: Assignment;
  readonly request: TrialRequest;
  /** Chosen anew for a run that is not recorded yet. */
  readonly chooseEntropy: () => GuestEntropy;
  readonly clock: Clock;
  /** Whether a call must be allowed by a person first. */
  readonly needsApproval: (call: GatedCall) => boolean | Promise<boolean>;
  readonly signal: AbortSignal;
}

/** Runs a task's code, or looks at its prose, or gives what the journal has of it. */
export async function runTrial(
  agent: PromptAgent,
  sandbox: () => Sandbox,
  options: TrialOptions,
): Promise<Trial | Suspension> {
  const { journal } = options.assignment;
  const { attempt, profile: name } = options.request;
  const isEnd = (entry: JournalEntry) => entry.type === "run-finished" && entry.attempt === attempt;
  stopAsBefore(journal.entries, options.request, isEnd);
  const asked = askedBefore(journal.entries, options.request, isEnd);
  if (asked?.type === "tools") return { held: asked.calls };
  const finished = journal.find("run-finished", (entry) => entry.attempt === attempt);
  if (finished !== undefined) {
    journal.telemetry.heard(finished, "replayed");
    return finished.trial;
  }
  const profile = profileOf(name);
  const trial =
    profile.draft === "prose"
      ? await readProse(agent, profile, options.request.code)
      : await runCode(agent, sandbox(), options);
  if ("held" in trial) return trial;
  await journal.append({ type: "run-finished", attempt, trial });
  return trial;
}

/** Prose is its own output: nothing runs, and its form and the agent's schema are looked at. */
async function readProse(agent: PromptAgent, profile: Profile, text: string): Promise<Trial> {
  const read = checkProse(text, formOf(agent));
  const evidence = { console: [], usage: null, entropy: null };
  if (!read.ok) return { ok: false, error: outputError(read.problem), ...evidence };
  const checked = await checkOutput(outputSchemaOf(agent, profile), read.value);
  return checked.ok
    ? { ok: true, output: checked.value, ...evidence }
    : { ok: false, error: checked.error, ...evidence };
}

async function runCode(
  agent: PromptAgent,
  sandbox: Sandbox,
  options: TrialOptions,
): Promise<Trial | Suspension> {
  const { assignment, request, clock, signal } = options;
  const { journal, spending, taskId } = assignment;
  const { attempt } = request;
  const profile = profileOf(request.profile);
  const runId = `${taskId}-${attempt}`;
  const started = journal.find("run-started", (entry) => entry.attempt === attempt);
  const entropy = started?.entropy ?? options.chooseEntropy();
  const limits = guestLimits(agent);
  if (started === undefined) {
    const tools = [...flattenTools(agent.tools).keys()];
    journal.note({ type: "run-started", attempt, runId, entropy, tools, limits });
  }
  const held: Held = { calls: [], stopped: null };
  const record = recordOf(runId, held, options);
  // A process that died between a return and its settlement left it to this one.
  for (const entry of record.entries) {
    if (entry.type === "tool-returned") await spending.settleTool(budgetCall(options, entry.call));
  }
  const { telemetry } = journal;
  if (started !== undefined) tellRepeated(journal, runId);
  const timeoutMs = limits.timeoutMs ?? DEFAULT_LIMITS.timeoutMs;
  // A run that is repeated after an approval takes its time anew.
  const booking = `run-${request.approvals}-${attempt}`;
  const granted = await spending.reserveRun(booking, { timeoutMs, signal });
  const startedAt = clock.now();
  const execution = telemetry.within({ type: "run", attempt }, () =>
    sandbox.execute(request.code, {
      context: assignment.context,
      tools: withinCalls(withMemory(agent.tools, assignment.memory), telemetry),
      limits: granted < timeoutMs ? { ...limits, timeoutMs: granted } : limits,
      signal,
      entropy,
      runId,
      taskId,
      record,
      onTool: ({ type, tool }) => assignment.tell({ type: "tool", tool, phase: PHASES[type] }),
      onConsole: (entry) => assignment.tell({ type: "console", entry }),
    }),
  );
  const run = await execution.catch(async (thrown: unknown) => {
    if (!signal.aborted) await spending.settleRun(booking, clock.now() - startedAt);
    throw thrown;
  });
  const isOverdue = !run.ok && run.error.failure === "limit" && run.error.limit === "timeoutMs";
  const outOfTime = isOverdue ? spending.outOfTime(booking) : null;
  if (outOfTime !== null) throw outOfTime;
  await spending.settleRun(booking, run.usage.wallMs);
  signal.throwIfAborted();
  if (!run.ok && run.error.failure === "suspended") {
    if (held.stopped !== null) throw held.stopped;
    return { held: held.calls };
  }
  if (!run.ok && run.error.failure === "diverged") throw new JournalError(run.error.message);
  const evidence = { console: run.console, usage: run.usage, entropy };
  const checked = run.ok
    ? await checkRun(agent, profile, run.value, returnsOf(journal))
    : { ok: false as const, error: toFailure(run.error) };
  return checked.ok
    ? { ok: true, output: checked.value, ...evidence }
    : { ok: false, error: checked.error, ...evidence };
}

/** What was recorded of a run that is made again is not done again. */
function tellRepeated({ entries, telemetry }: Journal, runId: string): void {
  for (const entry of entries) {
    if ("guestAt" in entry && entry.runId === runId) telemetry.heard(entry, "replayed");
  }
}

/** The same tools, each call of which is measured as a part of the task. */
function withinCalls(tools: ToolSet, telemetry: TaskTelemetry): ToolSet {
  if (telemetry === noTaskTelemetry) return tools;
  return mapTools(tools, (tool) =>
    Object.freeze({
      ...tool,
      execute: (input: never, info: ToolCallInfo) =>
        telemetry.within({ type: "tool", callId: info.callId }, () => tool.execute(input, info)),
    }),
  );
}

/** What tools returned in all tries of a task: mended code may hold what an earlier try was told. */
export function returnsOf(journal: Journal): readonly unknown[] {
  return journal.entries.flatMap((entry) =>
    entry.type === "tool-returned" && entry.ok ? [decode(entry.text)] : [],
  );
}

async function checkRun(
  agent: PromptAgent,
  profile: Profile,
  value: unknown,
  returns: readonly unknown[],
): ReturnType<typeof checkOutput> {
  const checked = await checkOutput(outputSchemaOf(agent, profile), value);
  if (!checked.ok || profile.name !== "researcher") return checked;
  const sourced = checkFindings(checked.value, returns);
  return sourced.ok ? sourced : { ok: false, error: outputError(sourced.problem) };
}

/** What was held back of a run: calls that a person must allow, and the budget that another would have gone over. */
interface Held {
  readonly calls: HeldCall[];
  stopped: BudgetError | null;
}

/** The run's part of the task's journal. */
function recordOf(runId: string, held: Held, options: TrialOptions): RunRecord {
  const { journal, spending } = options.assignment;
  return {
    entries: journal.entries.flatMap((entry) => {
      const isOfRun = "guestAt" in entry && entry.runId === runId;
      return isOfRun ? [{ ...entry, at: entry.guestAt }] : [];
    }),
    called: async (gated) => {
      const { at: guestAt, ...entry } = gated.entry;
      const { callId, problem } = gated;
      if (!gated.isRecorded) await journal.append({ ...entry, runId, guestAt });
      if (problem !== null) return "call";
      if (!wasAllowed(options.assignment, callId) && (await options.needsApproval(gated))) {
        held.calls.push({ callId, tool: entry.tool, input: entry.input });
        return "hold";
      }
      try {
        await spending.reserveTool(budgetCall(options, entry.call));
      } catch (thrown) {
        if (!(thrown instanceof BudgetError)) throw thrown;
        // Calls that are under way may end, and are recorded: then the run is put away.
        held.stopped ??= thrown;
        return "hold";
      }
      await journal.sure();
      return "call";
    },
    returned: async ({ at: guestAt, ...entry }) => {
      await journal.append({ ...entry, runId, guestAt });
      await spending.settleTool(budgetCall(options, entry.call));
    },
  };
}

/** A tool call by its place in the task. */
function budgetCall({ request }: TrialOptions, call: number): string {
  return `tool-${request.attempt}-${call}`;
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

/** Holds an output against a schema, if there is one. */
export async function checkOutput(
  schema: Schema | undefined,
  value: unknown,
): Promise<{ ok: true; value: unknown } | { ok: false; error: TaskFailure }> {
  if (schema === undefined) return { ok: true, value };
  const checked = await validate(schema, value);
  if (checked.ok) return checked;
  return { ok: false, error: outputError(`The result does not fit the output schema:\n${checked.problem}`) };
}

function outputError(message: string): TaskFailure {
  return { name: "OutputError", message, category: "output" };
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
