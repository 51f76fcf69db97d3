// Keys with revisions in memory.
// Invariant: a revision never comes back, not even after its key was deleted and made again.
import { StorageError } from "../../core/errors.ts";
import { requireBucket, requireKey } from "../../core/grammar.ts";
import type { KeyValue, KeyValueEntry } from "../../core/ports.ts";

/** Key-value in memory; made by `createMemoryFabric`. */
export class MemoryKeyValue implements KeyValue {
  readonly #buckets = new Map<string, Map<string, KeyValueEntry>>();
  #revision = 0;
  #closed = false;

  close(): void {
    this.#closed = true;
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    return this.#bucket(bucket, key).get(key) ?? null;
  }

  async put(bucket: string, key: string, value: string): Promise<number> {
    const revision = ++this.#revision;
    this.#bucket(bucket, key).set(key, { key, value, revision });
    return revision;
  }

  async create(bucket: string, key: string, value: string): Promise<number> {
    const existing = this.#bucket(bucket, key).get(key);
    if (existing === undefined) return this.put(bucket, key, value);
    throw new StorageError(
      "KEY_EXISTS",
      `Cannot create key "${key}" of bucket "${bucket}": it exists, at revision ${existing.revision}.`,
    );
  }

  async update(bucket: string, key: string, value: string, revision: number): Promise<number> {
    const existing = this.#bucket(bucket, key).get(key);
    if (existing?.revision === revision) return this.put(bucket, key, value);
    const found = existing === undefined ? "it does not exist" : `it is at revision ${existing.revision}`;
    throw new StorageError(
      "REVISION_CONFLICT",
      `Cannot update key "${key}" of bucket "${bucket}" from revision ${revision}: ${found}.`,
    );
  }

  async delete(bucket: string, key: string): Promise<void> {
    this.#bucket(bucket, key).delete(key);
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    return [...(this.#buckets.get(bucket)?.keys() ?? [])].filter((key) => key.startsWith(prefix)).sort();
  }

  #bucket(bucket: string, key: string): Map<string, KeyValueEntry> {
    requireBucket(bucket);
    requireKey(key);
    if (this.#closed) {
      throw new StorageError(
        "STORAGE_FAILED",
        `Cannot use key "${key}" of bucket "${bucket}": the fabric is closed.`,
      );
    }
    const entries = this.#buckets.get(bucket) ?? new Map<string, KeyValueEntry>();
    this.#buckets.set(bucket, entries);
    return entries;
  }
}
