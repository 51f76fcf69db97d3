// The registry's records as they are changed: read, changed and written with compare-and-set.
// Invariant: changes of one record that come together in this process are written together, so that they never stand in
// each other's way, however many they are.
import { StorageError } from "./core/errors.ts";
import type { KeyValue } from "./core/ports.ts";
import { FUNCTIONS, parseRecord, type FunctionRecord } from "./function-record.ts";

/** So often may other processes change a record meanwhile. */
const MAX_TRIES = 100;

/** A change of a function that waits to be written; gives the record with it, and what tells its success. */
interface WaitingChange {
  readonly apply: (record: FunctionRecord | null) => {
    readonly record: FunctionRecord | null;
    readonly done: () => void;
  };
  readonly reject: (reason: unknown) => void;
}

/** Changes records of functions. */
export class FunctionRecords {
  readonly #keyValue: KeyValue;
  readonly #waiting = new Map<string, WaitingChange[]>();

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  /**
   * Changes a record; null where there is none. What comes while others change the same record here is written
   * together after them, so that only other processes are in the way.
   */
  change<T>(id: string, initial: FunctionRecord, change: (record: FunctionRecord) => T): Promise<T>;
  change<T>(id: string, initial: null, change: (record: FunctionRecord) => T): Promise<T | null>;
  change<T>(
    functionId: string,
    initial: FunctionRecord | null,
    change: (record: FunctionRecord) => T,
  ): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const apply = (record: FunctionRecord | null) => {
        const changing = record ?? structuredClone(initial);
        const changed = changing === null ? null : change(changing);
        return { record: changing, done: () => resolve(changed) };
      };
      const waiting = this.#waiting.get(functionId);
      if (waiting !== undefined) {
        waiting.push({ apply, reject });
        return;
      }
      this.#waiting.set(functionId, [{ apply, reject }]);
      void this.#changeAll(functionId);
    });
  }

  async #changeAll(functionId: string): Promise<void> {
    for (;;) {
      const group = this.#waiting.get(functionId) ?? [];
      if (group.length === 0) break;
      this.#waiting.set(functionId, []);
      try {
        for (const done of await this.#write(functionId, group)) done();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#waiting.delete(functionId);
  }

  /** Reads, changes and writes a record, again if somebody else wrote meanwhile; gives what tells of success. */
  async #write(functionId: string, group: readonly WaitingChange[]): Promise<readonly (() => void)[]> {
    let conflict: unknown;
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const stored = await this.#keyValue.get(FUNCTIONS, functionId);
      let record = stored === null ? null : parseRecord(stored);
      const ends: (() => void)[] = [];
      for (const { apply } of group) {
        const applied = apply(record);
        record = applied.record;
        ends.push(applied.done);
      }
      if (record === null) return ends;
      const value = JSON.stringify(record);
      try {
        if (stored === null) await this.#keyValue.create(FUNCTIONS, functionId, value);
        else await this.#keyValue.update(FUNCTIONS, functionId, value, stored.revision);
        return ends;
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
