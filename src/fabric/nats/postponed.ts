// Brings postponed messages into their queue when they are due: the server itself knows no delay of a message.
// Invariant: a message is in the queue before it is taken from the postponed ones, and a second time changes nothing;
// each node that takes messages off a queue does this for it, so that it goes on while any of them lives.
import type { Msg } from "nats";
import { messageOf } from "../../core/errors.ts";
import { UnderWay } from "../../core/under-way.ts";
import { nanosecondsOf, type NatsLink } from "./link.ts";
import { Pull } from "./pull.ts";
import { LOOK_MS, type QueueLine } from "./queue-line.ts";
import { readMessage, type QueuedMessage } from "./queued-message.ts";
import { Receipts, tell, WORD } from "./receipts.ts";

/** So many messages are looked at together. */
const AT_ONCE = 32;
/** A message that is due later than so is looked at before, in milliseconds. */
const LONGEST_REST_MS = 3_600_000;

/** Moves one queue's postponed messages. */
export class Postponed {
  readonly #link: NatsLink;
  readonly #line: QueueLine;
  readonly #receipts: Receipts;
  readonly #pull: Pull;
  readonly #moving = new UnderWay();

  constructor(link: NatsLink, line: QueueLine) {
    this.#link = link;
    this.#line = line;
    this.#receipts = new Receipts(link);
    this.#pull = new Pull(link, {
      consumer: () => line.postponed(),
      wanted: () => AT_ONCE,
      onMessage: (message) => {
        this.#look(message);
        this.#pull.stir();
      },
      onFailure: (error) =>
        link.log.error({ err: error, queue: line.queue }, "cannot see postponed messages"),
    });
    this.#pull.stir();
  }

  renew(): void {
    this.#pull.renew();
  }

  async close(): Promise<void> {
    await this.#pull.close();
    await this.#moving.none();
  }

  #look(received: Msg): void {
    const { connection, clock } = this.#link;
    const message = readMessage(received, this.#line.subject);
    const restMs = message.due - clock.now();
    if (restMs <= 0) {
      void this.#moving.during(() => this.#move(message));
      return;
    }
    const delay = nanosecondsOf(Math.min(restMs, LONGEST_REST_MS));
    tell(connection, message.reply, `${WORD.nak} ${JSON.stringify({ delay })}`);
  }

  async #move(message: QueuedMessage): Promise<void> {
    const until = this.#link.clock.now() + LOOK_MS;
    const attempt = `bring message "${message.id}" into queue "${this.#line.queue}"`;
    try {
      await this.#link.run(attempt, async () => {
        // Looks are no deliveries.
        await this.#line.publishAgain(message, { deliveries: message.deliveriesBefore, delayMs: 0 });
        this.#receipts.settle(message.reply, until);
      });
    } catch (thrown) {
      // It is looked at again.
      if (!this.#link.closed.aborted)
        this.#link.log.warn({ reason: messageOf(thrown) }, `cannot ${attempt} yet`);
    }
  }
}
