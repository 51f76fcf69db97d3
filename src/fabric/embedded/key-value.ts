// Keys with revisions in one LMDB file, shared safely by all processes that open it.
// Invariant: a write is on disk before its promise resolves; every write takes the next number of one counter
// in the file, so that a revision never comes back, not even after its key was deleted and made again.
import { statfsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RootDatabase } from "lmdb";
import { requireBucket, requireKey } from "../../core/grammar.ts";
import { FettleError, StorageError } from "../../core/errors.ts";
import type { KeyValue, KeyValueEntry } from "../../core/ports.ts";
import { requireSoundFile } from "./lmdb-file.ts";
import { storageError } from "./storage-error.ts";

type Database = RootDatabase<string, string[]>;

/** The counter's place: a key of one part, where entries have two. */
const COUNTER = ["revision"];

/** Key-value on LMDB; made by `createEmbeddedFabric`. Makes its folder and file on first use. */
export class EmbeddedKeyValue implements KeyValue {
  readonly #directory: string;
  readonly #file: string;
  readonly #reserveBytes: number;
  #database: Promise<Database> | undefined;
  #closed = false;

  constructor(directory: string, reserveBytes: number) {
    this.#directory = directory;
    this.#reserveBytes = reserveBytes;
    this.#file = join(directory, "state.mdb");
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    const attempt = requireAddress("read", bucket, key);
    const database = await this.#open(attempt);
    return this.#guard(attempt, () => {
      database.resetReadTxn(); // Else a write that another process just made might not be seen.
      const entry = database.getEntry([bucket, key]);
      return entry === undefined ? null : { key, value: entry.value, revision: entry.version ?? 0 };
    });
  }

  async put(bucket: string, key: string, value: string): Promise<number> {
    return this.#write("write", bucket, key, (database) => store(database, bucket, key, value));
  }

  async create(bucket: string, key: string, value: string): Promise<number> {
    return this.#write("create", bucket, key, (database, attempt) => {
      const existing = database.getEntry([bucket, key]);
      if (existing === undefined) return store(database, bucket, key, value);
      throw new StorageError(
        "KEY_EXISTS",
        `Cannot ${attempt}: it exists, at revision ${existing.version ?? 0}.`,
      );
    });
  }

  async update(bucket: string, key: string, value: string, revision: number): Promise<number> {
    return this.#write("update", bucket, key, (database, attempt) => {
      const existing = database.getEntry([bucket, key]);
      if (existing?.version === revision) return store(database, bucket, key, value);
      const found =
        existing === undefined ? "it does not exist" : `it is at revision ${existing.version ?? 0}`;
      throw new StorageError("REVISION_CONFLICT", `Cannot ${attempt} from revision ${revision}: ${found}.`);
    });
  }

  async delete(bucket: string, key: string): Promise<void> {
    await this.#write("delete", bucket, key, (database) => {
      void database.remove([bucket, key]);
      return 0;
    });
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    const attempt = `list the keys of bucket "${bucket}"`;
    const database = await this.#open(attempt);
    return this.#guard(attempt, () => {
      database.resetReadTxn();
      const range = database.getKeys({ start: [bucket, prefix], end: [bucket, `${prefix}\u{10ffff}`] });
      return [...range].map((key) => key[1] ?? "");
    });
  }

  /** Lets writes under way finish, then closes the file. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = this.#database;
    this.#database = undefined;
    const database = await opening?.catch(() => undefined);
    await database?.close();
  }

  async #write(
    verb: string,
    bucket: string,
    key: string,
    action: (database: Database, attempt: string) => number,
  ): Promise<number> {
    const attempt = requireAddress(verb, bucket, key);
    const database = await this.#open(attempt);
    this.#requireSpace(attempt);
    try {
      // The callback holds LMDB's one write lock, over all processes: what it reads cannot change meanwhile.
      return await database.transaction(() => action(database, attempt));
    } catch (error) {
      if (error instanceof FettleError) throw error;
      throw storageError(attempt, this.#file, await reasonOf(error));
    }
  }

  /**
   * Refuses a write while the disk is nearly full. A commit that fails half-way is safe in the file, but lmdb-js 3.5
   * damages its process's memory while it reports one, so it must not come to that.
   */
  #requireSpace(attempt: string): void {
    const { bavail, bsize } = statfsSync(this.#directory);
    const free = bavail * bsize;
    if (free >= this.#reserveBytes) return;
    const cause = Object.assign(new Error(`only ${free} bytes are free, ${this.#reserveBytes} are needed`), {
      code: "ENOSPC",
    });
    throw storageError(attempt, this.#file, cause);
  }

  #guard<T>(attempt: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw storageError(attempt, this.#file, error);
    }
  }

  async #open(attempt: string): Promise<Database> {
    if (this.#closed) throw new StorageError("STORAGE_FAILED", `Cannot ${attempt}: the fabric is closed.`);
    this.#database ??= openDatabase(this.#directory, this.#file);
    try {
      return await this.#database;
    } catch (error) {
      this.#database = undefined; // So that the next call tries anew, once the cause is mended.
      throw error instanceof FettleError ? error : storageError(attempt, this.#file, error);
    }
  }
}

async function openDatabase(directory: string, file: string): Promise<Database> {
  await mkdir(directory, { recursive: true });
  await requireSoundFile(file);
  const { open } = await import("lmdb");
  return open<string, string[]>(file, {
    noSubdir: true,
    encoding: "string",
    useVersions: true,
    // Plain LMDB commits: synced to disk before they are acknowledged, and a failed one (a full disk) rejects
    // its own writes only. With either of these on, a failed commit also rejects promises that nobody holds.
    overlappingSync: false,
    eventTurnBatching: false,
  });
}

/** Writes within a transaction, under the next revision. */
function store(database: Database, bucket: string, key: string, value: string): number {
  const revision = (database.getEntry(COUNTER)?.version ?? 0) + 1;
  void database.put(COUNTER, "", revision);
  void database.put([bucket, key], value, revision);
  return revision;
}

function requireAddress(verb: string, bucket: string, key: string): string {
  requireBucket(bucket);
  requireKey(key);
  return `${verb} key "${key}" of bucket "${bucket}"`;
}

/** A failed commit keeps its reason in a promise beside the error. */
async function reasonOf(error: unknown): Promise<unknown> {
  const reason = (error as { readonly commitError?: Promise<unknown> } | undefined)?.commitError;
  if (reason === undefined) return error;
  return reason.then(
    () => error,
    (cause: unknown) => cause,
  );
}
