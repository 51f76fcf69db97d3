// The one LMDB file of a data folder, in which key-value, ledgers and queues keep their entries side by side,
// shared safely by all processes that open it.
// Invariant: a write is on disk before its promise resolves; every number that `next` gives is greater than all
// before it, over all processes and restarts; the first part of an entry's key says whose entry it is.
import { statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { FettleError, StorageError } from "../../core/errors.ts";
import { UnderWay } from "../../core/under-way.ts";
import { shareDatabase, type SharedDatabase, type StateDatabase } from "./shared-database.ts";
import { storageError } from "./storage-error.ts";

/** The counter's place: a key of one part, where all others have more. */
const COUNTER = ["revision"];

const NAME = "state.mdb";

/** A file that is not there yet, as it is read. */
const EMPTY = {
  doesExist: () => false,
  get: () => undefined,
  getEntry: () => undefined,
  getKeys: () => [],
  getKeysCount: () => 0,
  getRange: () => [],
} as unknown as StateDatabase;

/** The LMDB file `state.mdb` in a folder; both are made by the first write. */
export class StateFile {
  readonly path: string;
  readonly #directory: string;
  readonly #reserveBytes: number;
  readonly #underWay = new UnderWay();
  #shared: Promise<SharedDatabase> | undefined;
  #closed = false;

  /** Writes are refused while fewer than `reserveBytes` are free on the folder's disk. */
  constructor(directory: string, reserveBytes: number) {
    this.path = join(directory, NAME);
    this.#directory = directory;
    this.#reserveBytes = reserveBytes;
  }

  /**
   * Reads what is in the file now, by any process. `attempt` says in errors what was tried, as in `read key "a"`.
   *
   * @throws StorageError `STORAGE_FAILED`
   */
  async read<T>(attempt: string, action: (database: StateDatabase) => T): Promise<T> {
    if (this.#isAbsent(attempt)) return action(EMPTY);
    const shared = await this.#open(attempt);
    try {
      const database = await shared.database();
      database.resetReadTxn(); // Else a write that another process just made might not be seen.
      return action(database);
    } catch (error) {
      throw this.#failure(attempt, error);
    }
  }

  /**
   * Runs an action in a transaction. It holds the file's one write lock, over all processes, so what it reads cannot
   * change meanwhile. An action that throws must do so before it writes: what it wrote would stay.
   *
   * @throws StorageError `STORAGE_FAILED`, and what the action throws.
   */
  async write<T>(attempt: string, action: (database: StateDatabase) => T): Promise<T> {
    const shared = await this.#open(attempt);
    this.#requireSpace(attempt);
    try {
      return await this.#underWay.during(() => shared.write(action));
    } catch (error) {
      throw this.#failure(attempt, await reasonOf(error));
    }
  }

  /** Lets writes under way finish, then closes the file; idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = this.#shared;
    this.#shared = undefined;
    const shared = await opening?.catch(() => undefined);
    await this.#underWay.none();
    await shared?.release();
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
    throw storageError(attempt, this.path, cause);
  }

  /** Whether there is no file yet, of this process or another's. */
  #isAbsent(attempt: string): boolean {
    this.#requireOpen(attempt);
    if (this.#shared !== undefined) return false;
    try {
      return statSync(this.path, { throwIfNoEntry: false }) === undefined;
    } catch (error) {
      throw this.#failure(attempt, error);
    }
  }

  async #open(attempt: string): Promise<SharedDatabase> {
    this.#requireOpen(attempt);
    this.#shared ??= shareDatabase(this.#directory, NAME);
    try {
      const shared = await this.#shared;
      await shared.database();
      this.#requireOpen(attempt);
      return shared;
    } catch (error) {
      this.#shared = undefined; // So that the next call tries anew, once the cause is mended.
      throw this.#failure(attempt, error);
    }
  }

  #requireOpen(attempt: string): void {
    if (this.#closed) throw new StorageError("STORAGE_FAILED", `Cannot ${attempt}: the fabric is closed.`);
  }

  #failure(attempt: string, error: unknown): FettleError {
    return error instanceof FettleError ? error : storageError(attempt, this.path, error);
  }
}

/** The next number of the file's one counter; only within a transaction. */
export function next(database: StateDatabase): number {
  const number = (database.getEntry(COUNTER)?.version ?? 0) + 1;
  void database.put(COUNTER, "", number);
  return number;
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
