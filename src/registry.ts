// Code that has worked, by agent and task, so that it can be offered or used again.
// Invariant: registering never runs code; a version is its code (SHA-256 over the text), and code that no
// longer has its hash is never handed out. Updates are compare-and-set: concurrent successes all count.
//
// A version has credit from 0 to 5. A success adds 1. A failure takes golden (5) back to verified with 1, and
// verified (1 to 4) back to candidate (0). So five successes with no failure between them make a version
// golden, one failure ends that, and two failures in a row end all trust.
import { createHash } from "node:crypto";
import { z } from "zod";
import { systemClock, type Clock } from "./core/clock.ts";
import { messageOf, StorageError } from "./core/errors.ts";
import type { KeyValue, KeyValueEntry } from "./core/ports.ts";

/** How far a version is trusted: `candidate` not at all (it failed last), `golden` after five successes. */
export type FunctionStage = "candidate" | "verified" | "golden";

/** One version of a function, without its code. */
export interface FunctionVersion {
  /** From 1, in the order of registration. */
  readonly version: number;
  /** SHA-256 of the code, in hexadecimal. */
  readonly sha256: string;
  readonly stage: FunctionStage;
  /** All successes and failures ever. */
  readonly successes: number;
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What an agent has written for one task. */
export interface FunctionEntry {
  /** `<role>-<hash>`: the same for the same role and normalised task, everywhere. */
  readonly functionId: string;
  readonly role: string;
  /** The task as it was normalised. */
  readonly task: string;
  /** The most trusted version first; of equals, the newest. */
  readonly versions: readonly FunctionVersion[];
}

/** A function with the code of one of its versions, its integrity verified. */
export interface RegisteredFunction extends Omit<FunctionEntry, "versions">, FunctionVersion {
  readonly code: string;
}

const GOLDEN = 5;
/** More versions than this drop the least trusted, oldest first. */
const MAX_VERSIONS = 20;
const MAX_TRIES = 100;
const FUNCTIONS = "functions";
const CODE = "function-code";

const recordSchema = z.object({
  role: z.string(),
  task: z.string(),
  nextVersion: z.int().positive(),
  versions: z.array(
    z.object({
      version: z.int().positive(),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      credit: z.int().min(0).max(GOLDEN),
      successes: z.int().min(0),
      failures: z.int().min(0),
      createdAt: z.number(),
      updatedAt: z.number(),
    }),
  ),
});

type FunctionRecord = z.infer<typeof recordSchema>;
type VersionRecord = FunctionRecord["versions"][number];

/** Keeps working code on any fabric's key-value. */
export class FunctionRegistry {
  readonly #keyValue: KeyValue;
  readonly #clock: Clock;

  constructor(keyValue: KeyValue, options: { readonly clock?: Clock | undefined } = {}) {
    this.#keyValue = keyValue;
    this.#clock = options.clock ?? systemClock;
  }

  /** Notes that code has done a task; code seen for the first time becomes a new version. */
  async recordSuccess(success: {
    readonly role: string;
    readonly task: string;
    readonly code: string;
  }): Promise<{ readonly functionId: string; readonly version: number; readonly stage: FunctionStage }> {
    const { role, code } = success;
    const task = normalizeTask(success.task);
    const functionId = functionIdOf(role, task);
    const sha256 = hashOf(code);
    // The code first: a version never points at code that is not there.
    if ((await this.#keyValue.get(CODE, sha256))?.value !== code)
      await this.#keyValue.put(CODE, sha256, code);
    const now = this.#clock.now();
    const version = await this.#change(functionId, { role, task, nextVersion: 1, versions: [] }, (record) => {
      let known = record.versions.find((one) => one.sha256 === sha256);
      if (known === undefined) {
        const counts = { credit: 0, successes: 0, failures: 0 };
        known = { version: record.nextVersion, sha256, ...counts, createdAt: now, updatedAt: now };
        record.nextVersion += 1;
        record.versions.push(known);
      }
      known.credit = Math.min(GOLDEN, known.credit + 1);
      known.successes += 1;
      known.updatedAt = now;
      record.versions = byTrust(record.versions, known).slice(0, MAX_VERSIONS);
      return known;
    });
    return { functionId, version: version.version, stage: stageOf(version.credit) };
  }

  /** Notes that code failed, and demotes its version; null where it is not (or no longer) known. */
  async recordFailure(failure: {
    readonly role: string;
    readonly task: string;
    readonly code: string;
  }): Promise<{ readonly stage: FunctionStage } | null> {
    const functionId = functionIdOf(failure.role, normalizeTask(failure.task));
    const sha256 = hashOf(failure.code);
    const version = await this.#change(functionId, null, (record) => {
      const known = record.versions.find((one) => one.sha256 === sha256);
      if (known === undefined) return null;
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
    if (entry === null || found === undefined) return null;
    const code = (await this.#keyValue.get(CODE, found.sha256))?.value;
    if (code === undefined || hashOf(code) !== found.sha256) {
      const problem = code === undefined ? "is missing" : "is not what was registered: its hash differs";
      throw new StorageError(
        "INTEGRITY",
        `Cannot use function "${functionId}": the code of version ${found.version} ${problem}. ` +
          `Delete key "${functionId}" of bucket "${FUNCTIONS}" to have it written anew.`,
      );
    }
    return { functionId, role: entry.role, task: entry.task, ...found, code };
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
      versions: byTrust(versions).map(({ credit, ...rest }) => ({ ...rest, stage: stageOf(credit) })),
    };
  }

  /** Reads, changes and writes a record, again if somebody else wrote meanwhile; null where there is none. */
  async #change<T>(id: string, initial: FunctionRecord, change: (record: FunctionRecord) => T): Promise<T>;
  async #change<T>(id: string, initial: null, change: (record: FunctionRecord) => T): Promise<T | null>;
  async #change<T>(
    functionId: string,
    initial: FunctionRecord | null,
    change: (record: FunctionRecord) => T,
  ): Promise<T | null> {
    let conflict: unknown;
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const stored = await this.#keyValue.get(FUNCTIONS, functionId);
      const record = stored === null ? structuredClone(initial) : parseRecord(stored);
      if (record === null) return null;
      const changed = change(record);
      const value = JSON.stringify(record);
      try {
        if (stored === null) await this.#keyValue.create(FUNCTIONS, functionId, value);
        else await this.#keyValue.update(FUNCTIONS, functionId, value, stored.revision);
        return changed;
      } catch (error) {
        const code = error instanceof StorageError ? error.code : undefined;
        if (code !== "KEY_EXISTS" && code !== "REVISION_CONFLICT") throw error;
        conflict = error;
      }
    }
    throw new StorageError(
      "STORAGE_FAILED",
      `Cannot update function "${functionId}": others changed it ${MAX_TRIES} times meanwhile. Try again.`,
      { retryable: true, cause: conflict },
    );
  }
}

/** One form for all writings of a task that differ in white space or Unicode composition only. */
function normalizeTask(task: string): string {
  return task.normalize("NFC").replace(/\s+/g, " ").trim();
}

function functionIdOf(role: string, task: string): string {
  return `${role}-${hashOf(task).slice(0, 16)}`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function stageOf(credit: number): FunctionStage {
  if (credit === 0) return "candidate";
  return credit === GOLDEN ? "golden" : "verified";
}

/** The most trusted first, of equals the newest; one to be kept goes before all. */
function byTrust(versions: readonly VersionRecord[], keep?: VersionRecord): VersionRecord[] {
  return [...versions].sort((a, b) => {
    if (a === keep || b === keep) return a === keep ? -1 : 1;
    return b.credit - a.credit || b.version - a.version;
  });
}

function parseRecord(stored: KeyValueEntry): FunctionRecord {
  try {
    return recordSchema.parse(JSON.parse(stored.value));
  } catch (error) {
    throw new StorageError(
      "INTEGRITY",
      `Cannot read function "${stored.key}": its entry is not what the registry writes (${messageOf(error)}). ` +
        `Delete key "${stored.key}" of bucket "${FUNCTIONS}" to start it anew.`,
      { cause: error },
    );
  }
}
