// How long a task waited for a person, by its journal: so it is known whichever process works on the task.
// Invariant: reading claims nothing and changes nothing.
import { readEntries } from "./core/journal.ts";
import type { Ledger } from "./core/ports.ts";

/** A task's waiting for approvals within a time. */
export interface ApprovalWait {
  /** Milliseconds, all its approvals together. */
  readonly waitedMs: number;
  /** Whether it still waits for one. */
  readonly isWaiting: boolean;
}

/**
 * How long the task of a journal waited for a person between two times, in milliseconds since 1970.
 *
 * @throws StorageError, JournalError
 */
export async function approvalWait(
  ledger: Ledger,
  journal: string,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<ApprovalWait> {
  const stored = await ledger.read(journal);
  let waitedMs = 0;
  let askedAt: number | null = null;
  for (const entry of stored.flatMap(({ payload }) => readEntries(payload, journal))) {
    if (entry.type === "approval-asked") askedAt = Math.max(entry.at, from);
    if (entry.type !== "approval-answered" || askedAt === null) continue;
    waitedMs += Math.max(0, entry.at - askedAt);
    askedAt = null;
  }
  const isWaiting = askedAt !== null;
  if (askedAt !== null) waitedMs += Math.max(0, to - askedAt);
  return { waitedMs, isWaiting };
}
