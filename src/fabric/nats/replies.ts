// The answers to what is asked over NATS: one inbox and one timer for all questions, where the library's own requests cost
// a timer and an error each.
// Invariant: each question ends once, with its answer or with an error; what comes after that is dropped.
import { createInbox, ErrorCode, Events, NatsError, type Msg, type MsgHdrs, type NatsConnection } from "nats";
import type { Clock } from "../../core/clock.ts";
import { wakeAfter } from "../expiry.ts";
import type { Outage } from "./outage.ts";

/** Time limits are looked at so often at most, in milliseconds. */
const LOOK_MS = 10;
const NO_RESPONDERS = 503;

/** What is asked, beyond its subject and payload, and who hears how it ended. */
export interface Question {
  readonly timeoutMs: number;
  readonly headers?: MsgHdrs | undefined;
  /** Whether it waits on while the connection is away: the answer may come once it is back. */
  readonly outlivesConnection?: boolean;
  /** Told the answer; what it throws is told to `failed`. */
  readonly answered: (message: Msg) => void;
  readonly failed: (error: unknown) => void;
}

interface Waiting extends Question {
  readonly subject: string;
  readonly deadline: number;
}

/** What {@link Replies} stand on. */
export interface RepliesOptions {
  readonly connection: NatsConnection;
  readonly outage: Outage;
  readonly clock: Clock;
}

/** Asks, and hears the answers. */
export class Replies {
  readonly #connection: NatsConnection;
  readonly #outage: Outage;
  readonly #clock: Clock;
  /** The questions by what their answers' subjects end with. */
  readonly #waiting = new Map<string, Waiting>();
  /** What the subjects of answers begin with; null where nothing is subscribed to. */
  #inbox: string | null = null;
  #asked = 0;
  #timer: unknown;
  /** When the timer ends; Infinity where there is none. */
  #wakesAt = Infinity;

  constructor({ connection, outage, clock }: RepliesOptions) {
    this.#connection = connection;
    this.#outage = outage;
    this.#clock = clock;
    outage.onLost((reason) => {
      this.#fail(reason, ({ outlivesConnection }) => outlivesConnection !== true);
    });
    void this.#hearRefusals();
    void connection.closed().then(() => {
      clock.clearTimeout(this.#timer);
      this.#fail(new NatsError("the connection to NATS was closed", ErrorCode.ConnectionClosed));
    });
  }

  /**
   * Asks; gives a name by which the question can be forgotten. Its error is one of NATS: `503` where nobody listens,
   * `TIMEOUT`, `DISCONNECT`, `PERMISSIONS_VIOLATION`, `CONNECTION_CLOSED`.
   *
   * @throws NatsError where it cannot be sent; nobody is told then.
   */
  ask(subject: string, payload: string | Uint8Array, question: Question): string {
    const { timeoutMs, headers, outlivesConnection = false, answered, failed } = question;
    if (!outlivesConnection) this.#outage.check();
    const inbox = (this.#inbox ??= this.#open());
    const name = (this.#asked += 1).toString(36);
    this.#connection.publish(subject, payload, {
      reply: inbox + name,
      ...(headers === undefined ? {} : { headers }),
    });
    const deadline = this.#clock.now() + timeoutMs;
    this.#waiting.set(name, { subject, deadline, timeoutMs, outlivesConnection, answered, failed });
    if (!(deadline >= this.#wakesAt)) this.#wake(deadline);
    return name;
  }

  /** Whoever asked hears no more of it. */
  forget(name: string): void {
    this.#waiting.delete(name);
  }

  #open(): string {
    const inbox = `${createInbox(inboxPrefixOf(this.#connection))}.`;
    this.#connection.subscribe(`${inbox}*`, {
      callback: (error, message) => {
        if (error === null) {
          this.#hear(message.subject.slice(inbox.length), message);
          return;
        }
        // The server does not permit the inbox; it may when it is asked the next time.
        this.#inbox = null;
        this.#fail(error);
      },
    });
    return inbox;
  }

  #hear(name: string, message: Msg): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    this.#waiting.delete(name);
    try {
      if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
        throw new NatsError(`nobody listens on "${waiting.subject}"`, ErrorCode.NoResponders);
      }
      waiting.answered(message);
    } catch (thrown) {
      waiting.failed(thrown);
    }
  }

  /** Ends the questions that the server refuses to carry. */
  async #hearRefusals(): Promise<void> {
    for await (const { type, permissionContext } of this.#connection.status()) {
      if (type !== Events.Error || permissionContext?.operation !== "publish") continue;
      const { subject } = permissionContext;
      // It says so for each message: this is of the one that was sent first.
      const [first] = [...this.#waiting].find(([, waiting]) => waiting.subject === subject) ?? [];
      const error = new NatsError(`no permission to publish to "${subject}"`, ErrorCode.PermissionsViolation);
      if (first !== undefined) this.#end(first, error);
    }
  }

  #end(name: string, error: unknown): void {
    const waiting = this.#waiting.get(name);
    this.#waiting.delete(name);
    waiting?.failed(error);
  }

  #fail(error: unknown, isMeant: (waiting: Waiting) => boolean = () => true): void {
    for (const [name, waiting] of [...this.#waiting]) if (isMeant(waiting)) this.#end(name, error);
  }

  #wake(at: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#wakesAt = at;
    this.#timer = wakeAfter(this.#clock, at - this.#clock.now(), () => this.#look());
  }

  /** Ends the questions whose time is over, and looks again when the next one's may be. */
  #look(): void {
    const now = this.#clock.now();
    let next = Infinity;
    for (const [name, { subject, deadline, timeoutMs }] of [...this.#waiting]) {
      if (deadline > now) next = Math.min(next, deadline);
      else
        this.#end(
          name,
          new NatsError(`no answer from "${subject}" within ${timeoutMs} ms`, ErrorCode.Timeout),
        );
    }
    this.#wakesAt = Infinity;
    if (next < Infinity) this.#wake(Math.max(next, now + LOOK_MS));
  }
}

/** What permissions are for: the library keeps it, and its own requests heed it, but its types do not tell of it. */
function inboxPrefixOf(
  connection: NatsConnection & { readonly options?: { readonly inboxPrefix?: string } },
) {
  return connection.options?.inboxPrefix;
}
