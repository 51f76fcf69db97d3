// One guest run of a task, made again from its record alone: no tool is called, and what comes of it is compared.
// Invariant: what a journal does not hold (the agent's schemas, how fast the machine was) is never held against it: such
// a run is told as not comparable, with the reason.
import { z } from "zod";
import type { Trial } from "../src/core/attempt.ts";
import { equals } from "../src/core/canonical.ts";
import { FettleError } from "../src/core/errors.ts";
import {
  DEFAULT_LIMITS,
  type ExecuteResult,
  type GuestEntropy,
  type GuestError,
  type GuestLimits,
  type RecordedCall,
  type RecordedReturn,
  type Sandbox,
} from "../src/core/guest.ts";
import type { TaskFailure } from "../src/core/task.ts";
import { defineTool, type Tool, type ToolSet } from "../src/core/tool.ts";

/** Something that is recorded otherwise than it came out now. */
export interface Difference {
  /** What it is, such as `value` or `state 3`. */
  readonly what: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

/** What came of making a run again. */
export interface ReplayedRun {
  /** The number of the try, from 1. */
  readonly attempt: number;
  readonly runId: string;
  readonly verdict: "same" | "different" | "incomparable";
  /** What else is to be known: why it is not comparable, or what was not compared; null where nothing is. */
  readonly note: string | null;
  readonly differences: readonly Difference[];
}

/** A run as the journal has it. */
export interface RecordedRun {
  readonly attempt: number;
  readonly runId: string;
  readonly entropy: GuestEntropy;
  readonly code: string;
  readonly context: Readonly<Record<string, unknown>>;
  readonly tools: readonly string[];
  readonly limits: Partial<GuestLimits>;
  readonly calls: readonly (RecordedCall | RecordedReturn)[];
  /** How it ended; null where it was put away or broken off. */
  readonly trial: Trial | null;
}

/** Beyond the time that the run took, in milliseconds: a machine may be busy. */
const SPARE_MS = 20_000;
/** A run that was broken off has as long as this to come to where its record ends, in milliseconds. */
const BROKEN_OFF_MS = 60_000;

/** Makes a run again and compares. */
export async function replayRun(
  run: RecordedRun,
  sandbox: Sandbox,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<ReplayedRun> {
  const { attempt, runId, trial } = run;
  const told = (
    verdict: ReplayedRun["verdict"],
    note: string | null,
    differences: readonly Difference[] = [],
  ) => ({
    attempt,
    runId,
    verdict,
    note,
    differences,
  });
  const reason = trial === null || trial.ok ? null : incomparable(trial.error);
  if (reason !== null) return told("incomparable", reason);
  const waiting = new Set<string>();
  let result: ExecuteResult;
  try {
    result = await execute(run, sandbox, { ...options, waiting });
  } catch (thrown) {
    if (!(thrown instanceof FettleError) || options.signal?.aborted === true) throw thrown;
    return told("different", thrown.message);
  }
  if (!result.ok && result.error.failure === "diverged") {
    return told("different", result.error.message);
  }
  const stuck = waiting.size > 0 && trial !== null && !result.ok && result.error.limit === "timeoutMs";
  if (stuck) {
    return told("different", `It waits for ${[...waiting].join(", ")}, of which the record has no return.`);
  }
  if (trial === null) {
    const unexpected = result.ok || result.error.failure === "suspended" ? null : unrecorded(result.error);
    if (unexpected !== null) return told("incomparable", unexpected);
    return told("same", "It was not ended; it follows its record as far as that goes.");
  }
  const limit =
    result.ok || (!trial.ok && trial.error.name === result.error.name) ? null : unrecorded(result.error);
  if (limit !== null) return told("incomparable", limit);
  return compare(trial, result, told);
}

type Tell = (
  verdict: ReplayedRun["verdict"],
  note: string | null,
  differences?: readonly Difference[],
) => ReplayedRun;

function compare(trial: Trial, result: ExecuteResult, told: Tell): ReplayedRun {
  const differences: Difference[] = [];
  const check = (what: string, recorded: unknown, replayed: unknown) => {
    if (!equals(recorded, replayed)) differences.push({ what, recorded, replayed });
  };
  check("console", linesOf(trial.console), linesOf(result.console));
  const refused = !trial.ok && trial.error.name === "OutputError" && result.ok;
  if (refused) {
    const note =
      "Its value did not fit the agent's schema then; the schema is not in the journal and was not asked.";
    return told(differences.length > 0 ? "different" : "same", note, differences);
  }
  check("ok", trial.ok, result.ok);
  let note: string | null = null;
  if (trial.ok && result.ok && !equals(trial.output, result.value)) {
    if (differences.length === 0 && isWithin(trial.output, result.value)) {
      note =
        "The code gave more than what is recorded: the agent's output schema, which is not in the journal, may have left it out.";
      return told("incomparable", note);
    }
    check("value", trial.output, result.value);
    note = "An output schema that changes values is not in the journal; it may explain another value.";
  }
  if (!trial.ok && !result.ok) check("error", errorOf(trial.error), errorOf(result.error));
  if (!trial.ok && result.ok)
    differences.push({ what: "error", recorded: errorOf(trial.error), replayed: null });
  if (trial.ok && !result.ok)
    differences.push({ what: "error", recorded: null, replayed: errorOf(result.error) });
  return told(differences.length > 0 ? "different" : "same", note, differences);
}

async function execute(
  { trial, calls, runId, entropy, code, context, ...run }: RecordedRun,
  sandbox: Sandbox,
  options: {
    readonly signal?: AbortSignal | undefined;
    /** The calls that the guest waits for without a recorded return. */
    readonly waiting: Set<string>;
  },
): Promise<ExecuteResult> {
  const took = trial?.usage?.wallMs;
  const timeoutMs = took === undefined ? BROKEN_OFF_MS : Math.ceil(2 * took) + SPARE_MS;
  return sandbox.execute(code, {
    context,
    tools: toolsNamed(run.tools),
    limits: { ...run.limits, timeoutMs: Math.min(timeoutMs, DEFAULT_LIMITS.timeoutMs) },
    signal: options.signal,
    entropy,
    runId,
    record: {
      entries: calls,
      called: async ({ callId, entry }) => {
        if (trial === null) return "hold";
        options.waiting.add(`${entry.tool}() (${callId})`);
        // No tool is ever called: the guest does what it did while it waited.
        return new Promise<never>(() => undefined);
      },
      returned: async () => undefined,
    },
  });
}

/** Tools of these names; none is ever called. */
function toolsNamed(names: readonly string[]): ToolSet {
  const set: Record<string, Tool | Record<string, Tool>> = {};
  for (const name of names) {
    const tool = defineTool({
      description: `Recorded as ${name}.`,
      input: z.unknown(),
      execute: () => new Promise<never>(() => undefined),
    }) as Tool;
    const [group = "", member] = name.split(".");
    if (member === undefined) set[group] = tool;
    else set[group] = { ...(set[group] as Record<string, Tool> | undefined), [member]: tool };
  }
  return set;
}

/** Why a recorded end depends on more than the record; null where it does not. */
function incomparable({ category, message }: TaskFailure): string | null {
  if (category === "timeout") return "It ended because its time was over, which is not recorded.";
  if (category === "sandbox") return `It ended with its isolate, through no fault of its own: ${message}`;
  if (category === "cancelled") return "It was cancelled from outside.";
  const isOfTime = category === "limit" && /limits\.cpuMs\b/.test(message);
  return isOfTime ? "It was stopped for the time it computed, which is not recorded." : null;
}

/** An end of the repeated run that says nothing about the record; null for any other. */
function unrecorded({ failure, limit, message }: GuestError): string | null {
  if (failure === "crash" || failure === "cancelled") return `It could not be repeated: ${message}`;
  if (failure !== "limit") return null;
  return `It hit the limit ${limit ?? ""} now, which the record does not have: ${message}`;
}

/** Whether one value is the other with some keys of its objects left out. */
function isWithin(part: unknown, whole: unknown): boolean {
  if (equals(part, whole)) return true;
  if (typeof part !== "object" || typeof whole !== "object" || part === null || whole === null) return false;
  if (Array.isArray(part) || Array.isArray(whole)) {
    if (!Array.isArray(part) || !Array.isArray(whole) || part.length !== whole.length) return false;
    return part.every((one, at) => isWithin(one, whole[at]));
  }
  if (Object.getPrototypeOf(part) !== Object.getPrototypeOf(whole)) return false;
  const values = whole as Readonly<Record<string, unknown>>;
  const entries = Object.entries(part);
  return (
    entries.length > 0 &&
    entries.every(([key, one]) => Object.hasOwn(values, key) && isWithin(one, values[key]))
  );
}

function linesOf(console: ExecuteResult["console"]): readonly string[] {
  return console.map(({ level, text }) => `${level}: ${text}`);
}

function errorOf({ name, message, line, column }: TaskFailure | GuestError) {
  return { name, message, line: line ?? null, column: column ?? null };
}
