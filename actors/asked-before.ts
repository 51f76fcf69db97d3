// What an effect came to when it did not end but had to ask a person: a call that waits to be allowed, a budget that is
// used up.
// Invariant: a task that is gone on with asks again what it asked before and nothing before that; else an answer that
// was meant for one approval would be taken for another's.
import { approvalIdOf, type ApprovalSubject } from "../src/core/approval.ts";
import type { Moment } from "../src/core/attempt.ts";
import { BudgetError } from "../src/core/errors.ts";
import type { JournalEntry } from "../src/core/journal.ts";

/** What the effect asked for at this moment of the task; null where it did not, or ended without. */
export function askedBefore(
  entries: readonly JournalEntry[],
  { taskId, approvals }: Moment,
  isEnd: (entry: JournalEntry) => boolean,
): ApprovalSubject | null {
  const approvalId = approvalIdOf(taskId, approvals + 1);
  for (const entry of entries) {
    if (isEnd(entry)) return null;
    if (entry.type === "approval-asked" && entry.approvalId === approvalId) return entry.subject;
  }
  return null;
}

/** Stops an effect where a budget stopped it before. @throws BudgetError */
export function stopAsBefore(
  entries: readonly JournalEntry[],
  moment: Moment,
  isEnd: (entry: JournalEntry) => boolean,
): void {
  const subject = askedBefore(entries, moment, isEnd);
  if (subject?.type !== "budget") return;
  const { budget, measure, wanted, message } = subject;
  throw new BudgetError(message, { budget, measure, wanted, left: 0, onExceeded: "ask" });
}
