// Values of any size as short texts: small ones are the text, large ones a blob that the text names.
// Invariant: a value is whole on disk before its text is handed out, and a blob is never changed, only dropped.
import { randomUUID } from "node:crypto";
import { decode, encode } from "./core/codec.ts";
import { StorageError } from "./core/errors.ts";
import type { Blobs } from "./core/ports.ts";

/** Texts up to this length stand for themselves: what a store takes well in one entry. */
const INLINE = 16_384;

/** Packs values into texts that can be stored as entries. */
export class StoredValues {
  readonly #blobs: Blobs;
  readonly #folder: string;

  /** `folder` is where large values go, as a path of blobs. */
  constructor(blobs: Blobs, folder: string) {
    this.#blobs = blobs;
    this.#folder = folder;
  }

  /** @throws ValueError where the codec cannot carry the value; StorageError */
  async pack(value: unknown): Promise<string> {
    const text = encode(value);
    if (text.length <= INLINE) return `=${text}`;
    const path = `${this.#folder}/${randomUUID()}`;
    await this.#blobs.write(path, text);
    return `@${path}`;
  }

  /** @throws StorageError `INTEGRITY` where the value is gone. */
  async unpack(packed: string): Promise<unknown> {
    if (packed.startsWith("=")) return decode(packed.slice(1));
    const path = packed.slice(1);
    const bytes = packed.startsWith("@") ? await this.#blobs.read(path) : null;
    if (bytes !== null) return decode(new TextDecoder().decode(bytes));
    throw new StorageError("INTEGRITY", `Cannot read a stored value: blob "${path}" is gone. Restore it.`);
  }

  /** Frees what a text names; it cannot be read afterwards. */
  async drop(packed: string): Promise<void> {
    if (packed.startsWith("@")) await this.#blobs.delete(packed.slice(1));
  }
}
