// Blobs as streams, in both directions, the same way for all stores.
// Invariant: whoever stops first lets the other side know: a source is closed at its end, on a failure and on
// `cancel`; a stream that is being stored is cancelled where storing fails. Nothing is read ahead.
import { messageOf, StorageError } from "../core/errors.ts";

/** What a blob is written from. */
export type BlobData = string | Uint8Array | ReadableStream<Uint8Array>;

/** Where a stream's bytes come from. */
export interface ByteSource {
  /** The next bytes; null at the end. */
  next(): Promise<Uint8Array | null>;
  /** Called once nobody wants more, perhaps more than once. */
  close(): Promise<void>;
}

/** A stream of a source's bytes; what fails in the source reaches the reader as `toError` gives it. */
export function byteStream(
  source: ByteSource,
  toError: (thrown: unknown) => Error,
): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const bytes = await source.next();
          if (bytes !== null) {
            controller.enqueue(bytes);
            return;
          }
          await source.close();
          controller.close();
        } catch (error) {
          await source.close().catch(() => undefined);
          controller.error(toError(error)); // Does nothing where the reader has cancelled meanwhile.
        }
      },
      cancel: () => source.close(),
    },
    { highWaterMark: 0 },
  );
}

/**
 * The bytes of a stream that is to be stored, as they come; the stream is cancelled where not all are taken.
 *
 * @throws StorageError where the stream fails, or holds something other than bytes.
 */
export async function* chunksOf(
  attempt: string,
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, undefined> {
  const failed = (cause: unknown): StorageError =>
    new StorageError(
      "STORAGE_FAILED",
      `Cannot ${attempt}: the stream to be stored failed: ${messageOf(cause).replace(/\.$/, "")}. ` +
        "What was stored before is unharmed.",
      { cause },
    );
  if (stream.locked) throw failed(new Error("it is locked to another reader"));
  const reader = stream.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        ended = true;
        throw failed(error);
      });
      ended = done;
      if (done) return;
      if (!(value instanceof Uint8Array)) throw failed(new Error("it holds something other than bytes"));
      yield value;
    }
  } finally {
    if (!ended)
      await reader.cancel(new Error(`Nobody wants more: cannot ${attempt}.`)).catch(() => undefined);
    reader.releaseLock();
  }
}

/** All bytes of a source in one piece of their own. */
export async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const held: Uint8Array[] = [];
  for await (const chunk of chunks) held.push(chunk.slice());
  const whole = new Uint8Array(held.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of held) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Cancels a stream that will not be stored, unless somebody holds it; never fails. */
export async function discard(data: BlobData, reason: unknown): Promise<void> {
  if (data instanceof ReadableStream && !data.locked) await data.cancel(reason).catch(() => undefined);
}
