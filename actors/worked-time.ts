// How long a task has been worked on, as its journal shows it: what counts against its deadline.
// Invariant: a stretch of work lasts from its first entry to its last. Waiting for a place and for a person is no work,
// nor is the time between a process's death and the next claim; what was under way when a process died left no entry,
// and does not count.
import type { JournalEntry } from "../src/core/journal.ts";

/** States in which a task waits, or is no longer worked on. */
const NO_WORK: ReadonlySet<string> = new Set(["queued", "awaitingApproval", "settling"]);

/** The time that went into a task, in milliseconds. */
export function workedMs(entries: readonly JournalEntry[]): number {
  let worked = 0;
  let stretch: { readonly from: number; to: number } | null = null;
  for (const entry of entries) {
    const effect = effectOf(entry);
    if (effect === "work") stretch ??= { from: entry.at, to: entry.at };
    if (stretch === null) continue;
    if (effect !== "gap") stretch.to = entry.at;
    if (effect === "work") continue;
    // A clock that was set back takes nothing away.
    worked += Math.max(0, stretch.to - stretch.from);
    stretch = null;
  }
  return stretch === null ? worked : worked + Math.max(0, stretch.to - stretch.from);
}

/** `end`: work went on until here. `gap`: nobody knows since when it did not. */
function effectOf(entry: JournalEntry): "work" | "end" | "gap" {
  switch (entry.type) {
    case "accepted":
    case "claimed":
    case "approval-answered":
      return "gap";
    case "left":
    case "approval-asked":
    case "cancelled":
    case "overdue":
    case "finished":
      return "end";
    case "state":
      return NO_WORK.has(entry.state) ? "end" : "work";
    default:
      return "work";
  }
}
