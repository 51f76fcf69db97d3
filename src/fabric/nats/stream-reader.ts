// Reads what streams hold. A server such as 2.9.10 crashes where a stream's messages or subjects are asked for while
// another client is making it, in the 0.6 ms before its store is open.
// Invariant: a stream is asked for what it holds only once it is known to have held something: then its store is open.
import type { JetStreamManager, MsgRequest, StoredMsg } from "nats";
import { API_ERROR, apiErrorOf } from "./failure.ts";

/** What of a stream is read; the server takes one more form than the library's type knows. */
export type StreamQuery = MsgRequest | { readonly seq: number; readonly next_by_subj: string };

/** Reads the streams of one connection. */
export class StreamReader {
  readonly #jsm: JetStreamManager;
  readonly #open = new Set<string>();

  constructor(jsm: JetStreamManager) {
    this.#jsm = jsm;
  }

  /** A message; null where there is none. @throws NatsError, also where there is no such stream */
  async read(stream: string, query: StreamQuery): Promise<StoredMsg | null> {
    try {
      return await this.#askOpen(stream, () => this.#jsm.streams.getMessage(stream, query));
    } catch (thrown) {
      if (apiErrorOf(thrown) === API_ERROR.noMessage) return null;
      throw thrown;
    }
  }

  /** The subjects of a stream that match a filter, with how many messages each has. @throws NatsError as `read` does */
  async subjects(stream: string, filter: string): Promise<ReadonlyMap<string, number>> {
    const info = await this.#askOpen(stream, () =>
      this.#jsm.streams.info(stream, { subjects_filter: filter }),
    );
    return new Map(Object.entries(info?.state.subjects ?? {}));
  }

  /** What asking gives; null where the stream never held anything. */
  async #askOpen<T>(stream: string, ask: () => Promise<T>): Promise<T | null> {
    try {
      if (!this.#open.has(stream)) {
        const { state } = await this.#jsm.streams.info(stream);
        if (state.last_seq === 0) return null;
        this.#open.add(stream);
      }
      return await ask();
    } catch (thrown) {
      // Somebody deleted it: who makes it anew is waited for again.
      if (apiErrorOf(thrown) === API_ERROR.streamNotFound) this.#open.delete(stream);
      throw thrown;
    }
  }
}
