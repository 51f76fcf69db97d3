// Asks the server for exactly as many messages of a consumer as are wanted, whatever becomes of server and connection.
// Invariant: while something is wanted, a request is out or about to be sent again; when less is wanted, the server is
// told before it sends more, and what it sent meanwhile is still handed on.
import { setImmediate } from "node:timers";
import { createInbox, type Msg, type Subscription } from "nats";
import { failure, isPassing } from "./failure.ts";
import { nanosecondsOf, type NatsLink } from "./link.ts";

/**
 * A request ends by itself after so long, and is then made anew; milliseconds. A process that stands still has requests
 * out all the same: what the server gives to them comes to nobody, so that they must end before the messages that such a
 * process had come again.
 */
const EXPIRES_MS = 5_000;
/** So often does the server say that a request still waits; milliseconds. */
const HEARTBEAT_MS = 2_000;
/** After so long without a word the request counts as lost; milliseconds. */
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
/** So long is the server given to say that it has heard that less is wanted; milliseconds. */
const CANCEL_MS = 2_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** What is pulled, and by whom. */
export interface PullOptions {
  /** Makes the consumer where it is absent, and gives its stream's name and its own. */
  readonly consumer: () => Promise<{ readonly stream: string; readonly name: string }>;
  /** How many messages are wanted now. */
  readonly wanted: () => number;
  readonly onMessage: (message: Msg) => void;
  /** What cannot be mended by waiting. */
  readonly onFailure: (error: Error) => void;
}

/** The requests that are out, to one inbox. */
interface Requests {
  readonly inbox: string;
  readonly subscription: Subscription;
  /** How many messages the server still owes. */
  owed: number;
  heardAt: number;
}

/** Pulls messages for as long as any are wanted. */
export class Pull {
  readonly #link: NatsLink;
  readonly #options: PullOptions;
  #requests: Requests | undefined;
  #consumer: Promise<{ readonly stream: string; readonly name: string }> | undefined;
  #watch: unknown;
  #pauseMs = 0;
  #isRenewed = false;
  #isStirred = false;
  #isClosed = false;
  #working: Promise<void> | undefined;

  constructor(link: NatsLink, options: PullOptions) {
    this.#link = link;
    this.#options = options;
  }

  /** Says that more or less is wanted than before. */
  stir(): void {
    if (this.#isStirred || this.#isClosed) return;
    this.#isStirred = true;
    // Those who were given messages in this turn want the next ones in it: they are asked for together.
    setImmediate(() => {
      this.#isStirred = false;
      this.#working ??= this.#work().finally(() => {
        this.#working = undefined;
        if (this.#isRenewed) this.stir();
      });
    });
  }

  /** Asks anew: the server may have forgotten what was asked. */
  renew(): void {
    this.#isRenewed = true;
    this.stir();
  }

  /** Asks for no more; resolves once what was on its way has been handed on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#working;
    await this.#cancel();
  }

  /** Brings what is asked for in line with what is wanted. */
  async #work(): Promise<void> {
    try {
      while (!this.#isClosed && !this.#link.closed.aborted) {
        const owed = this.#requests?.owed ?? 0;
        const wanted = this.#options.wanted();
        if (this.#isRenewed || wanted < owed) {
          await this.#cancel();
          if (this.#pauseMs > 0) await this.#pause();
        } else if (wanted > owed) {
          this.#consumer ??= this.#options.consumer();
          const consumer = await this.#consumer;
          this.#ask(consumer, this.#options.wanted() - (this.#requests?.owed ?? 0));
        } else return;
      }
    } catch (thrown) {
      this.#consumer = undefined;
      if (this.#link.closed.aborted) return;
      if (isPassing(thrown)) this.#askLater();
      else this.#options.onFailure(failure("pull messages", thrown));
    }
  }

  #ask({ stream, name }: { readonly stream: string; readonly name: string }, batch: number): void {
    if (batch <= 0) return;
    const requests = (this.#requests ??= this.#open());
    requests.owed += batch;
    requests.heardAt = this.#link.clock.now();
    const request = {
      batch,
      expires: nanosecondsOf(EXPIRES_MS),
      idle_heartbeat: nanosecondsOf(HEARTBEAT_MS),
    };
    this.#link.connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, JSON.stringify(request), {
      reply: requests.inbox,
    });
    this.#watch ??= this.#look();
  }

  #open(): Requests {
    const inbox = createInbox();
    const subscription = this.#link.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) this.#hear(requests, message);
        else this.#options.onFailure(failure("pull messages", error));
      },
    });
    const requests: Requests = { inbox, subscription, owed: 0, heardAt: 0 };
    return requests;
  }

  #hear(requests: Requests, message: Msg): void {
    requests.heardAt = this.#link.clock.now();
    if (message.subject !== requests.inbox) {
      requests.owed = Math.max(0, requests.owed - 1);
      this.#pauseMs = 0;
      this.#options.onMessage(message);
      return;
    }
    const code = message.headers?.code ?? 0;
    if (code < 200 || requests !== this.#requests) return;
    const left = Number(message.headers?.get("Nats-Pending-Messages"));
    if (code === 408 && left > 0) {
      requests.owed = Math.max(0, requests.owed - left);
      this.stir();
      return;
    }
    this.#link.log.debug(
      { code, description: message.headers?.description },
      "NATS ended a request for messages: asking anew",
    );
    this.#askLater();
  }

  /** Asks anew after a pause: the consumer may be gone, or its leader, or JetStream is not up yet. */
  #askLater(): void {
    this.#consumer = undefined;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
    this.renew();
  }

  /** Looks from time to time whether the server still speaks of what is asked for. */
  #look(): unknown {
    const { clock } = this.#link;
    const timer = clock.setTimeout(() => {
      this.#watch = undefined;
      const requests = this.#requests;
      if (requests === undefined || requests.owed === 0) return;
      if (clock.now() - requests.heardAt > SILENCE_MS) {
        this.#consumer = undefined;
        this.renew();
      }
      this.#watch = this.#look();
    }, HEARTBEAT_MS);
    return timer;
  }

  /** Takes back what is asked for, and waits for what is on its way. */
  async #cancel(): Promise<void> {
    const { clock, connection } = this.#link;
    const requests = this.#requests;
    this.#requests = undefined;
    this.#isRenewed = false;
    if (this.#isClosed && this.#watch !== undefined) {
      clock.clearTimeout(this.#watch);
      this.#watch = undefined;
    }
    if (requests === undefined || connection.isClosed() || requests.subscription.isClosed()) return;
    let timer: unknown;
    const tooLong = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, CANCEL_MS);
    });
    await Promise.race([requests.subscription.drain().catch(() => undefined), tooLong]);
    clock.clearTimeout(timer);
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.#link.clock.setTimeout(resolve, this.#pauseMs));
  }
}
