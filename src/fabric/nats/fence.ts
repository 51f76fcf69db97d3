// Writes that are only taken after a given last message of their subject, on clusters of old servers. Before 2.9.22 (see
// nats-server's issue 4320), those compare that before they agree on the order of messages, so that of several writers at
// once all may win. The last sequence of the whole stream they compare after it: here, both are asked for.
// Invariant: where a write is taken, no message of its subject came between the comparison and it. One write of this
// process is under way for each stream; on newer servers none of this is needed, and nothing of it is done.
import type { NatsConnection, PubAck } from "nats";
import { API_ERROR, apiErrorOf } from "./failure.ts";

/** What a fence asks of the link. */
export interface FencedWrite {
  readonly subject: string;
  /** The sequence that the subject's last message must have; more than 0. */
  readonly after: number;
  /** The sequence of the subject's last message now; 0 for none. */
  readonly last: () => Promise<number>;
  /** Stores the message if the stream's last sequence is that. */
  readonly store: (lastSequence: number) => Promise<PubAck>;
}

/** What is known of a stream. */
interface Known {
  last: number;
  turn: Promise<unknown>;
}

/** Makes conditional writes one after the other. */
export class Fence {
  readonly #known = new Map<string, Known>();

  /** Stores a message, or fails as the server says it: `wrongSequence` where the subject's last message is another. */
  publish(write: FencedWrite): Promise<PubAck> {
    const known = this.#knownOf(write.subject);
    const stored = known.turn.then(() => this.#store(write, known));
    known.turn = stored.catch(() => undefined);
    return stored;
  }

  async #store({ after, last, store }: FencedWrite, known: Known): Promise<PubAck> {
    for (;;) {
      try {
        const ack = await store(known.last);
        known.last = ack.seq;
        return ack;
      } catch (thrown) {
        if (apiErrorOf(thrown) !== API_ERROR.wrongSequence || (await last()) !== after) throw thrown;
        // It was the stream's: the server says which is right.
        known.last = toldBy(thrown);
      }
    }
  }

  /** Subjects of one stream begin alike: a bucket's by its name, others by their mesh and kind. */
  #knownOf(subject: string): Known {
    const stream = subject.split(".", subject.startsWith("$") ? 2 : 3).join(".");
    let known = this.#known.get(stream);
    if (known === undefined) {
      known = { last: 0, turn: Promise.resolve() };
      this.#known.set(stream, known);
    }
    return known;
  }
}

/** Whether the servers compare a subject's last sequence only before they agree on the order. */
export function isFenceWeak(connection: NatsConnection, replicas: number): boolean {
  if (replicas === 1) return false;
  const [major = 0, minor = 0, patch = 0] = (connection.info?.version ?? "")
    .split(".")
    .map(Number.parseFloat);
  return major < 2 || (major === 2 && (minor < 9 || (minor === 9 && patch < 22)));
}

/** The last sequence that an error names, as in `wrong last sequence: 12`. */
function toldBy(thrown: unknown): number {
  return Number(/(\d+)\D*$/.exec((thrown as Error).message)?.[1] ?? 0);
}
