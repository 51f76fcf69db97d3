// A task done again from its journal alone, with no model and no tools, and every state, run and outcome compared.
// Invariant: nothing outside is touched; where something differs, either the journal was changed or what it was made
// with (the chart, the sandbox) does not do now what it did then.
import { equals } from "../src/core/canonical.ts";
import { JournalError } from "../src/core/errors.ts";
import type { Sandbox } from "../src/core/guest.ts";
import type { JournalEntry, JournalEntryOf } from "../src/core/journal.ts";
import { profileOf } from "../src/core/profile.ts";
import type { Attempt, TaskResult } from "../src/core/task.ts";
import { claimsInVain, MAX_CLAIMS } from "./claims.ts";
import { withCompressions } from "./compressing.ts";
import { rebuildTask, type RebuiltTask } from "./rebuild.ts";
import { replayRun, type Difference, type RecordedRun, type ReplayedRun } from "./replay-run.ts";

/** A state that the chart came to, as recorded and now; null where one of the two has none. */
export interface ReplayedState {
  readonly recorded: string | null;
  readonly replayed: string | null;
  readonly same: boolean;
}

/** What came of doing a task again from its journal. */
export interface Replay {
  readonly taskId: string;
  readonly verdict: "same" | "different";
  /** How far the journal goes: to the task's end, or to where it is now. */
  readonly isEnded: boolean;
  readonly states: readonly ReplayedState[];
  readonly runs: readonly ReplayedRun[];
  /** Where the recorded result is not what the chart comes to. */
  readonly outcome: readonly Difference[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
}

/** The chart's last states are ends: they are in the result, not among the recorded states. */
const ENDS = new Set(["done", "failed", "cancelled", "left"]);

/**
 * Does a task again from its journal.
 *
 * @throws JournalError where the journal does not begin with the acceptance of a task.
 */
export async function replayTask(
  entries: readonly JournalEntry[],
  sandbox: Sandbox,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Replay> {
  const [accepted] = entries;
  if (accepted?.type !== "accepted") {
    throw new JournalError("Cannot replay the journal: it does not begin with the acceptance of a task.");
  }
  const { taskId } = accepted;
  const result = entries.find((entry) => entry.type === "finished")?.result;
  const isEnded = result !== undefined;
  if (!entries.some(({ type }) => type === "claimed")) {
    const notes = ["It was never taken up: there is nothing to replay."];
    return { taskId, verdict: "same", isEnded, states: [], runs: [], outcome: [], notes };
  }
  const rebuilt = await rebuildTask(entries);
  const states = compareStates(entries, rebuilt);
  const runs: ReplayedRun[] = [];
  for (const run of runsOf(accepted, entries, rebuilt)) {
    options.signal?.throwIfAborted();
    runs.push(await replayRun(run, sandbox, options));
  }
  const paid = withCompressions(entries, rebuilt.context);
  const { outcome, notes } = compareOutcome(rebuilt, result, { ...paid, unrecorded: unrecordedEnd(entries) });
  const differs =
    states.some(({ same }) => !same) ||
    runs.some(({ verdict }) => verdict === "different") ||
    outcome.length > 0;
  return { taskId, verdict: differs ? "different" : "same", isEnded, states, runs, outcome, notes };
}

/**
 * States are recorded with what comes next: of a task that has not ended the last may lack, and of one that was stopped
 * from outside those that it would have come to by what is recorded.
 */
function compareStates(entries: readonly JournalEntry[], rebuilt: RebuiltTask): readonly ReplayedState[] {
  const known = entries.flatMap((entry) => (entry.type === "state" ? [entry.state] : []));
  const replayed = rebuilt.states.filter((state) => !ENDS.has(state));
  const wasStopped = entries.some(({ type }) => type === "cancelled" || type === "overdue");
  const mayLack = !rebuilt.isEnded || rebuilt.isErrorFromResult || wasStopped;
  const lacking = Math.max(0, replayed.length - known.length);
  const isCutShort = wasStopped && known.at(-1) === "settling";
  const recorded = isCutShort
    ? [...known.slice(0, -1), ...Array.from({ length: lacking }, () => null), "settling"]
    : known;
  const length = Math.max(recorded.length, replayed.length);
  return Array.from({ length }, (_, at) => {
    const [was = null, is = null] = [recorded[at], replayed[at]];
    return { recorded: was, replayed: is, same: was === is || (was === null && mayLack) };
  });
}

function runsOf(
  accepted: JournalEntryOf<"accepted">,
  entries: readonly JournalEntry[],
  { context }: RebuiltTask,
): readonly RecordedRun[] {
  const started = entries.filter((entry) => entry.type === "run-started");
  return started.map(({ attempt, runId, entropy, tools, limits }) => {
    const finished = entries.find((entry) => entry.type === "run-finished" && entry.attempt === attempt);
    return {
      attempt,
      runId,
      entropy,
      tools,
      limits,
      // A run that was broken off has no attempt yet: its code is the last that was written.
      code: context.attempts[attempt - 1]?.code ?? context.code ?? "",
      context: accepted.context,
      calls: entries.flatMap((entry) =>
        "guestAt" in entry && entry.runId === runId ? [{ ...entry, at: entry.guestAt }] : [],
      ),
      trial: finished?.type === "run-finished" ? finished.trial : null,
    };
  });
}

function compareOutcome(
  { context, isEnded, isErrorFromResult }: RebuiltTask,
  result: TaskResult | undefined,
  {
    tokens,
    costUsd,
    unrecorded,
  }: Pick<TaskResult, "tokens" | "costUsd"> & { readonly unrecorded: string | null },
): { readonly outcome: readonly Difference[]; readonly notes: readonly string[] } {
  if (result === undefined)
    return { outcome: [], notes: ["It has not ended: it was replayed as far as its journal goes."] };
  if (result.error?.name === "StorageError") {
    return { outcome: [], notes: ["Its result could not be stored and says that in place of its outcome."] };
  }
  const notes: string[] = [];
  if (unrecorded !== null) notes.push(unrecorded);
  else if (isErrorFromResult) {
    notes.push("The error that ended it is in its result alone, so that it was taken from there.");
  }
  const outcome: Difference[] = [];
  const check = (what: string, recorded: unknown, replayed: unknown) => {
    if (!equals(recorded, replayed)) outcome.push({ what, recorded, replayed });
  };
  if (unrecorded === null) {
    if (!isEnded) check("end", result.status, "the chart does not come to its end");
    check("status", result.status, context.status);
    check("output", result.output, context.output);
    check("error", failureOf(result.error), failureOf(context.error));
  }
  const isProse = context.profile !== null && profileOf(context.profile).draft === "prose";
  if (!isProse) check("code", result.code, context.code);
  check("repairs", result.repairs, context.repairs);
  check("attempts", result.attempts.map(attemptOf), context.attempts.map(attemptOf));
  check("tokens", result.tokens, tokens);
  check("costUsd", result.costUsd, costUsd);
  check("model", result.model, context.model);
  check("profile", result.profile, context.profile);
  return { outcome, notes };
}

/** Why a task's end is not among what its journal says before it; null where it is. */
function unrecordedEnd(entries: readonly JournalEntry[]): string | null {
  const last = entries.at(-1);
  if (last?.type !== "finished") return null;
  if (last.result.status === "cancelled" && !entries.some(({ type }) => type === "cancelled")) {
    return "It was cancelled as its actor had stopped; that is in its result alone, and its end was not compared.";
  }
  const isInVain = claimsInVain({ entries: entries.slice(0, -1) }) >= MAX_CLAIMS;
  return isInVain
    ? "It was given up, having been taken up in vain too often: its end was not compared."
    : null;
}

function failureOf(error: TaskResult["error"]) {
  return error === null ? null : { name: error.name, message: error.message };
}

function attemptOf({ code, error, console, entropy }: Attempt) {
  return { code, error: failureOf(error), console, entropy };
}
