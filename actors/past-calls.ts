// The tool calls of a task's failed tries, as its journal has them: who mends the code must know what has happened.
// Invariant: what came after a try's end is not looked at, so that the same journal gives the same calls at any time.
import type { PastCall } from "../src/core/call-report.ts";
import type { JournalEntry, JournalEntryOf } from "../src/core/journal.ts";

/** The calls of each try up to a number of them, in order. */
export function pastCalls(entries: readonly JournalEntry[], tries: number): readonly (readonly PastCall[])[] {
  const refused = refusedCalls(entries);
  return Array.from({ length: tries }, (_, index) => callsOf(entries, index + 1, refused));
}

function callsOf(
  entries: readonly JournalEntry[],
  attempt: number,
  refused: ReadonlySet<string>,
): readonly PastCall[] {
  const calls: JournalEntryOf<"tool-called">[] = [];
  const returns = new Map<number, JournalEntryOf<"tool-returned">>();
  let runId: string | null = null;
  for (const entry of entries) {
    if (entry.type === "run-started" && entry.attempt === attempt) runId = entry.runId;
    else if (entry.type === "run-finished" && entry.attempt === attempt) break;
    else if (entry.type === "tool-called" && entry.runId === runId) calls.push(entry);
    else if (entry.type === "tool-returned" && entry.runId === runId) returns.set(entry.call, entry);
  }
  return calls.map(({ call, tool, input }) => {
    const returned = returns.get(call);
    if (returned !== undefined) {
      return { tool, input, end: returned.ok ? "returned" : "failed", text: returned.text };
    }
    const end = refused.has(`${runId ?? ""}:${call}`) ? "refused" : "unanswered";
    return { tool, input, end, text: "" };
  });
}

/** The ids of calls that a person did not allow. */
function refusedCalls(entries: readonly JournalEntry[]): ReadonlySet<string> {
  const answers = entries.filter((entry) => entry.type === "approval-answered");
  const denied = new Set(
    answers.filter(({ decision }) => decision !== "approved").map(({ approvalId }) => approvalId),
  );
  return new Set(
    entries.flatMap((entry) =>
      entry.type === "approval-asked" && entry.subject.type === "tools" && denied.has(entry.approvalId)
        ? entry.subject.calls.map(({ callId }) => callId)
        : [],
    ),
  );
}
