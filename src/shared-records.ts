// Records that many change at once: tasks of this process, and other processes on the same store.
// Invariant: each change sees the record as it is when the change is written, and sees it alone; changes of one key
// that wait in this process are written together, so that a busy key costs few writes and never many retries.
import { setTimeout as wait } from "node:timers/promises";
import { StorageError } from "./core/errors.ts";
import type { KeyValue, KeyValueEntry } from "./core/ports.ts";

/** How records are written as text. */
export interface RecordForm<T> {
  /** The record of an entry, or a new one where there is none. @throws StorageError `INTEGRITY` */
  read(entry: KeyValueEntry | null): T;
  write(record: T): string;
}

/** A change that waits for its turn. It is applied anew to a newer record until one is written. */
interface Waiting<T> {
  apply(record: T): void;
  done(): void;
  failed(error: unknown): void;
}

const MAX_TRIES = 200;
const LONGEST_WAIT_MS = 50;

/** Changes the records of one bucket by compare-and-set. */
export class SharedRecords<T> {
  readonly #keyValue: KeyValue;
  readonly #bucket: string;
  readonly #form: RecordForm<T>;
  readonly #waiting = new Map<string, Waiting<T>[]>();

  constructor(keyValue: KeyValue, bucket: string, form: RecordForm<T>) {
    this.#keyValue = keyValue;
    this.#bucket = bucket;
    this.#form = form;
  }

  /** The record as it is stored; null where there is none. */
  async get(key: string): Promise<T | null> {
    const entry = await this.#keyValue.get(this.#bucket, key);
    return entry === null ? null : this.#form.read(entry);
  }

  /** Deletes a record, whatever it holds: for its only owner, once all changes are done. */
  async delete(key: string): Promise<void> {
    await this.#keyValue.delete(this.#bucket, key);
  }

  /**
   * Changes a record; resolves with what the change returned once it is stored. A change that throws must not have
   * touched the record; its error is thrown here, and the changes beside it go on. It may be called several times.
   *
   * @throws StorageError where the record cannot be read or written.
   */
  change<R>(key: string, change: (record: T) => R): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      let end: () => void;
      const one: Waiting<T> = {
        apply: (record) => {
          try {
            const value = change(record);
            end = () => resolve(value);
          } catch (error) {
            end = () => one.failed(error);
          }
        },
        done: () => end(),
        failed: reject,
      };
      const queue = this.#waiting.get(key);
      if (queue !== undefined) {
        queue.push(one);
        return;
      }
      this.#waiting.set(key, [one]);
      void this.#work(key);
    });
  }

  /** Writes what waits for a key, until nothing does. */
  async #work(key: string): Promise<void> {
    await Promise.resolve(); // What is asked for in the same turn goes along.
    for (let queue = this.#waiting.get(key) ?? []; queue.length > 0;) {
      const together = queue.splice(0);
      try {
        await this.#write(key, together);
        for (const one of together) one.done();
      } catch (error) {
        for (const one of together) one.failed(error);
      }
    }
    this.#waiting.delete(key);
  }

  async #write(key: string, together: readonly Waiting<T>[]): Promise<void> {
    let conflict: unknown;
    for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
      const entry = await this.#keyValue.get(this.#bucket, key);
      const record = this.#form.read(entry);
      const before = entry?.value ?? this.#form.write(record);
      for (const one of together) one.apply(record);
      const text = this.#form.write(record);
      if (text === before) return;
      try {
        if (entry === null) await this.#keyValue.create(this.#bucket, key, text);
        else await this.#keyValue.update(this.#bucket, key, text, entry.revision);
        return;
      } catch (error) {
        const code = error instanceof StorageError ? error.code : undefined;
        if (code !== "KEY_EXISTS" && code !== "REVISION_CONFLICT") throw error;
        conflict = error;
        // Another process was faster. The first tries are free; then chance decides who goes first.
        if (attempt > 2) await wait(Math.random() * Math.min(LONGEST_WAIT_MS, 2 ** attempt));
      }
    }
    throw new StorageError(
      "STORAGE_FAILED",
      `Cannot change key "${key}" of bucket "${this.#bucket}": others changed it ${MAX_TRIES} times meanwhile. Try again.`,
      { retryable: true, cause: conflict },
    );
  }
}
