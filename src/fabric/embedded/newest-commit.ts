// Whether a write transaction builds upon the file's newest commit. LMDB (as of lmdb 3.5, `mdb_env_open2`) lets each process
// that opens a file say which commit is the newest, by what it read a moment before and without the lock: where another
// commits in that moment, the next writer builds upon the commit before, and its own takes the place of one that was
// acknowledged.
// Invariant: under the write lock nobody else commits, so that what the file itself says then is the newest commit.
import { closeSync, openSync, readSync } from "node:fs";
import { AT, META_BYTES, transactionOf } from "./meta-page.ts";

/** A transaction would take the place of a commit: nothing was written, and the file is to be opened anew. */
export class OutdatedError extends Error {}

/** To be called within a write transaction, before it writes. @throws OutdatedError */
export function requireNewest(database: { getWriteTxnId(): number }, file: string): void {
  const newest = newestCommit(file);
  if (database.getWriteTxnId() > newest) return;
  throw new OutdatedError(
    `The state file was opened while commit ${newest} was made, and takes it for unmade.`,
  );
}

/** The number of the newest commit of a file. */
function newestCommit(file: string): number {
  const handle = openSync(file, "r");
  try {
    const page = Buffer.alloc(META_BYTES);
    readSync(handle, page, 0, META_BYTES, 0);
    const first = transactionOf(page);
    readSync(handle, page, 0, META_BYTES, page.readUInt32LE(AT.pageSize));
    const second = transactionOf(page);
    return Number(first > second ? first : second);
  } finally {
    closeSync(handle);
  }
}
