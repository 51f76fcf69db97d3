// Reads an object's chunks, one after the other, and checks that they are what its description says.
// Invariant: what is given is the object's own bytes in order; its end is only given where its size and digest are right.
import { StorageError } from "../../core/errors.ts";
import type { NatsLink } from "./link.ts";
import { startDigest, unreadable, type Bucket, type StoredObject } from "./object-format.ts";

/** What is read. */
export interface ObjectPlace {
  readonly link: NatsLink;
  readonly bucket: Bucket;
  readonly name: string;
  readonly object: StoredObject;
}

/** So long is one answer waited for, in milliseconds. */
const ANSWER_MS = 5_000;

/** A chunk and its sequence. */
interface Chunk {
  readonly seq: number;
  readonly data: Uint8Array;
}

/** Reads one object once. */
export class ObjectReader {
  readonly #place: ObjectPlace;
  readonly #digest = startDigest();
  #from = 1;
  #chunks = 0;
  #bytes = 0;

  constructor(place: ObjectPlace) {
    this.#place = place;
  }

  /** The next chunk; null at the end. @throws StorageError `INTEGRITY`; `STORAGE_FAILED` where it was replaced meanwhile */
  async next(): Promise<Uint8Array | null> {
    const { object, name } = this.#place;
    if (this.#chunks === object.chunks) {
      this.#check();
      return null;
    }
    const chunk = await this.#chunk();
    if (chunk !== null) return chunk;
    throw new StorageError(
      "STORAGE_FAILED",
      `Cannot read the rest of blob "${name}": it was replaced or deleted meanwhile, while the connection was away. Read it again.`,
      { retryable: true },
    );
  }

  /** All of it; null where it was replaced or deleted meanwhile. @throws StorageError `INTEGRITY` */
  async whole(): Promise<Uint8Array<ArrayBuffer> | null> {
    const chunks: Uint8Array[] = [];
    while (this.#chunks < this.#place.object.chunks) {
      const chunk = await this.#chunk();
      if (chunk === null) return null;
      chunks.push(chunk);
    }
    this.#check();
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  async #chunk(): Promise<Uint8Array | null> {
    const { link, bucket } = this.#place;
    const attempt = `read stream "${bucket.stream}"`;
    // Any server that has the chunk may give it, since chunks never change; whether it is gone, only the leader knows.
    const chunk =
      (await link.call(attempt, () => this.#fromAny())) ??
      (await link.call(attempt, () => this.#fromLeader()));
    if (chunk === null) return null;
    this.#from = chunk.seq + 1;
    this.#chunks += 1;
    this.#bytes += chunk.data.length;
    this.#digest.update(chunk.data);
    return chunk.data;
  }

  async #fromAny(): Promise<Chunk | null> {
    const { link, bucket, object } = this.#place;
    const subject = bucket.chunks(object.id);
    const where = `$JS.API.DIRECT.GET.${bucket.stream}`;
    // The server finds the last message of a subject faster than the next one after a sequence.
    const { data, headers } = await (object.chunks === 1
      ? link.connection.request(`${where}.${subject}`, "", { timeout: ANSWER_MS })
      : link.connection.request(where, JSON.stringify({ seq: this.#from, next_by_subj: subject }), {
          timeout: ANSWER_MS,
        }));
    const seq = Number(headers?.get("Nats-Sequence") ?? "");
    return seq > 0 ? { seq, data } : null;
  }

  async #fromLeader(): Promise<Chunk | null> {
    const { link, bucket, object } = this.#place;
    return link.read(bucket.stream, { seq: this.#from, next_by_subj: bucket.chunks(object.id) });
  }

  #check(): void {
    const { name, object } = this.#place;
    if (this.#bytes !== object.bytes) {
      throw unreadable(name, `it has ${this.#bytes} bytes and should have ${object.bytes}`);
    }
    if (object.digest !== "" && object.digest !== this.#digest.end()) {
      throw unreadable(name, "its bytes do not match their digest");
    }
  }
}
