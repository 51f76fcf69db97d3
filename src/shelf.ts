// Values by key, of any size, in one bucket below one owner's name.
// Invariant: a reader sees a whole value, the old or the new one, also while another replaces it.
import { StorageError } from "./core/errors.ts";
import { requireMemoryKey } from "./core/memory.ts";
import { requireName } from "./core/names.ts";
import type { Blobs, KeyValue } from "./core/ports.ts";
import { SharedRecords } from "./shared-records.ts";
import { StoredValues } from "./stored-values.ts";

/** What values are stored in. */
export interface ShelfStores {
  readonly keyValue: KeyValue;
  readonly blobs: Blobs;
}

/** A value with the revision that it was written at. */
export interface Shelved {
  readonly value: unknown;
  /** Another one for each change. */
  readonly revision: number;
}

/** A stored text, mutable so that it can be replaced by compare-and-set. */
interface Slot {
  packed: string;
}

/** The values of one owner: a task's notes, a role's memories. */
export class Shelf {
  readonly #keyValue: KeyValue;
  readonly #bucket: string;
  readonly #prefix: string;
  readonly #slots: SharedRecords<Slot>;
  readonly #values: StoredValues;

  /** @throws DefinitionError where the owner is no name. */
  constructor(stores: ShelfStores, bucket: string, owner: string) {
    requireName(owner, "The owner of a memory");
    this.#keyValue = stores.keyValue;
    this.#bucket = bucket;
    this.#prefix = `${owner}.`;
    this.#slots = new SharedRecords(stores.keyValue, bucket, {
      read: (entry) => ({ packed: entry?.value ?? "" }),
      write: ({ packed }) => packed,
    });
    this.#values = new StoredValues(stores.blobs, `memory/${bucket}/${owner}`);
  }

  /** Null where there is nothing under the key. @throws StorageError */
  async get(key: string): Promise<Shelved | null> {
    const full = this.#keyOf(key);
    for (let seen = 0; ;) {
      const entry = await this.#keyValue.get(this.#bucket, full);
      if (entry === null) return null;
      try {
        return { value: await this.#values.unpack(entry.value), revision: entry.revision };
      } catch (error) {
        // Its blob was dropped because the value was replaced meanwhile: the newer one is there.
        const isGone = error instanceof StorageError && error.code === "INTEGRITY";
        if (!isGone || entry.revision === seen) throw error;
        seen = entry.revision;
      }
    }
  }

  /** @throws ValueError where the codec cannot carry the value; StorageError */
  async set(key: string, value: unknown): Promise<void> {
    const full = this.#keyOf(key);
    const packed = await this.#values.pack(value);
    const old = await this.#slots.change(full, (slot) => {
      const before = slot.packed;
      slot.packed = packed;
      return before;
    });
    if (old !== packed) await this.#values.drop(old);
  }

  /** Whether there is a value under the key. */
  async has(key: string): Promise<boolean> {
    return (await this.#keyValue.get(this.#bucket, this.#keyOf(key))) !== null;
  }

  /** Does nothing where there is no such key. */
  async delete(key: string): Promise<void> {
    const full = this.#keyOf(key);
    const entry = await this.#keyValue.get(this.#bucket, full);
    if (entry === null) return;
    await this.#keyValue.delete(this.#bucket, full);
    await this.#values.drop(entry.value);
  }

  /** The owner's keys that start with a prefix, sorted by their characters. */
  async keys(prefix = ""): Promise<readonly string[]> {
    const keys = await this.#keyValue.keys(this.#bucket, `${this.#prefix}${prefix}`);
    return keys.map((key) => key.slice(this.#prefix.length));
  }

  /** All values of the owner by their keys. */
  async all(): Promise<Readonly<Record<string, unknown>>> {
    const found = await Promise.all(
      (await this.keys()).map(async (key) => [key, await this.get(key)] as const),
    );
    return Object.fromEntries(
      found.flatMap(([key, shelved]) => (shelved === null ? [] : [[key, shelved.value]])),
    );
  }

  /** Deletes all that the owner has. */
  async clear(): Promise<void> {
    for (const key of await this.keys()) await this.delete(key);
  }

  #keyOf(key: string): string {
    requireMemoryKey(key);
    return this.#prefix + key;
  }
}
