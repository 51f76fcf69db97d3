// Tells the server that messages are settled, and again until it has heard it: what is sent on a connection that breaks
// is lost without a word.
// Invariant: nothing is told after the time limit of its delivery, for by then the message may be another's.
import { messageOf } from "../../core/errors.ts";
import { isPassing } from "./failure.ts";
import type { NatsLink } from "./link.ts";

const ANSWER_MS = 5_000;
const PAUSE_MS = 100;

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
    this.#link.connection.publish(reply, "+ACK");
    this.#told.set(reply, until);
    this.#confirming ??= this.#confirmAll().finally(() => {
      this.#confirming = undefined;
    });
  }

  /** Resolves once the server has heard all, or it is too late. */
  async done(): Promise<void> {
    await this.#confirming;
  }

  /** A consumer hears in order: when it confirms the last one, it has heard all before. */
  async #confirmAll(): Promise<void> {
    const { connection, closed, log } = this.#link;
    while (this.#told.size > 0) {
      const batch = [...this.#told.keys()];
      try {
        await connection.request(batch.at(-1) ?? "", "+ACK", { timeout: ANSWER_MS });
        for (const reply of batch) this.#told.delete(reply);
      } catch (thrown) {
        if (closed.aborted || connection.isClosed()) return;
        if (!isPassing(thrown))
          log.error({ reason: messageOf(thrown) }, "NATS refused to hear of what is done");
        await new Promise<void>((resolve) => this.#link.clock.setTimeout(resolve, PAUSE_MS));
        this.#tellAgain();
      }
    }
  }

  #tellAgain(): void {
    const now = this.#link.clock.now();
    for (const [reply, until] of this.#told) {
      if (until > now && !this.#link.connection.isClosed()) this.#link.connection.publish(reply, "+ACK");
      else this.#told.delete(reply);
    }
  }
}
