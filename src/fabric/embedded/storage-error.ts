// Failures of files in words that help: which file, what the system said, and what to do about it.
// Invariant: the system's own error is always kept as the cause.
import { messageOf, StorageError } from "../../core/errors.ts";

const ANOTHER =
  "choose another folder: FETTLE_DATA_DIRECTORY for what the mesh knows, LOG_DIRECTORY for results.";

/** What mends each failure, by the system's name for it or by LMDB's number. */
const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: `Give this user the right to read and write there, or ${ANOTHER}`,
  EPERM: `Give this user the right to read and write there, or ${ANOTHER}`,
  EROFS: `The file system is read-only: ${ANOTHER}`,
  ENOSPC: "The disk is full: free some space and try again; what was stored before is unharmed.",
  EDQUOT: "The disk quota is used up: free some space and try again; what was stored before is unharmed.",
  EFBIG: `The file may not grow any further: raise the limit on file size, or ${ANOTHER}`,
  ENOTDIR: `A part of the path is a file, not a folder: move it away, or ${ANOTHER}`,
  EISDIR: "There is a folder of that name: move it away.",
  EEXIST: `A part of the path is a file, not a folder: move it away, or ${ANOTHER}`,
  EMFILE: "Too many files are open in this process: raise its limit (ulimit -n).",
  ENAMETOOLONG: "Use shorter names.",
};

/** System errors as LMDB gives them: by number only. */
const NUMBERS: Readonly<Record<number, string>> = {
  1: "EPERM",
  13: "EACCES",
  20: "ENOTDIR",
  21: "EISDIR",
  24: "EMFILE",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  122: "EDQUOT",
};

/** LMDB's own errors that mean that the file's content is wrong. */
const DAMAGED = new Set([-30797, -30796, -30794, -30793]);

/** A StorageError that names the file, the failure and its remedy. */
export function storageError(attempt: string, file: string, cause: unknown): StorageError {
  const code = (cause as { readonly code?: unknown } | null | undefined)?.code;
  if (typeof code === "number" && DAMAGED.has(code))
    return damagedError(attempt, file, messageOf(cause), cause);
  const name = typeof code === "number" ? NUMBERS[code] : code;
  const remedy = typeof name === "string" ? REMEDIES[name] : undefined;
  const reason = messageOf(cause).replace(/\.$/, "");
  return new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt}: ${file}: ${reason}.${remedy === undefined ? "" : ` ${remedy}`}`,
    { cause, retryable: name === "ENOSPC" || name === "EDQUOT" || name === "EMFILE" },
  );
}

/** A StorageError for a file whose content cannot be what was written. */
export function damagedError(attempt: string, file: string, found: string, cause?: unknown): StorageError {
  return new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt}: ${file} is damaged (${found}). Restore it from a copy, or move it away to start empty.`,
    { cause },
  );
}
