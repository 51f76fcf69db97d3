// What is the same for the key-value of all fabrics: which addresses are taken, and when a write is refused.
// Invariant: each refusal names what was attempted, on which key, and what was found there.
import { StorageError } from "../core/errors.ts";
import { requireBucket, requireKey } from "../core/grammar.ts";

/** What is attempted, in words, on an address that is fit for every fabric. @throws StorageError `PATH_INVALID` */
export function requireAddress(verb: string, bucket: string, key: string): string {
  requireBucket(bucket);
  requireKey(key);
  return `${verb} key "${key}" of bucket "${bucket}"`;
}

type Found = { readonly revision: number } | undefined;

/** @throws StorageError `KEY_EXISTS` where something was found. */
export function requireAbsent(found: Found, attempt: string): void {
  if (found === undefined) return;
  throw new StorageError("KEY_EXISTS", `Cannot ${attempt}: it exists, at revision ${found.revision}.`);
}

/** @throws StorageError `REVISION_CONFLICT` where nothing, or another revision, was found. */
export function requireRevision(found: Found, revision: number, attempt: string): void {
  if (found?.revision === revision) return;
  const state = found === undefined ? "it does not exist" : `it is at revision ${found.revision}`;
  throw new StorageError("REVISION_CONFLICT", `Cannot ${attempt} from revision ${revision}: ${state}.`);
}
