// Stores the bytes of an object, as chunks under an id of its own; nobody sees them before a description names them.
// Invariant: chunks are stored in order, each before the next is sent, so that one which has to be sent again cannot
// come behind its successor; of a source that fails, nothing stays.
import type { NatsLink } from "./link.ts";
import { CHUNK_BYTES, startDigest, type Bucket, type StoredObject } from "./object-format.ts";

/** Where something is stored. */
export interface ObjectTarget {
  readonly link: NatsLink;
  readonly bucket: Bucket;
  readonly name: string;
  /** What it is called in errors. */
  readonly attempt: string;
}

/** Stores all of a source; one chunk is on its way while the next is filled, no more. */
export async function storeChunks(
  { link, bucket, name, attempt }: ObjectTarget,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<StoredObject> {
  const id = bucket.newId(name);
  const digest = startDigest();
  let [bytes, chunks] = [0, 0];
  let stored: Promise<unknown> = Promise.resolve();
  try {
    for await (const chunk of ofEqualSize(source)) {
      digest.update(chunk);
      bytes += chunk.length;
      chunks += 1;
      await stored;
      stored = link.publish(bucket.chunks(id), chunk, { attempt });
      stored.catch(() => undefined); // Told where it is waited for.
    }
    await stored;
    return { id, bytes, chunks, digest: digest.end() };
  } catch (thrown) {
    await stored.catch(() => undefined);
    if (chunks > 0) await removeChunks(link, bucket, id).catch(() => undefined);
    throw thrown;
  }
}

/** Removes an object's chunks. */
export async function removeChunks(link: NatsLink, bucket: Bucket, id: string): Promise<void> {
  await link.call("remove chunks", () =>
    link.jsm.streams.purge(bucket.stream, { filter: bucket.chunks(id) }),
  );
}

/** The same bytes in chunks of their own. */
async function* ofEqualSize(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + CHUNK_BYTES - filled);
      chunk.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < CHUNK_BYTES) continue;
      yield chunk;
      chunk = new Uint8Array(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
