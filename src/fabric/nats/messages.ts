// Messages between actors over core NATS: at most once, nothing kept.
// Invariant: a handler's failure reaches the error hook alone; whoever waits for an answer hears at once that nobody
// listens, or that this fabric closed.
import { ErrorCode, type Msg, type NatsConnection } from "nats";
import { CancelledError, DeliveryError, messageOf, UnknownError } from "../../core/errors.ts";
import { requirePattern, requireSubject } from "../../core/grammar.ts";
import type { FabricMessage, HandlerErrorHook, Messages, Unsubscribe } from "../../core/ports.ts";
import { codeOf } from "./failure.ts";
import type { NatsLink } from "./link.ts";
import { isActedOn } from "./reply-subject.ts";

type Handler = (message: FabricMessage) => void | Promise<void>;

/** Core NATS as the fabric's messages. */
export class NatsMessages implements Messages {
  readonly #link: NatsLink;
  readonly #onHandlerError: HandlerErrorHook;
  /** Ends a request that waits when the fabric is closed. */
  readonly #waiting = new Set<() => void>();

  constructor(link: NatsLink, onHandlerError: HandlerErrorHook) {
    this.#link = link;
    this.#onHandlerError = onHandlerError;
    const end = () => {
      for (const stop of this.#waiting) stop();
    };
    link.closed.addEventListener("abort", end, { once: true });
  }

  publish(subject: string, payload: string): void {
    requireSubject(subject);
    this.#use(`publish to "${subject}"`, (connection) => connection.publish(subject, payload));
  }

  subscribe(subject: string, handler: Handler, options: { readonly queue?: string } = {}): Unsubscribe {
    requirePattern(subject);
    const { queue } = options;
    const subscription = this.#use(`subscribe to "${subject}"`, () =>
      this.#link.subscribe(subject, {
        queue,
        callback: (error, message) => {
          if (error === null) void this.#handle(handler, message);
          else this.#onHandlerError(error, subject);
        },
      }),
    );
    return () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  async request(
    subject: string,
    payload: string,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<string> {
    requireSubject(subject);
    const { timeoutMs, signal } = options;
    if (signal?.aborted === true) throw cancelled(subject);
    if (this.#link.closed.aborted) throw closedError(`ask "${subject}"`);
    const { replies } = this.#link;
    let stop: (reason: Error) => void = () => undefined;
    const onAbort = () => stop(cancelled(subject));
    const onClose = () => stop(closedError(`ask "${subject}"`));
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(onClose);
    try {
      return await new Promise<string>((resolve, reject) => {
        const name = replies.ask(subject, payload, {
          timeoutMs,
          outlivesConnection: true,
          answered: (message) => resolve(message.string()),
          failed: reject,
        });
        stop = (reason) => {
          replies.forget(name);
          reject(reason);
        };
      });
    } catch (thrown) {
      const isTooLarge = codeOf(thrown) === ErrorCode.MaxPayloadExceeded;
      throw isTooLarge
        ? this.#sendError(`ask "${subject}"`, thrown)
        : requestError(thrown, subject, timeoutMs);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(onClose);
    }
  }

  #use<T>(attempt: string, use: (connection: NatsConnection) => T): T {
    if (this.#link.closed.aborted) throw closedError(attempt);
    try {
      return use(this.#link.connection);
    } catch (thrown) {
      throw this.#sendError(attempt, thrown);
    }
  }

  #sendError(attempt: string, thrown: unknown): DeliveryError {
    const isTooLarge = codeOf(thrown) === ErrorCode.MaxPayloadExceeded;
    const reason = isTooLarge
      ? `the message is larger than the server takes (max_payload, ${this.#link.connection.info?.max_payload ?? 0} bytes). ` +
        "Send large values as blobs, by their paths"
      : messageOf(thrown);
    return new DeliveryError("MESSAGE_INVALID", `Cannot ${attempt}: ${reason}.`, { cause: thrown });
  }

  async #handle(handler: Handler, message: Msg): Promise<void> {
    if (isActedOn(message.reply)) {
      const { subject, reply } = message;
      this.#link.log.warn(
        { subject, reply },
        "a message was dropped: its answer would go where servers or meshes act on it",
      );
      return;
    }
    let isReplied = false;
    const reply = (payload: string): void => {
      if (isReplied || message.reply === undefined || message.reply === "") return;
      isReplied = true;
      this.#use(`answer on "${message.subject}"`, (connection) =>
        connection.publish(message.reply ?? "", payload),
      );
    };
    try {
      await handler({ subject: message.subject, payload: message.string(), reply });
    } catch (thrown) {
      this.#onHandlerError(thrown, message.subject);
    }
  }
}

function requestError(thrown: unknown, subject: string, timeoutMs: number): Error {
  switch (codeOf(thrown)) {
    case ErrorCode.NoResponders:
      return new UnknownError("ACTOR_UNKNOWN", `Cannot ask "${subject}": nobody listens there.`);
    case ErrorCode.Timeout:
      return new DeliveryError("ASK_TIMEOUT", `No answer on "${subject}" within ${timeoutMs} ms.`, {
        retryable: true,
        cause: thrown,
      });
    case ErrorCode.Disconnect:
      return new DeliveryError(
        "ASK_TIMEOUT",
        `No answer on "${subject}": the connection to NATS was lost, and the request may have been heard or not.`,
        { retryable: true, cause: thrown },
      );
    case ErrorCode.ConnectionClosed:
    case ErrorCode.ConnectionDraining:
      return closedError(`ask "${subject}"`);
    default:
      return thrown instanceof Error ? thrown : new Error(messageOf(thrown));
  }
}

function cancelled(subject: string): CancelledError {
  return new CancelledError(`The request to "${subject}" was cancelled.`);
}

function closedError(attempt: string): DeliveryError {
  return new DeliveryError("ACTOR_STOPPED", `Cannot ${attempt}: the fabric is closed.`);
}
