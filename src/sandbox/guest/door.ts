// The guest's one door: the numbers that name what passes through it, in both directions.
// Invariant: only numbers and texts pass; the worker imports these same constants.

/** What a guest tells the worker: a kind, a number and a text. */
export const TELL = {
  /** A tool call: the tool's index, the encoded input. */
  call: 0,
  /** A console line: the level's index, the text as a JSON string. */
  console: 1,
  /** The next timer: "" for none, else the guest time it is due at. */
  timer: 2,
  /** A limit was hit; the text is its name. */
  limit: 3,
  /** The run's result, encoded. */
  result: 4,
  /** The run's failure: a {@link Fault} as JSON. */
  fault: 5,
  /** The run ended without a result. */
  nothing: 6,
} as const;

/** What the worker tells a guest: a kind, a number and up to two texts or one value. */
export const ASK = {
  /** Builds the world: the seed, a {@link World} as JSON, the encoded context (or ""). */
  start: 0,
  /** A tool returned: the call's number, the encoded output. */
  resolve: 1,
  /** A tool failed: the call's number, `[name, message, limit]` as JSON. */
  reject: 2,
  /** The timer that is due. */
  wake: 3,
  /** The code's promise was fulfilled; takes its value. */
  finish: 4,
  /** The code's promise was rejected; takes what was thrown. */
  fail: 5,
} as const;

/** What a guest is given at its start, besides its context. */
export interface World {
  /** Names of tools, `group.member` where grouped. */
  readonly tools: readonly string[];
  readonly consoleBytes: number;
  readonly resultBytes: number;
  readonly toolBytes: number;
  readonly toolCalls: number;
  readonly concurrentToolCalls: number;
}

/** How a guest describes its own failure; `kind` and `limit` come from the bootstrap, the rest is guest data. */
export interface Fault {
  readonly kind: "thrown" | "unencodable";
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly limit: string;
}

/** Console levels by the index that passes the door. */
export const LEVELS = ["debug", "log", "info", "warn", "error"] as const;
