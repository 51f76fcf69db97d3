// A fabric that keeps all in memory, for tests and for meshes that need to remember nothing.
// Invariant: it passes the same contract as the others; what is closed is forgotten.
import { systemClock, type Clock } from "../../core/clock.ts";
import { StorageError } from "../../core/errors.ts";
import { requireBlobPath, requireBucket, requireKey } from "../../core/grammar.ts";
import type { Blobs, Fabric, KeyValue, KeyValueEntry } from "../../core/ports.ts";
import { EmbeddedMessages, type HandlerErrorHook } from "../embedded/messages.ts";

/** Makes a fabric in memory. */
export function createMemoryFabric(
  options: { readonly clock?: Clock | undefined; readonly onHandlerError?: HandlerErrorHook } = {},
): Fabric {
  const warn = (error: unknown, subject: string) =>
    process.emitWarning(`A handler of "${subject}" failed: ${String(error)}`, "FettleWarning");
  const messages = new EmbeddedMessages(options.onHandlerError ?? warn, options.clock ?? systemClock);
  const keyValue = new MemoryKeyValue();
  const close = async (): Promise<void> => {
    messages.close();
    keyValue.close();
  };
  return Object.freeze({
    name: "memory",
    messages,
    keyValue,
    blobs: new MemoryBlobs(),
    close,
    [Symbol.asyncDispose]: close,
  });
}

class MemoryKeyValue implements KeyValue {
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

class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<string, Uint8Array>();

  async write(path: string, data: string | Uint8Array): Promise<void> {
    requireBlobPath(path);
    // A copy: what the caller does with its bytes later is its own affair.
    this.#blobs.set(path, typeof data === "string" ? new TextEncoder().encode(data) : data.slice());
  }

  async read(path: string): Promise<Uint8Array | null> {
    requireBlobPath(path);
    return this.#blobs.get(path)?.slice() ?? null;
  }

  async delete(path: string): Promise<void> {
    requireBlobPath(path);
    this.#blobs.delete(path);
  }

  async list(prefix = ""): Promise<readonly string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    if (folder !== "") requireBlobPath(folder.slice(0, -1));
    return [...this.#blobs.keys()].filter((path) => path.startsWith(prefix)).sort();
  }
}
