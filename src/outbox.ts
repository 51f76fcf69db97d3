// What is sent to one actor in one go travels together: one message, one answer, an outcome for each.
// Invariant: what was put in first arrives first, and before whatever is asked of that actor afterwards; each sender learns
// what became of its own message.
import { openOutcomes, sealBatch, type Envelope } from "./core/envelope.ts";
import type { Address } from "./core/address.ts";

/** What is sent at once: more travels in several messages. */
const MOST = 256;
/** So many characters of messages are sent at once, one that is larger alone. */
const MOST_CHARACTERS = 256 * 1024;

interface Waiting {
  readonly envelope: Envelope;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Letter {
  readonly waiting: Waiting[];
  characters: number;
}

/** Asks an actor; gives its answer's text. */
export type AskActor = (to: Address, payload: string) => Promise<string>;

/** Collects what is sent in one turn of the event loop. */
export class Outbox {
  readonly #ask: AskActor;
  readonly #letters = new Map<Address, Letter>();
  #isScheduled = false;

  constructor(ask: AskActor) {
    this.#ask = ask;
  }

  /** Resolves once the message is in the actor's mailbox. @throws DeliveryError, UnknownError */
  put(to: Address, envelope: Envelope): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const known = this.#letters.get(to);
      if (known !== undefined && isFull(known, envelope)) this.flush(to);
      const letter = this.#letters.get(to) ?? { waiting: [], characters: 0 };
      letter.waiting.push({ envelope, resolve, reject });
      letter.characters += envelope.body.length;
      this.#letters.set(to, letter);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // Behind all that is sent in the same turn.
      queueMicrotask(() => {
        this.#isScheduled = false;
        for (const address of [...this.#letters.keys()]) this.flush(address);
      });
    });
  }

  /** Sends what waits for an actor, now. */
  flush(to: Address): void {
    const letter = this.#letters.get(to);
    if (letter === undefined) return;
    this.#letters.delete(to);
    void this.#send(to, letter.waiting);
  }

  async #send(to: Address, waiting: readonly Waiting[]): Promise<void> {
    try {
      const answer = await this.#ask(to, sealBatch(waiting.map(({ envelope }) => envelope)));
      const outcomes = openOutcomes(answer, waiting.length);
      for (const [index, { resolve, reject }] of waiting.entries()) {
        const error = outcomes[index] ?? null;
        if (error === null) resolve();
        else reject(error);
      }
    } catch (thrown) {
      for (const { reject } of waiting) reject(thrown);
    }
  }
}

function isFull({ waiting, characters }: Letter, { body }: Envelope): boolean {
  return waiting.length >= MOST || characters + body.length > MOST_CHARACTERS;
}
