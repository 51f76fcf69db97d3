// What subjects, buckets, keys and blob paths may look like: one grammar for every fabric.
// Invariant: an address that passes here is safe on all of them, as a NATS subject or key, an LMDB key and a
// file's name on any system, so that moving a mesh to another fabric never meets a name that it cannot store.
import { DeliveryError, StorageError } from "./errors.ts";
import { isName } from "./names.ts";

const KEY = /^[A-Za-z0-9_=/-]+(?:\.[A-Za-z0-9_=/-]+)*$/;
const MAX_KEY = 512;
const MAX_PATH_BYTES = 1024;
const MAX_SEGMENT_BYTES = 200;
// eslint-disable-next-line no-control-regex -- control characters are what this refuses.
const UNFIT_FOR_FILES = /[\u0000-\u001f\u007f<>:"|?*\\]/;

/** The tokens of a subject to publish to: dot-separated, none empty, no wildcards, no white space. */
export function requireSubject(subject: string): readonly string[] {
  const tokens = requirePattern(subject);
  if (tokens.includes("*") || tokens.includes(">")) {
    throw new DeliveryError(
      "MESSAGE_INVALID",
      `Cannot send to ${JSON.stringify(subject)}: "*" and ">" are for subscriptions only.`,
    );
  }
  return tokens;
}

/** The tokens of a subject to subscribe to: `*` stands for one token, `>` at the end for one or more. */
export function requirePattern(pattern: string): readonly string[] {
  const tokens = pattern.split(".");
  const fault =
    tokens.includes("") || /\s/.test(pattern)
      ? "its tokens, between dots, must not be empty or hold white space"
      : tokens.slice(0, -1).includes(">")
        ? 'a ">" must come last'
        : undefined;
  if (fault === undefined) return tokens;
  throw new DeliveryError("MESSAGE_INVALID", `Cannot use subject ${JSON.stringify(pattern)}: ${fault}.`);
}

/** Throws unless a bucket is 1 to 128 letters, digits, `_` and `-`. */
export function requireBucket(bucket: string): void {
  if (isName(bucket)) return;
  throw new StorageError(
    "PATH_INVALID",
    `Cannot use bucket ${JSON.stringify(bucket)}: use 1 to 128 letters, digits, "_" and "-".`,
  );
}

/** Whether a text is a key; for what comes from other programs. */
export function isKey(text: string): boolean {
  return text.length <= MAX_KEY && KEY.test(text);
}

/** Throws unless a key is dot-separated parts of letters, digits and `_=/-`, at most 512 characters in all. */
export function requireKey(key: string): void {
  if (isKey(key)) return;
  throw new StorageError(
    "PATH_INVALID",
    `Cannot use key ${JSON.stringify(key.slice(0, 80))}: use dot-separated parts of letters, digits and ` +
      `"_=/-", at most ${MAX_KEY} characters.`,
  );
}

/**
 * The segments of a blob's path: `/`-separated, each 1 to 200 bytes that any file system takes.
 * Segments that begin with a dot are refused: `.` and `..` lead elsewhere, and a fabric keeps its own
 * unfinished files under such names.
 */
export function requireBlobPath(path: string): readonly string[] {
  const segments = path.split("/");
  const fault = isTooLong(path) ? `it is longer than ${MAX_PATH_BYTES} bytes` : faultOf(segments);
  if (fault === undefined) return segments;
  throw new StorageError(
    "PATH_INVALID",
    `Cannot use blob path ${JSON.stringify(path.slice(0, 120))}: ${fault}. Paths are relative, as in "reports/2026.md".`,
  );
}

/** Throws unless a prefix of blob paths could begin one: its part before the last `/` is a path. */
export function requireBlobPrefix(prefix: string): void {
  const end = prefix.lastIndexOf("/");
  if (end !== -1) requireBlobPath(prefix.slice(0, end));
}

/** Whether a text is a blob's path; for stores that others put their own things in. */
export function isBlobPath(path: string): boolean {
  return !isTooLong(path) && faultOf(path.split("/")) === undefined;
}

function isTooLong(path: string): boolean {
  return new TextEncoder().encode(path).length > MAX_PATH_BYTES;
}

function faultOf(segments: readonly string[]): string | undefined {
  for (const segment of segments) {
    if (segment === "") return "it is absolute or has an empty part";
    if (segment.startsWith(".")) return "a part begins with a dot";
    if (/[. ]$/.test(segment)) return "a part ends with a dot or a space";
    if (UNFIT_FOR_FILES.test(segment)) return 'a part holds a control character or one of \\ < > : " | ? *';
    if (new TextEncoder().encode(segment).length > MAX_SEGMENT_BYTES) {
      return `a part is longer than ${MAX_SEGMENT_BYTES} bytes`;
    }
  }
  return undefined;
}
