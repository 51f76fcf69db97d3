// Code that has worked, by agent and task, so that it can be offered or used again.
// Invariant: registering never runs code; a version is its code (SHA-256 over the text), and code that no
// longer has its hash is never handed out. Updates are compare-and-set: concurrent successes all count, and each counts
// once, also where its process died before it could note so and its task is settled again.
//
// A version has credit from 0 to 5. A success adds 1. A failure takes golden (5) back to verified with 1, and
// verified (1 to 4) back to candidate (0). So five successes with no failure between them make a version
// golden, one failure ends that, and two failures in a row end all trust.
//
// A version also remembers the shapes of the contexts it has worked with, and whether it is tainted: whether it holds
// a value of the data of any run (core/taint.ts). Only shapes' hashes are stored, and no value of any data.
import { systemClock, type Clock } from "./core/clock.ts";
import { StorageError } from "./core/errors.ts";
import type { KeyValue } from "./core/ports.ts";
import { shapeOf } from "./core/shape.ts";
import { similarity, trigramsOf } from "./core/similarity.ts";
import { findTaint } from "./core/taint.ts";
import {
  byTrust,
  FUNCTIONS,
  functionIdOf,
  GOLDEN,
  hashOf,
  MAX_SHAPES,
  normalizeTask,
  parseRecord,
  publish,
  stageOf,
  wasCounted,
  type FunctionEntry,
  type FunctionStage,
  type FunctionVersion,
  type RegisteredFunction,
  type VersionRecord,
} from "./function-record.ts";
import { ListedFunctions, WatchedFunctions, type FunctionIndex } from "./function-index.ts";
import { FunctionRecords } from "./function-records.ts";
import { readLiterals } from "./literals.ts";

/** A task that code has done: what it was given and what it gave. */
export interface RecordedSuccess {
  readonly role: string;
  readonly task: string;
  readonly code: string;
  /** What the agent is told with every task; code for other instructions is another agent's. */
  readonly instructions?: string | undefined;
  readonly context: unknown;
  readonly output: unknown;
  /** What its tools returned; absent where that is not known, and the code is then tainted. */
  readonly toolReturns?: readonly unknown[] | undefined;
  /** The try's own id, of all tasks: of one id the first success counts. Absent, each counts. */
  readonly tryId?: string | undefined;
}

/** Why there is no function that may answer a task without a model. */
export type MismatchReason =
  /** Nothing is registered for this role and task. */
  | "none"
  /** No version has worked often enough. */
  | "not-golden"
  /** The golden ones were written for the agent when it was told something else. */
  | "other-agent"
  /** They have not worked with a context of this shape yet. */
  | "other-shape"
  /** They hold a value of some earlier run. */
  | "tainted"
  /** What is stored is not what was registered. */
  | "integrity";

/** A function that may answer a task without a model, or why there is none, for people. */
export type ExactMatch =
  | { readonly match: RegisteredFunction }
  | { readonly match: null; readonly reason: MismatchReason; readonly detail: string };

/** A function for a task like another. */
export interface NearMatch extends RegisteredFunction {
  /** How alike the tasks are, above 0.5 and up to 1: see core/similarity.ts. */
  readonly similarity: number;
}

/** Below it, tasks have hardly more in common than that they are sentences. */
const LEAST_SIMILARITY = 0.5;
/** Of all code that is offered for one task, in characters. */
const MAX_NEAR_CODE = 8_000;
const UNREAD = "its literals could not be read";
const UNKNOWN_RETURNS = "it is not known what its tools returned";
/** More versions than this drop the least trusted, oldest first. */
const MAX_VERSIONS = 20;
const CODE = "function-code";

/** Keeps working code on any fabric's key-value. */
export class FunctionRegistry {
  readonly #keyValue: KeyValue;
  readonly #clock: Clock;
  readonly #records: FunctionRecords;
  readonly #index: FunctionIndex;

  /** `isFar` says that the store is a network away: what changes there is then watched, and not listed at each search. */
  constructor(
    keyValue: KeyValue,
    options: { readonly clock?: Clock | undefined; readonly isFar?: boolean | undefined } = {},
  ) {
    this.#keyValue = keyValue;
    this.#index = options.isFar === true ? new WatchedFunctions(keyValue) : new ListedFunctions(keyValue);
    this.#records = new FunctionRecords(keyValue);
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Notes that code has done a task; code seen for the first time becomes a new version. It is read, never run, for
   * literals that came from the task's data.
   */
  async recordSuccess(success: RecordedSuccess): Promise<{
    readonly functionId: string;
    readonly version: number;
    readonly stage: FunctionStage;
    readonly taint: string | null;
  }> {
    const { role, code } = success;
    const task = normalizeTask(success.task);
    const functionId = functionIdOf(role, task);
    const sha256 = hashOf(code);
    // The code first: a version never points at code that is not there.
    if ((await this.#keyValue.get(CODE, sha256))?.value !== code)
      await this.#keyValue.put(CODE, sha256, code);
    const now = this.#clock.now();
    const taint = await taintOf(success);
    const shape = shapeHash(success.context);
    const version = await this.#records.change(
      functionId,
      { role, task, nextVersion: 1, versions: [], counted: [] },
      (record) => {
        let known = record.versions.find((one) => one.sha256 === sha256);
        if (wasCounted(record, success.tryId) && known !== undefined) return known;
        if (known === undefined) {
          const counts = { credit: 0, successes: 0, failures: 0 };
          const nothing = { shapes: [], agent: null, taint: null };
          known = {
            version: record.nextVersion,
            sha256,
            ...counts,
            ...nothing,
            createdAt: now,
            updatedAt: now,
          };
          record.nextVersion += 1;
          record.versions.push(known);
        }
        known.credit = Math.min(GOLDEN, known.credit + 1);
        known.successes += 1;
        known.updatedAt = now;
        known.taint ??= taint;
        known.agent = agentHash(success.instructions);
        if (shape !== null) {
          known.shapes = [...known.shapes.filter((one) => one !== shape), shape].slice(-MAX_SHAPES);
        }
        record.versions = byTrust(record.versions, known).slice(0, MAX_VERSIONS);
        return known;
      },
    );
    return {
      functionId,
      version: version.version,
      stage: stageOf(version.credit),
      taint: version.taint,
    };
  }

  /** Notes that code failed, and demotes its version; null where it is not (or no longer) known. */
  async recordFailure(failure: {
    readonly role: string;
    readonly task: string;
    readonly code: string;
    /** As of a success. */
    readonly tryId?: string | undefined;
  }): Promise<{ readonly stage: FunctionStage } | null> {
    const functionId = functionIdOf(failure.role, normalizeTask(failure.task));
    const sha256 = hashOf(failure.code);
    const version = await this.#records.change(functionId, null, (record) => {
      const known = record.versions.find((one) => one.sha256 === sha256);
      if (known === undefined) return null;
      if (wasCounted(record, failure.tryId)) return known;
      known.credit = known.credit === GOLDEN ? 1 : 0;
      known.failures += 1;
      known.updatedAt = this.#clock.now();
      return known;
    });
    return version === null ? null : { stage: stageOf(version.credit) };
  }

  /**
   * A function with its code: the given version, or the most trusted one. Null where there is none.
   *
   * @throws StorageError `INTEGRITY` where what is stored is not what was registered.
   */
  async get(functionId: string, version?: number): Promise<RegisteredFunction | null> {
    const entry = await this.#entry(functionId);
    const found = entry?.versions.find((one) => version === undefined || one.version === version);
    return entry === null || found === undefined ? null : this.#withCode(entry, found);
  }

  /**
   * The function that may answer a task without a model: golden, for exactly this role, task and shape of context (and
   * these instructions), its hash verified, and free of values of earlier runs; else the reason why there is none.
   */
  async matchExact(query: {
    readonly role: string;
    readonly task: string;
    readonly instructions?: string | undefined;
    readonly context: unknown;
  }): Promise<ExactMatch> {
    const functionId = functionIdOf(query.role, normalizeTask(query.task));
    try {
      const stored = await this.#keyValue.get(FUNCTIONS, functionId);
      if (stored === null)
        return { match: null, reason: "none", detail: "nothing is registered for this task" };
      const { role, task, versions } = parseRecord(stored);
      const agent = agentHash(query.instructions);
      const shape = shapeHash(query.context);
      const steps: readonly [MismatchReason, string, (version: VersionRecord) => boolean][] = [
        ["not-golden", "no code has done this task often enough", ({ credit }) => credit === GOLDEN],
        [
          "other-agent",
          "it was written when the agent was told something else",
          (one) => one.agent === agent,
        ],
        [
          "other-shape",
          "it has not worked with a context of this shape yet",
          ({ shapes }) => shape !== null && shapes.includes(shape),
        ],
        ["tainted", "", ({ taint }) => taint === null],
      ];
      let left = byTrust(versions);
      for (const [reason, detail, fits] of steps) {
        const fitting = left.filter(fits);
        if (fitting.length === 0) {
          return { match: null, reason, detail: reason === "tainted" ? (left[0]?.taint ?? "") : detail };
        }
        left = fitting;
      }
      const best = publish(left[0] as VersionRecord);
      return { match: await this.#withCode({ functionId, role, task }, best) };
    } catch (thrown) {
      if (!(thrown instanceof StorageError) || thrown.code !== "INTEGRITY") throw thrown;
      return { match: null, reason: "integrity", detail: thrown.message };
    }
  }

  /**
   * Functions of a role for tasks like this one, the likest first (of equals the most trusted), to be shown to a model:
   * code that has worked, is untainted (one task's values are not shown to another) and has its hash. At most `limit`
   * (default 3), together at most 8,000 characters of code.
   */
  async findNear(query: {
    readonly role: string;
    readonly task: string;
    readonly limit?: number | undefined;
  }): Promise<readonly NearMatch[]> {
    const { role, limit = 3 } = query;
    const wanted = trigramsOf(query.task);
    const candidates: { readonly functionId: string; readonly similarity: number }[] = [];
    for (const { functionId, trigrams } of await this.#index.of(role)) {
      const alike = similarity(wanted, trigrams);
      if (alike >= LEAST_SIMILARITY) candidates.push({ functionId, similarity: alike });
    }
    const near: NearMatch[] = [];
    let room = MAX_NEAR_CODE;
    for (const { functionId, similarity: alike } of candidates.sort((a, b) => b.similarity - a.similarity)) {
      if (near.length >= limit) break;
      const found = await this.#bestClean(functionId);
      if (found === null || found.code.length > room) continue;
      near.push({ ...found, similarity: alike });
      room -= found.code.length;
    }
    return near.sort((a, b) => b.similarity - a.similarity || b.successes - a.successes);
  }

  async #bestClean(functionId: string): Promise<RegisteredFunction | null> {
    const entry = await unlessDamaged(this.#entry(functionId));
    const version = entry?.versions.find((one) => one.stage !== "candidate" && one.taint === null);
    return entry === null || version === undefined ? null : unlessDamaged(this.#withCode(entry, version));
  }

  async #withCode(
    { functionId, role, task }: Omit<FunctionEntry, "versions">,
    found: FunctionVersion,
  ): Promise<RegisteredFunction> {
    const code = (await this.#keyValue.get(CODE, found.sha256))?.value;
    if (code === undefined || hashOf(code) !== found.sha256) {
      const problem = code === undefined ? "is missing" : "is not what was registered: its hash differs";
      throw new StorageError(
        "INTEGRITY",
        `Cannot use function "${functionId}": the code of version ${found.version} ${problem}. ` +
          `Delete key "${functionId}" of bucket "${FUNCTIONS}" to have it written anew.`,
      );
    }
    return { functionId, role, task, ...found, code };
  }

  /** What is registered for exactly this task of this role; null where nothing is. */
  async lookUp(role: string, task: string): Promise<FunctionEntry | null> {
    return this.#entry(functionIdOf(role, normalizeTask(task)));
  }

  /** The functions of a role, only those with a version of a stage where one is given. */
  async find(query: {
    readonly role: string;
    readonly stage?: FunctionStage;
  }): Promise<readonly FunctionEntry[]> {
    const entries = await this.#entries(`${query.role}-`);
    return entries.filter(
      (entry) =>
        entry.role === query.role &&
        (query.stage === undefined || entry.versions.some((one) => one.stage === query.stage)),
    );
  }

  /** All functions, sorted by their ids. */
  async list(): Promise<readonly FunctionEntry[]> {
    return this.#entries("");
  }

  async #entries(prefix: string): Promise<FunctionEntry[]> {
    const entries: FunctionEntry[] = [];
    for (const functionId of await this.#keyValue.keys(FUNCTIONS, prefix)) {
      const entry = await this.#entry(functionId);
      if (entry !== null) entries.push(entry);
    }
    return entries;
  }

  async #entry(functionId: string): Promise<FunctionEntry | null> {
    const stored = await this.#keyValue.get(FUNCTIONS, functionId);
    if (stored === null) return null;
    const { role, task, versions } = parseRecord(stored);
    return {
      functionId,
      role,
      task,
      versions: byTrust(versions).map(publish),
    };
  }
}

/** Null where the context is too large or too deep to be compared. */
function shapeHash(context: unknown): string | null {
  const shape = shapeOf(context);
  return shape === null ? null : hashOf(shape);
}

function agentHash(instructions: string | undefined): string | null {
  return instructions === undefined ? null : hashOf(instructions);
}

async function taintOf({ code, toolReturns, ...evidence }: RecordedSuccess): Promise<string | null> {
  if (toolReturns === undefined) return UNKNOWN_RETURNS;
  const literals = await readLiterals(code);
  return literals === null ? UNREAD : findTaint(literals, { ...evidence, toolReturns });
}

/** What an offer looks for need not be whole: it does without. */
async function unlessDamaged<T>(read: Promise<T | null>): Promise<T | null> {
  return read.catch((thrown: unknown) => {
    if (thrown instanceof StorageError && thrown.code === "INTEGRITY") return null;
    throw thrown;
  });
}
