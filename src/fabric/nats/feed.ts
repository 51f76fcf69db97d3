// The messages of a bucket in their order: what is there first, then what comes, from a consumer on the server that
// lives only as long as this.
// Invariant: none is left out and none comes twice: once a message may have been missed, the feed is lost and tells no
// more; whoever needs the rest opens another after the last that it saw.
import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  isFlowControlMsg,
  isHeartbeatMsg,
  JsHeaders,
  nuid,
  type ConsumerConfig,
  type Msg,
  type MsgHdrs,
  type NatsError,
  type Subscription,
} from "nats";
import { defer } from "../../core/deferred.ts";
import { wakeAfter } from "../expiry.ts";
import { nanosecondsOf, type NatsLink } from "./link.ts";

/** So often the server says that it is there, and after so long without a word it is not; in milliseconds. */
const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 5_000;
const NANOS_PER_MS = 1_000_000;

/** A message of a stream as a feed tells it. */
export interface FeedMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When it was stored, by the server's clock, in milliseconds since 1970. */
  readonly time: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** What is told, and to whom. */
export interface FeedOptions {
  readonly stream: string;
  /** The subjects that are told. */
  readonly filter: string;
  /** Told are messages after this sequence; 0 for the last of each subject, whatever its sequence. */
  readonly after: number;
  /** The last of those sequences, as the stream's leader says: what is there ends with it. 0 where there is none. */
  readonly until: number;
  readonly isHeadersOnly?: boolean;
  readonly onMessage: (message: FeedMessage) => void;
  /** Called once, when all that was there has been told. */
  readonly onTold: () => void;
}

/** One consumer of a stream; it ends with `close`, or by itself once it may have missed something. */
export class Feed {
  readonly #link: NatsLink;
  readonly #options: FeedOptions;
  readonly #ended = defer<undefined>();
  #subscription: Subscription | null = null;
  #consumer = "";
  #delivered = 0;
  #last: number;
  #heardAt = 0;
  #timer: unknown;
  #isTold = false;
  #isEnded = false;
  /** How much this process's clock is ahead of the server's. */
  #clockOffset = 0;

  constructor(link: NatsLink, options: FeedOptions) {
    this.#ended.promise.catch(() => undefined); // Whoever waits for it hears of it.
    this.#link = link;
    this.#options = options;
    this.#last = options.after;
  }

  /** Resolves once it tells no more; rejects where the server refused it. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** The sequence of the last message that it told. */
  get last(): number {
    return this.#last;
  }

  /** The time by the server's clock, in milliseconds since 1970. */
  now(): number {
    return this.#link.clock.now() - this.#clockOffset;
  }

  /** Begins to tell. @throws NatsError as `NatsLink.call` does. */
  async open(): Promise<void> {
    try {
      await this.#link.call(`read stream "${this.#options.stream}"`, () => this.#begin());
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    this.#listen();
  }

  /** Tells no more. */
  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#link.clock.clearTimeout(this.#timer);
    this.#drop();
    this.#ended.resolve(undefined);
  }

  /** Makes the consumer; each try makes another, as an earlier one may be there without our knowing. */
  async #begin(): Promise<void> {
    const { jsm, clock } = this.#link;
    this.#drop();
    if (this.#isEnded) return;
    const inbox = createInbox();
    const consumer = nuid.next();
    this.#consumer = consumer;
    this.#delivered = 0;
    this.#subscription = this.#link.subscribe(inbox, {
      callback: (error, message) => {
        if (consumer === this.#consumer) this.#take(error, message);
      },
    });
    const { created } = await jsm.consumers.add(this.#options.stream, this.#plan(consumer, inbox));
    this.#clockOffset = clock.now() - Date.parse(created);
    if (this.#last >= this.#options.until) this.#told();
  }

  #plan(name: string, inbox: string): Partial<ConsumerConfig> {
    const { filter, after, isHeadersOnly = false } = this.#options;
    return {
      name,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- one consumer a feed, gone with its inbox: pushed costs least.
      deliver_subject: inbox,
      filter_subject: filter,
      ack_policy: AckPolicy.None,
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      flow_control: true,
      idle_heartbeat: nanosecondsOf(HEARTBEAT_MS),
      inactive_threshold: nanosecondsOf(SILENCE_MS),
      headers_only: isHeadersOnly,
      ...(after === 0
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
    };
  }

  #take(error: NatsError | null, message: Msg): void {
    if (this.#isEnded) return;
    this.#heardAt = this.#link.clock.now();
    if (error !== null) this.#ended.reject(error);
    if (error !== null) this.close();
    else if (isFlowControlMsg(message)) message.respond();
    else if (isHeartbeatMsg(message)) this.#beat(message.headers);
    else this.#tell(message);
  }

  #tell(message: Msg): void {
    const place = placeOf(message.reply);
    if (place?.delivery !== this.#delivered + 1) {
      this.close();
      return;
    }
    const { sequence, time } = place;
    const { subject, headers, data } = message;
    this.#delivered += 1;
    if (sequence > this.#last) {
      this.#last = sequence;
      this.#options.onMessage({ subject, sequence, time, headers, data });
    }
    // Not when the consumer says that nothing is pending: it may read from a follower that is behind.
    if (sequence >= this.#options.until) this.#told();
  }

  /** The server has nothing more to tell now; it says how much it told, and whether it waits for a word from here. */
  #beat(headers: MsgHdrs | undefined): void {
    const stalled = headers?.get(JsHeaders.ConsumerStalledHdr) ?? "";
    if (stalled !== "") this.#link.connection.publish(stalled);
    if (Number(headers?.get(JsHeaders.LastConsumerSeqHdr)) !== this.#delivered) this.close();
    else if (stalled === "") this.#told();
  }

  #told(): void {
    if (this.#isTold || this.#isEnded) return;
    this.#isTold = true;
    this.#options.onTold();
  }

  /** Ends once the server was silent for too long. */
  #listen(): void {
    if (this.#isEnded) return;
    const { clock } = this.#link;
    this.#heardAt = clock.now();
    const look = (): void => {
      const left = this.#heardAt + SILENCE_MS - clock.now();
      if (left <= 0) this.close();
      else this.#timer = wakeAfter(clock, left, look);
    };
    look();
  }

  /** Lets the consumer go; where the server does not hear of it, it does so itself after a while. */
  #drop(): void {
    const { connection, jsm } = this.#link;
    const subscription = this.#subscription;
    this.#subscription = null;
    if (subscription === null || connection.isClosed()) return;
    if (!subscription.isClosed()) subscription.unsubscribe();
    if (connection.isDraining()) return;
    void jsm.consumers.delete(this.#options.stream, this.#consumer).catch(() => undefined);
  }
}

/** Where a message stands, as the subject says that would acknowledge it: `$JS.ACK.` and seven tokens, or nine and more. */
function placeOf(reply = "") {
  const tokens = reply.split(".");
  if (tokens.length < 9) return undefined;
  const first = tokens.length === 9 ? 5 : 7;
  const [sequence = 0, delivery = 0, time = 0] = tokens.slice(first, first + 3).map(Number);
  return { sequence, delivery, time: time / NANOS_PER_MS };
}
