// How a function is stored: its entry as it is read, checked and written, and what of it is told.
// Invariant: an entry that is not what the registry writes is an error that names it, never half an entry.
import { createHash } from "node:crypto";
import { z } from "zod";
import { messageOf, StorageError } from "./core/errors.ts";
import type { KeyValueEntry } from "./core/ports.ts";

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
  /** Why it must not answer without a model, such as the literal that came from some run's data; null where it may. */
  readonly taint: string | null;
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

/** The credit at which a version is golden. */
export const GOLDEN = 5;
/** Of shapes that one version worked with, the latest are kept. */
export const MAX_SHAPES = 16;
/** Of tries that were counted, so many are remembered: more than are under way at once, with room to spare. */
const MAX_COUNTED = 128;
/** The bucket of functions; the code is in another, by its hash. */
export const FUNCTIONS = "functions";

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
      /** Hashes of shapes, the latest last. */
      shapes: z.array(z.string()).max(MAX_SHAPES).default([]),
      /** The hash of the agent's instructions; the latest. */
      agent: z.string().nullable().default(null),
      taint: z.string().nullable().default("it was registered before literals were compared"),
      createdAt: z.number(),
      updatedAt: z.number(),
    }),
  ),
  /** Hashes of the ids of tries that were counted, the latest last. */
  counted: z.array(z.string()).default([]),
});

/** A function as it is stored. */
export type FunctionRecord = z.infer<typeof recordSchema>;

/** A version as it is stored. */
export type VersionRecord = FunctionRecord["versions"][number];

/** One form for all writings of a task that differ in white space or Unicode composition only. */
export function normalizeTask(task: string): string {
  return task.normalize("NFC").replace(/\s+/g, " ").trim();
}

/** The id of a role's function for a normalised task. */
export function functionIdOf(role: string, task: string): string {
  return `${role}-${hashOf(task).slice(0, 16)}`;
}

/** SHA-256 in hexadecimal. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Notes that a try counts; whether it counted before. One without an id always counts anew. */
export function wasCounted(record: FunctionRecord, tryId: string | undefined): boolean {
  if (tryId === undefined) return false;
  const mark = hashOf(tryId).slice(0, 12);
  if (record.counted.includes(mark)) return true;
  record.counted = [...record.counted, mark].slice(-MAX_COUNTED);
  return false;
}

/** A version as it is told. */
export function publish({ credit, shapes: _, agent: __, ...rest }: VersionRecord): FunctionVersion {
  return { ...rest, stage: stageOf(credit) };
}

/** The stage that a credit stands for. */
export function stageOf(credit: number): FunctionStage {
  if (credit === 0) return "candidate";
  return credit === GOLDEN ? "golden" : "verified";
}

/** The most trusted first, of equals the newest; one to be kept goes before all. */
export function byTrust(versions: readonly VersionRecord[], keep?: VersionRecord): VersionRecord[] {
  return [...versions].sort((a, b) => {
    if (a === keep || b === keep) return a === keep ? -1 : 1;
    return b.credit - a.credit || b.version - a.version;
  });
}

/** Reads an entry; throws StorageError `INTEGRITY` where it is not what the registry writes. */
export function parseRecord(stored: KeyValueEntry): FunctionRecord {
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
