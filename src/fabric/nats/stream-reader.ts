// Reads messages of streams by their places. A server such as 2.9.10 crashes where a message is asked for of a stream
// that another client is making in this very moment, and whose store is not open yet.
// Invariant: a stream is asked for a message only once it is known to have held one: then its store is open.
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
      if (!this.#open.has(stream)) {
        const { state } = await this.#jsm.streams.info(stream);
        if (state.last_seq === 0) return null;
        this.#open.add(stream);
      }
      return await this.#jsm.streams.getMessage(stream, query);
    } catch (thrown) {
      if (apiErrorOf(thrown) === API_ERROR.noMessage) return null;
      // Somebody deleted it: who makes it anew is waited for again.
      if (apiErrorOf(thrown) === API_ERROR.streamNotFound) this.#open.delete(stream);
      throw thrown;
    }
  }
}
