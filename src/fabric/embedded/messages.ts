// Messages within one process, with the manners of core NATS: at most once, wildcards, queue groups, and an
// immediate answer where nobody listens.
// Invariant: delivery is asynchronous and in order, a handler's failure never reaches the publisher, and long
// chains of messages give way to timers and I/O instead of starving them.
import { setImmediate } from "node:timers";
import { requirePattern, requireSubject } from "../../core/grammar.ts";
import type { Clock } from "../../core/clock.ts";
import { CancelledError, DeliveryError, UnknownError } from "../../core/errors.ts";
import type { FabricMessage, HandlerErrorHook, Messages, Unsubscribe } from "../../core/ports.ts";

interface Subscription {
  readonly tokens: readonly string[];
  readonly queue: string | undefined;
  readonly handler: (message: FabricMessage) => void | Promise<void>;
  active: boolean;
}

/** Deliveries in one turn of the event loop before others get theirs. */
const TURN = 256;

/** Core messaging in process; made by `createEmbeddedFabric`. */
export class EmbeddedMessages implements Messages {
  /** Subscriptions without wildcards by their subject; the common case is one look-up. */
  readonly #literal = new Map<string, Set<Subscription>>();
  readonly #wildcard = new Set<Subscription>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #onHandlerError: HandlerErrorHook;
  readonly #clock: Clock;
  /** What waits for delivery, from `#next` on. */
  #deliveries: (() => void)[] = [];
  #next = 0;
  #scheduled = false;
  #deliveredThisTurn = 0;
  #closed = false;

  constructor(onHandlerError: HandlerErrorHook, clock: Clock) {
    this.#onHandlerError = onHandlerError;
    this.#clock = clock;
  }

  publish(subject: string, payload: string): void {
    this.#requireOpen("publish to", subject);
    requireSubject(subject);
    this.#send(subject, payload, () => undefined);
  }

  subscribe(
    subject: string,
    handler: (message: FabricMessage) => void | Promise<void>,
    options: { readonly queue?: string } = {},
  ): Unsubscribe {
    this.#requireOpen("subscribe to", subject);
    const tokens = requirePattern(subject);
    const subscription: Subscription = { tokens, queue: options.queue, handler, active: true };
    const isWildcard = tokens.includes("*") || tokens.includes(">");
    const group = isWildcard ? this.#wildcard : (this.#literal.get(subject) ?? new Set());
    if (!isWildcard) this.#literal.set(subject, group);
    group.add(subscription);
    return () => {
      subscription.active = false;
      group.delete(subscription);
      if (!isWildcard && group.size === 0 && this.#literal.get(subject) === group) {
        this.#literal.delete(subject);
      }
    };
  }

  async request(
    subject: string,
    payload: string,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<string> {
    const { timeoutMs, signal } = options;
    this.#requireOpen("request from", subject);
    requireSubject(subject);
    if (signal?.aborted === true) throw cancelled(subject, signal);
    return new Promise<string>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        this.#clock.clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#pending.delete(fail);
        finish();
      };
      const fail = (error: Error): void => settle(() => reject(error));
      const onAbort = (): void => {
        if (signal !== undefined) fail(cancelled(subject, signal));
      };
      const timer = this.#clock.setTimeout(() => {
        const waited = `no reply within ${timeoutMs} ms`;
        fail(
          new DeliveryError("ASK_TIMEOUT", `Cannot request from "${subject}": ${waited}.`, {
            retryable: true,
          }),
        );
      }, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#pending.add(fail);
      const reply = (answer: string): void => this.#enqueue(() => settle(() => resolve(answer)));
      if (this.#send(subject, payload, reply) === 0) {
        fail(
          new UnknownError("ACTOR_UNKNOWN", `Cannot request from "${subject}": nobody is subscribed to it.`),
        );
      }
    });
  }

  /** Ends all subscriptions, drops what is undelivered and fails the requests that wait. */
  close(): void {
    this.#closed = true;
    for (const subscription of this.#subscriptions()) subscription.active = false;
    this.#literal.clear();
    this.#wildcard.clear();
    this.#deliveries = [];
    for (const fail of [...this.#pending]) {
      fail(new DeliveryError("ACTOR_STOPPED", "Cannot wait for a reply any longer: the fabric was closed."));
    }
  }

  /** Queues a message for its subscribers; gives their number. */
  #send(subject: string, payload: string, reply: (payload: string) => void): number {
    const receivers = this.#receivers(subject);
    if (receivers.length === 0) return 0;
    const message: FabricMessage = { subject, payload, reply };
    for (const receiver of receivers) this.#enqueue(() => this.#deliver(receiver, message));
    return receivers.length;
  }

  /** Everyone who gets a message: all plain subscribers, and one member of each queue, chosen at random. */
  #receivers(subject: string): Subscription[] {
    const tokens = subject.split(".");
    const plain: Subscription[] = [];
    const queues = new Map<string, Subscription[]>();
    const add = (subscription: Subscription): void => {
      const { queue } = subscription;
      if (queue === undefined) {
        plain.push(subscription);
        return;
      }
      const members = queues.get(queue);
      if (members === undefined) queues.set(queue, [subscription]);
      else members.push(subscription);
    };
    this.#literal.get(subject)?.forEach(add);
    for (const subscription of this.#wildcard) if (matches(subscription.tokens, tokens)) add(subscription);
    for (const members of queues.values()) {
      const chosen = members[Math.floor(Math.random() * members.length)];
      if (chosen !== undefined) plain.push(chosen);
    }
    return plain;
  }

  #deliver(subscription: Subscription, message: FabricMessage): void {
    if (!subscription.active) return;
    try {
      const returned = subscription.handler(message);
      if (returned instanceof Promise) {
        returned.catch((error: unknown) => this.#onHandlerError(error, message.subject));
      }
    } catch (error) {
      this.#onHandlerError(error, message.subject);
    }
  }

  #enqueue(delivery: () => void): void {
    if (this.#closed) return;
    this.#deliveries.push(delivery);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#deliveredThisTurn < TURN) {
      queueMicrotask(() => this.#drain());
      return;
    }
    setImmediate(() => {
      this.#deliveredThisTurn = 0;
      this.#drain();
    });
  }

  #drain(): void {
    while (this.#next < this.#deliveries.length && this.#deliveredThisTurn < TURN) {
      this.#deliveredThisTurn += 1;
      this.#deliveries[this.#next++]?.();
    }
    if (this.#next < this.#deliveries.length) {
      this.#schedule();
      return;
    }
    this.#deliveries = [];
    this.#next = 0;
    this.#scheduled = false;
  }

  *#subscriptions(): Iterable<Subscription> {
    for (const group of this.#literal.values()) yield* group;
    yield* this.#wildcard;
  }

  #requireOpen(attempt: string, subject: string): void {
    if (!this.#closed) return;
    throw new DeliveryError("ACTOR_STOPPED", `Cannot ${attempt} "${subject}": the fabric is closed.`);
  }
}

function matches(pattern: readonly string[], tokens: readonly string[]): boolean {
  for (const [index, part] of pattern.entries()) {
    if (part === ">") return tokens.length > index;
    if (index >= tokens.length || (part !== "*" && part !== tokens[index])) return false;
  }
  return pattern.length === tokens.length;
}

function cancelled(subject: string, signal: AbortSignal): CancelledError {
  return new CancelledError(`The request to "${subject}" was cancelled.`, { cause: signal.reason });
}
