// Blobs as objects of NATS's object store: chunks first, then the description, which takes the place of the one before.
// Invariant: a description is stored only over the one that its writer knows; so each replaced version has one replacer,
// who removes its chunks, and a reader whose chunks are gone finds another version.
import type { PubAck } from "nats";
import type { StorageError } from "../../core/errors.ts";
import { isBlobPath, requireBlobPath, requireBlobPrefix } from "../../core/grammar.ts";
import type { Blobs } from "../../core/ports.ts";
import { byteStream, chunksOf, discard, type BlobData } from "../byte-stream.ts";
import { API_ERROR, apiErrorOf, failure, isPassing } from "./failure.ts";
import type { NatsLink } from "./link.ts";
import {
  CHUNK_BYTES,
  createBucket,
  objectOf,
  ROLLUP,
  startDigest,
  unreadable,
  type Bucket,
  type StoredObject,
} from "./object-format.ts";
import { ObjectHolds } from "./object-holds.ts";
import { ObjectReader } from "./object-reader.ts";
import { removeChunks, storeChunks } from "./object-writer.ts";
import type { Streams } from "./streams.ts";

/** What is under a path. */
interface Version {
  /** That of its description; 0 for none. */
  readonly sequence: number;
  /** Null also where it was deleted, or cannot be read. */
  readonly object: StoredObject | null;
  /** Why it cannot be read. */
  readonly fault?: StorageError;
}

const NOTHING: Version = Object.freeze({ sequence: 0, object: null });
/** Of so many paths is remembered what was last written there. */
const REMEMBERED = 4_096;
/** So many descriptions are asked for at once. */
const AT_ONCE = 64;

/** NATS's object store as the fabric's blobs. */
export class NatsBlobs implements Blobs {
  readonly #link: NatsLink;
  readonly #streams: Streams;
  readonly #bucket: Bucket;
  readonly #holds: ObjectHolds;
  /** What this process wrote: a guess that the server checks, and that saves asking for what is to be replaced. */
  readonly #known = new Map<string, Version>();

  constructor(link: NatsLink, streams: Streams) {
    this.#link = link;
    this.#streams = streams;
    this.#bucket = createBucket(link.names.bucket("blobs"));
    this.#holds = new ObjectHolds(link, (id) => removeChunks(link, this.#bucket, id));
  }

  async write(path: string, data: BlobData): Promise<void> {
    const attempt = `write blob "${path}"`;
    try {
      requireBlobPath(path);
      await this.#do(attempt, async () => {
        if (data instanceof ReadableStream) return this.#writeChunks(path, chunksOf(attempt, data));
        const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data.slice();
        return bytes.length > CHUNK_BYTES ? this.#writeChunks(path, [bytes]) : this.#writeOne(path, bytes);
      });
    } catch (error) {
      await discard(data, error);
      throw error;
    }
  }

  async read(path: string): Promise<Uint8Array | null> {
    requireBlobPath(path);
    return this.#do(`read blob "${path}"`, async () => {
      const object = await this.#current(path);
      return object === null ? null : this.#whole(path, object);
    });
  }

  async stream(path: string): Promise<ReadableStream<Uint8Array> | null> {
    requireBlobPath(path);
    const attempt = `read blob "${path}"`;
    return this.#do(attempt, async () => {
      let object = await this.#current(path);
      while (object !== null && object.chunks > 1) {
        const { id } = object;
        const release = this.#holds.hold(id);
        const reader = this.#reader(path, object);
        const source = { next: () => reader.next(), close: async () => release() };
        const stream = byteStream(source, (thrown) => failure(attempt, thrown));
        try {
          // Whoever replaces it after this finds that it is held.
          object = await this.#current(path);
        } catch (thrown) {
          release();
          throw thrown;
        }
        if (object?.id === id) return stream;
        release();
      }
      const bytes = object === null ? null : await this.#whole(path, object);
      return bytes === null ? null : new Blob([bytes]).stream();
    });
  }

  async delete(path: string): Promise<void> {
    requireBlobPath(path);
    await this.#do(`delete blob "${path}"`, async () => {
      for (;;) {
        const { object, sequence, fault } = await this.#find(path);
        if (object === null && fault === undefined) return;
        const isDeleted = await this.#removeDescription(sequence);
        // Whoever did it, the object is not the current one any more.
        if (object !== null) this.#abandon(object);
        if (isDeleted) return;
      }
    });
  }

  async list(prefix = ""): Promise<readonly string[]> {
    requireBlobPrefix(prefix);
    return this.#do(`list blobs that start with "${prefix}"`, async () => {
      const subjects = await this.#link.subjects(this.#bucket.stream, ">");
      const contents = this.#bucket.contents([...subjects.keys()]);
      const found = [...contents].filter(([path]) => path.startsWith(prefix) && isBlobPath(path));
      // What has chunks is there. What has none is empty, written by others under ids of their own, or deleted by them.
      const certain = found.flatMap(([path, ids]) => (ids.length > 0 ? [path] : []));
      const unclear = found.flatMap(([path, ids]) => (ids.length > 0 ? [] : [path]));
      return [...certain, ...(await this.#existing(unclear))].sort();
    });
  }

  /** Stores what fits into one chunk: the description is sent with it, and taken only right behind it. */
  async #writeOne(path: string, bytes: Uint8Array): Promise<void> {
    const digest = startDigest();
    digest.update(bytes);
    const id = this.#bucket.newId(path);
    const object = { id, bytes: bytes.length, chunks: Math.min(bytes.length, 1), digest: digest.end() };
    if (object.chunks === 0) return this.#describe(path, object);
    const stored = this.#link.publish(this.#bucket.chunks(id), bytes, { attempt: attemptOf(path), id });
    stored.catch(() => undefined); // Told where it is waited for.
    return this.#describe(path, object, { id, stored });
  }

  async #writeChunks(path: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const target = { link: this.#link, bucket: this.#bucket, name: path, attempt: attemptOf(path) };
    await this.#describe(path, await storeChunks(target, chunks));
  }

  /** Makes an object the one under its path, `behind` a chunk that is on its way; else removes its chunks again. */
  async #describe(
    path: string,
    object: StoredObject,
    behind?: { readonly id: string; readonly stored: Promise<PubAck> },
  ): Promise<void> {
    const subject = this.#bucket.description(path);
    const description = this.#bucket.describe(path, object);
    let replaced = this.#known.get(path) ?? NOTHING;
    let lastMessageId = behind?.id;
    try {
      for (;;) {
        const write = {
          attempt: attemptOf(path),
          headers: ROLLUP,
          lastSubjectSequence: replaced.sequence,
          lastMessageId,
        };
        try {
          const { seq } = await this.#link.publish(subject, description, write);
          this.#remember(path, { sequence: seq, object });
          if (replaced.object !== null) this.#abandon(replaced.object);
          return;
        } catch (thrown) {
          const error = apiErrorOf(thrown);
          if (error !== API_ERROR.wrongSequence && error !== API_ERROR.wrongLastMessage) throw thrown;
          // Another message came between the two, or somebody else wrote here.
          await behind?.stored;
          lastMessageId = undefined;
          if (error !== API_ERROR.wrongSequence) continue;
          replaced = await this.#find(path);
          if (replaced.object?.id !== object.id) continue;
          // It was taken before, and the answer was lost with a server: what is there is this very object.
          this.#remember(path, { sequence: replaced.sequence, object });
          return;
        }
      }
    } catch (thrown) {
      await behind?.stored.catch(() => undefined);
      // Where nobody knows whether the description was taken, what it names must stay.
      const isRefused = apiErrorOf(thrown) !== undefined && !isPassing(thrown);
      if (object.chunks > 0 && isRefused)
        await removeChunks(this.#link, this.#bucket, object.id).catch(() => undefined);
      throw thrown;
    }
  }

  /** All of an object, or of the one that took its place meanwhile; null where it was deleted meanwhile. */
  async #whole(path: string, given: StoredObject): Promise<Uint8Array<ArrayBuffer> | null> {
    for (let object = given; ;) {
      const bytes = await this.#reader(path, object).whole();
      if (bytes !== null) return bytes;
      const next = await this.#current(path);
      if (next === null) return null;
      if (next.id === object.id) throw unreadable(path, "some of its chunks are gone");
      object = next;
    }
  }

  async #find(path: string): Promise<Version> {
    const { stream } = this.#bucket;
    const message = await this.#link.read(stream, { last_by_subj: this.#bucket.description(path) });
    if (message === null) return NOTHING;
    try {
      return { sequence: message.seq, object: objectOf(path, message) };
    } catch (thrown) {
      return { sequence: message.seq, object: null, fault: failure(`read blob "${path}"`, thrown) };
    }
  }

  /** The object under a path; null for none. @throws StorageError `INTEGRITY` where what is there cannot be read */
  async #current(path: string): Promise<StoredObject | null> {
    const { object, fault } = await this.#find(path);
    if (fault !== undefined) throw fault;
    return object;
  }

  /** Those of some paths under which there is an object. */
  async #existing(paths: readonly string[]): Promise<readonly string[]> {
    const existing: string[] = [];
    for (let at = 0; at < paths.length; at += AT_ONCE) {
      const some = paths.slice(at, at + AT_ONCE);
      const found = await Promise.all(some.map(async (path) => this.#find(path)));
      const isThere = (version?: Version) => version?.object !== null || version.fault !== undefined;
      existing.push(...some.filter((_, index) => isThere(found[index])));
    }
    return existing;
  }

  /** Removes a description; false where it was gone or replaced. */
  async #removeDescription(sequence: number): Promise<boolean> {
    const { stream } = this.#bucket;
    try {
      await this.#link.call(`remove from stream "${stream}"`, () =>
        this.#link.jsm.streams.deleteMessage(stream, sequence, false),
      );
      return true;
    } catch (thrown) {
      const error = apiErrorOf(thrown);
      if (error === API_ERROR.sequenceNotFound || error === API_ERROR.deleteFailed) return false;
      throw thrown;
    }
  }

  /** Removes the chunks of an object that is nobody's any more. */
  #abandon(object: StoredObject): void {
    const { id, chunks } = object;
    if (chunks === 0) return;
    this.#link.background("remove the chunks of a replaced blob", () =>
      chunks === 1 ? removeChunks(this.#link, this.#bucket, id) : this.#holds.abandon(id),
    );
  }

  #remember(path: string, version: Version): void {
    if ((this.#known.get(path)?.sequence ?? 0) > version.sequence) return;
    this.#known.delete(path);
    this.#known.set(path, version);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
  }

  #reader(path: string, object: StoredObject): ObjectReader {
    return new ObjectReader({ link: this.#link, bucket: this.#bucket, name: path, object });
  }

  /** Does something with the bucket's stream, which is made where it is absent. */
  #do<T>(attempt: string, work: () => Promise<T>): Promise<T> {
    return this.#link.run(attempt, async () => {
      await this.#streams.make(this.#bucket.plan, "blobs");
      return work();
    });
  }
}

const attemptOf = (path: string): string => `write blob "${path}"`;
