// Blobs in memory.
// Invariant: bytes are copied on their way in and out, so that nobody changes a stored blob by changing his own.
import { requireBlobPath, requireBlobPrefix } from "../../core/grammar.ts";
import type { Blobs } from "../../core/ports.ts";
import { byteStream, chunksOf, discard, joined, type BlobData } from "../byte-stream.ts";

/** Blobs in memory; made by `createMemoryFabric`. */
export class MemoryBlobs implements Blobs {
  readonly #blobs = new Map<string, Uint8Array>();

  async write(path: string, data: BlobData): Promise<void> {
    try {
      requireBlobPath(path);
      this.#blobs.set(path, await copyOf(`write blob "${path}"`, data));
    } catch (error) {
      await discard(data, error);
      throw error;
    }
  }

  async read(path: string): Promise<Uint8Array | null> {
    requireBlobPath(path);
    return this.#blobs.get(path)?.slice() ?? null;
  }

  async stream(path: string): Promise<ReadableStream<Uint8Array> | null> {
    let rest = await this.read(path);
    if (rest === null) return null;
    const next = async (): Promise<Uint8Array | null> => {
      const bytes = rest;
      rest = null;
      return bytes?.length === 0 ? null : bytes;
    };
    return byteStream({ next, close: async () => undefined }, (error) => error as Error);
  }

  async delete(path: string): Promise<void> {
    requireBlobPath(path);
    this.#blobs.delete(path);
  }

  async list(prefix = ""): Promise<readonly string[]> {
    requireBlobPrefix(prefix);
    return [...this.#blobs.keys()].filter((path) => path.startsWith(prefix)).sort();
  }
}

async function copyOf(attempt: string, data: BlobData): Promise<Uint8Array> {
  if (typeof data === "string") return new TextEncoder().encode(data);
  return data instanceof Uint8Array ? data.slice() : joined(chunksOf(attempt, data));
}
