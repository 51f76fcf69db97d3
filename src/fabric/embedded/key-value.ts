// Keys with revisions in the state file, shared safely by all processes that open it.
// Invariant: a write is on disk before its promise resolves; every write takes the next number of the file's one
// counter, so that a revision never comes back, not even after its key was deleted and made again.
import { requireBucket, requireKey } from "../../core/grammar.ts";
import { StorageError } from "../../core/errors.ts";
import type { KeyValue, KeyValueEntry } from "../../core/ports.ts";
import { next, type StateDatabase, type StateFile, type StateKey } from "./state-file.ts";

/** Key-value on LMDB; made by `createEmbeddedFabric`. */
export class EmbeddedKeyValue implements KeyValue {
  readonly #file: StateFile;

  constructor(file: StateFile) {
    this.#file = file;
  }

  async get(bucket: string, key: string): Promise<KeyValueEntry | null> {
    return this.#file.read(requireAddress("read", bucket, key), (database) => {
      const entry = database.getEntry(place(bucket, key));
      return entry === undefined ? null : { key, value: entry.value, revision: entry.version ?? 0 };
    });
  }

  async put(bucket: string, key: string, value: string): Promise<number> {
    return this.#write("write", bucket, key, (database) => store(database, bucket, key, value));
  }

  async create(bucket: string, key: string, value: string): Promise<number> {
    return this.#write("create", bucket, key, (database, attempt) => {
      const existing = database.getEntry(place(bucket, key));
      if (existing === undefined) return store(database, bucket, key, value);
      throw new StorageError(
        "KEY_EXISTS",
        `Cannot ${attempt}: it exists, at revision ${existing.version ?? 0}.`,
      );
    });
  }

  async update(bucket: string, key: string, value: string, revision: number): Promise<number> {
    return this.#write("update", bucket, key, (database, attempt) => {
      const existing = database.getEntry(place(bucket, key));
      if (existing?.version === revision) return store(database, bucket, key, value);
      const found =
        existing === undefined ? "it does not exist" : `it is at revision ${existing.version ?? 0}`;
      throw new StorageError("REVISION_CONFLICT", `Cannot ${attempt} from revision ${revision}: ${found}.`);
    });
  }

  async delete(bucket: string, key: string): Promise<void> {
    await this.#write("delete", bucket, key, (database) => {
      void database.remove(place(bucket, key));
      return 0;
    });
  }

  async keys(bucket: string, prefix = ""): Promise<readonly string[]> {
    requireBucket(bucket);
    return this.#file.read(`list the keys of bucket "${bucket}"`, (database) => {
      const range = database.getKeys({
        start: place(bucket, prefix),
        end: place(bucket, `${prefix}\u{10ffff}`),
      });
      return [...range].map((key) => String(key[2]));
    });
  }

  async #write(
    verb: string,
    bucket: string,
    key: string,
    action: (database: StateDatabase, attempt: string) => number,
  ): Promise<number> {
    const attempt = requireAddress(verb, bucket, key);
    return this.#file.write(attempt, (database) => action(database, attempt));
  }
}

function place(bucket: string, key: string): StateKey {
  return ["key-value", bucket, key];
}

/** Writes within a transaction, under the next revision. */
function store(database: StateDatabase, bucket: string, key: string, value: string): number {
  const revision = next(database);
  void database.put(place(bucket, key), value, revision);
  return revision;
}

function requireAddress(verb: string, bucket: string, key: string): string {
  requireBucket(bucket);
  requireKey(key);
  return `${verb} key "${key}" of bucket "${bucket}"`;
}
