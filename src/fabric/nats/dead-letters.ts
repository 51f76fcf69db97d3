// Messages that could not be done: the last value of a subject for each, readable by any client.
// Invariant: a letter is stored before its message is settled, and storing it twice is the same as once.
import type { StoredMsg } from "nats";
import type { DeadLetter } from "../../core/ports.ts";
import type { NatsLink } from "./link.ts";
import { HEADER, numberOf, type QueuedMessage } from "./queued-message.ts";
import type { Streams } from "./streams.ts";

/** So long may a reason be, in bytes as it is encoded: a header's share of a message. */
const MAX_REASON = 3_072;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The dead letters of all queues. */
export class DeadLetters {
  readonly #link: NatsLink;
  readonly #streams: Streams;

  constructor(link: NatsLink, streams: Streams) {
    this.#link = link;
    this.#streams = streams;
  }

  /** Stores a letter; its message is still to be settled. */
  async write(
    queue: string,
    message: QueuedMessage,
    { deliveries, reason }: { readonly deliveries: number; readonly reason: string },
  ): Promise<void> {
    await this.#streams.ensure("dead");
    const { id, data, place, headers } = message;
    await this.#link.publish(this.#link.names.dead(queue, id), data.subarray(0, this.#link.maxPayload), {
      attempt: `make message "${id}" of queue "${queue}" a dead letter`,
      id: `${this.#link.names.queue(queue)}:${place}`,
      headers: {
        ...headers,
        [HEADER.id]: id,
        [HEADER.deliveries]: String(deliveries),
        [HEADER.reason]: encodeReason(reason),
        [HEADER.at]: String(this.#link.clock.now()),
      },
    });
  }

  /** A queue's letters, oldest first. */
  async read(queue: string): Promise<readonly DeadLetter[]> {
    const stream = await this.#streams.ensure("dead");
    const letters: DeadLetter[] = [];
    const root = this.#link.names.dead(queue, "");
    let next = 1;
    for (;;) {
      const found = await this.#next(stream, this.#link.names.dead(queue), next);
      if (found === null) return letters;
      letters.push(letterOf(found, root));
      next = found.seq + 1;
    }
  }

  async count(queue: string): Promise<number> {
    const stream = await this.#streams.ensure("dead");
    return (await this.#link.subjects(stream, this.#link.names.dead(queue))).size;
  }

  async bury(queue: string, id: string): Promise<void> {
    const stream = await this.#streams.ensure("dead");
    const filter = this.#link.names.dead(queue, id);
    await this.#link.call(`purge "${filter}"`, () => this.#link.jsm.streams.purge(stream, { filter }));
  }

  async #next(stream: string, subject: string, from: number): Promise<StoredMsg | null> {
    return this.#link.read(stream, { seq: from, next_by_subj: subject });
  }
}

function letterOf({ subject, header, data, time }: StoredMsg, root: string): DeadLetter {
  return Object.freeze({
    id: subject.slice(root.length),
    payload: decoder.decode(data),
    deliveries: numberOf(header.get(HEADER.deliveries)),
    reason: decodeReason(header.get(HEADER.reason)),
    at: numberOf(header.get(HEADER.at)) || time.getTime(),
  });
}

/** A reason as a header takes it: readable where it is plain text, cut where it is too long. */
function encodeReason(reason: string): string {
  // Halves of characters, which have no encoding, become U+FFFD.
  const whole = decoder.decode(encoder.encode(reason));
  let encoded = "";
  for (const character of whole) {
    const isPlain = /[!"#$&-~]/.test(character) || (character === " " && encoded !== "");
    encoded += isPlain ? character : encodeURIComponent(character);
    if (encoded.length > MAX_REASON) return `${encoded.trimEnd()}...`;
  }
  return encoded.replace(/ +$/, (spaces) => "%20".repeat(spaces.length));
}

function decodeReason(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
