// What the stores of blobs in a cloud have in common: the grammar of paths, streams both ways, and errors in words
// that help. What differs, the requests themselves, is an ObjectStore: azure.ts and s3.ts make one each.
// Invariant: no key, signature or connection string leaves here in an error, neither in its message nor its cause.
import { Readable } from "node:stream";
import { isBlobPath, requireBlobPath, requireBlobPrefix } from "../../core/grammar.ts";
import { StorageError } from "../../core/errors.ts";
import type { Blobs } from "../../core/ports.ts";
import { byteStream, chunksOf, discard, joined, type BlobData } from "../byte-stream.ts";

/** The requests to one service, each named by the blob's path; they throw what the service's library throws. */
export interface ObjectStore {
  /** As errors speak of it: `S3 bucket "results" in eu-central-1`. */
  readonly place: string;
  /** Writes all of it at once. */
  put(path: string, bytes: Uint8Array): Promise<void>;
  /** Writes in parts, which appear together once the last is there. */
  upload(path: string, bytes: Readable): Promise<void>;
  /** Null where there is no such blob. */
  download(path: string): Promise<Readable | null>;
  /** Does nothing where there is no such blob. */
  remove(path: string): Promise<void>;
  /** All names that start with a prefix, in any order, of whoever they are. */
  names(prefix: string): AsyncIterable<string>;
  /** What was thrown, as a StorageError about `attempt`. */
  failure(attempt: string, thrown: unknown): StorageError;
  close(): void;
}

/** Blobs at a service; made by `openAzureBlobs` and `openS3Blobs`. */
export class CloudBlobs implements Blobs, AsyncDisposable {
  /** What these blobs are kept in, in words: `S3 bucket "results" in eu-central-1`. */
  readonly place: string;
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.place = store.place;
    this.#store = store;
  }

  async write(path: string, data: BlobData): Promise<void> {
    const attempt = `write blob "${path}"`;
    try {
      requireBlobPath(path);
      await this.#attempt(attempt, () =>
        data instanceof ReadableStream
          ? this.#upload(path, chunksOf(attempt, data))
          : this.#store.put(path, typeof data === "string" ? new TextEncoder().encode(data) : data),
      );
    } catch (error) {
      await discard(data, error);
      throw error;
    }
  }

  async read(path: string): Promise<Uint8Array | null> {
    requireBlobPath(path);
    return this.#attempt(`read blob "${path}"`, async () => {
      const content = await this.#store.download(path);
      return content === null ? null : joined(content as AsyncIterable<Uint8Array>);
    });
  }

  async stream(path: string): Promise<ReadableStream<Uint8Array> | null> {
    requireBlobPath(path);
    const attempt = `read blob "${path}"`;
    const content = await this.#attempt(attempt, () => this.#store.download(path));
    if (content === null) return null;
    content.on("error", () => undefined); // Told when it is read; unheard, it would end the process.
    const pieces = content[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
    return byteStream(
      {
        next: async () => {
          const { done, value } = await pieces.next();
          return done === true ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
        },
        close: async () => {
          content.destroy();
        },
      },
      (error) => this.#store.failure(attempt, error),
    );
  }

  async delete(path: string): Promise<void> {
    requireBlobPath(path);
    await this.#attempt(`delete blob "${path}"`, () => this.#store.remove(path));
  }

  async list(prefix = ""): Promise<readonly string[]> {
    requireBlobPrefix(prefix);
    return this.#attempt("list blobs", async () => {
      const paths: string[] = [];
      for await (const name of this.#store.names(prefix)) if (isBlobPath(name)) paths.push(name);
      return paths.sort();
    });
  }

  /** Ends idle connections; what is under way ends by itself. */
  async close(): Promise<void> {
    this.#store.close();
  }

  /** Closes its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #upload(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const bytes = Readable.from(asBuffers(chunks));
    bytes.on("error", () => undefined); // The library that reads it tells the failure.
    try {
      await this.#store.upload(path, bytes);
    } finally {
      bytes.destroy();
    }
  }

  async #attempt<T>(attempt: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw error instanceof StorageError ? error : this.#store.failure(attempt, error);
    }
  }
}

async function* asBuffers(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
