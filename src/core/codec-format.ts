// The text that values cross in: JSON, with an object of one `$` key for each thing that JSON cannot say.
// Invariant: what looks like a tag but is data (an object whose only key starts with `$`) gets one more `$`,
// so that every value reads back as what it was.
//
//   undefined            {"$undefined":true}
//   NaN, ±Infinity, -0   {"$number":"NaN"}
//   BigInt               {"$bigint":"42"}        hexadecimal from 128 bits on: linear to write and to read
//   Date                 {"$date":0}             milliseconds since 1970; null where invalid
//   Map, Set             {"$map":[[k,v]]}, {"$set":[v]}
//   RegExp               {"$regexp":["a+","gi"]}
//   Error                {"$error":{"name":"TypeError","message":"…","stack":"…","cause":…}}
//   bytes                {"$bytes":["Float64Array","…"]}   base64, little-endian; ArrayBuffer, DataView alike
//   { $ref: 1 }          {"$$ref":1}

import { MAX_STEPS } from "./codec-collisions.ts";
import { charCodeAt } from "./codec-intrinsics.ts";

/** Bounds of one encoding or decoding. */
export interface CodecLimits {
  /** Length of the text; the host counts UTF-8 bytes, the guest characters. */
  readonly maxBytes: number;
  /** How many containers may hold one another. */
  readonly maxDepth: number;
}

/** Why a value did not cross. */
export interface CodecFailure {
  readonly failure: "unsupported" | "too-large" | "malformed";
  /** Where in the value, as in `$.rows[3].name`. */
  readonly path: string;
  /** What is there and how to mend it, to follow "Cannot carry <path>: ". */
  readonly problem: string;
}

/** What came of it; a value, since nothing may be thrown through guest code. */
export type CodecOutcome<T> =
  { readonly ok: true; readonly value: T } | ({ readonly ok: false } & CodecFailure);

/** Deep enough for honest data, shallow enough for a guest's stack. */
export const MAX_DEPTH = 256;

/**
 * What all regular expressions of one value may cost to build: a character counts 1, a property escape 64 more, since
 * an engine collects the characters it stands for (150 µs in V8).
 */
const MAX_PATTERNS = 4096;

/** Errors in one value: an engine collects a stack for each that is built. */
const MAX_ERRORS = 1000;

/** The state of one encoding or decoding; `stop` is thrown and `failure` set where it ends early. */
export interface Run {
  /** Characters still free. */
  left: number;
  patterns: number;
  errors: number;
  /** What inserting into Maps and Sets may still cost; Infinity where nobody counts. */
  steps: number;
  readonly maxDepth: number;
  failure: CodecFailure | null;
}

/** Thrown to unwind, by this one identity; made early, since a guest may override what an Error is. */
const stop = new Error("the codec stopped early");

/** Ends a run. */
export function fail(run: Run, failure: CodecFailure["failure"], path: string, problem: string): never {
  run.failure = { failure, path, problem };
  throw stop;
}

/** Takes what building a regular expression costs from what is left for it; false where that is too little. */
export function affordsPattern(run: Run, source: string): boolean {
  run.patterns -= source.length;
  for (let at = 0; at + 1 < source.length && run.patterns >= 0; at += 1) {
    const letter = charCodeAt(source, at + 1) | 32;
    if (charCodeAt(source, at) === 92 && letter === 112) run.patterns -= 64;
  }
  return run.patterns >= 0;
}

/** Runs one encoding or decoding and turns its end into a value; a full stack is a failure too. */
export function attempt<T>(limits: CodecLimits, work: (run: Run) => T): CodecOutcome<T> {
  const run: Run = {
    left: limits.maxBytes,
    patterns: MAX_PATTERNS,
    errors: MAX_ERRORS,
    steps: MAX_STEPS,
    maxDepth: limits.maxDepth,
    failure: null,
  };
  try {
    return { ok: true, value: work(run) };
  } catch {
    const failure = run.failure;
    if (failure === null) {
      return { ok: false, failure: "unsupported", path: "$", problem: "the stack is full: nest it less" };
    }
    return { ok: false, failure: failure.failure, path: failure.path, problem: failure.problem };
  }
}
