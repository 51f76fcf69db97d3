// Blobs in memory.
// Invariant: bytes are copied on their way in and out, so that nobody changes a stored blob by changing his own.
import { requireBlobPath } from "../../core/grammar.ts";
import type { Blobs } from "../../core/ports.ts";

/** Blobs in memory; made by `createMemoryFabric`. */
export class MemoryBlobs implements Blobs {
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
