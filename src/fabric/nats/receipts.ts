// Tells the server that messages are settled, and again until it has heard it: what is sent on a connection that breaks
// is lost without a word.
// Invariant: nothing is told after the time limit of its delivery, for by then the message may be another's.
import type { NatsConnection } from "nats";
import { messageOf } from "../../core/errors.ts";
import { isPassing } from "./failure.ts";
import type { NatsLink } from "./link.ts";

/** What the server is told of a message: it is done with, it is to be given out again, somebody is still at work. */
export const WORD = { ack: "+ACK", nak: "-NAK", inProgress: "+WPI" } as const;

const ANSWER_MS = 2_000;
const PAUSE_MS = 100;

/** Tells the server something of a message; a connection that is closed or about to be says nothing more. */
export function tell(connection: NatsConnection, reply: string, word: string): void {
  if (!connection.isClosed() && !connection.isDraining()) connection.publish(reply, word);
}

/** The settlements of one consumer on their way to the server. */
export class Receipts {
  readonly #link: NatsLink;
  /** Where each is told, and until when it may be. */
  readonly #told = new Map<string, number>();
  #confirming: Promise<void> | undefined;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  /** Tells the server that a message is done with; `until` is in milliseconds since 1970. */
  settle(reply: string, until: number): void {
    tell(this.#link.connection, reply, WORD.ack);
    this.#told.set(reply, until);
    this.#confirming ??= this.#confirmAll().finally(() => {
      this.#confirming = undefined;
    });
  }

  /** Resolves once the server has heard all, or it is too late. */
  async done(): Promise<void> {
    await this.#confirming;
  }

  /** Has what was told last confirmed: a consumer hears in order, so it has then heard all before. */
  async #confirmAll(): Promise<void> {
    const { connection, closed, log, clock } = this.#link;
    while (this.#told.size > 0) {
      const batch = [...this.#told.keys()];
      try {
        const last = batch.at(-1) ?? "";
        await this.#link.ask(last, WORD.ack, { read: () => undefined, timeoutMs: ANSWER_MS });
        for (const reply of batch) this.#told.delete(reply);
      } catch (thrown) {
        if (closed.aborted || connection.isClosed()) return;
        if (!isPassing(thrown)) log.error({ reason: messageOf(thrown) }, "NATS refuses to hear what is done");
        await new Promise<void>((resolve) => clock.setTimeout(resolve, PAUSE_MS));
        this.#tellAgain();
      }
    }
  }

  #tellAgain(): void {
    const now = this.#link.clock.now();
    for (const [reply, until] of this.#told) {
      if (until > now) tell(this.#link.connection, reply, WORD.ack);
      else this.#told.delete(reply);
    }
  }
}
