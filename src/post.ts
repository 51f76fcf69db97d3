// The post office: carries messages between actors over the fabric, the same way wherever they run.
// Invariant: a sender always learns what became of its message: taken, answered, or the error that stopped it.
import { parseAddress, type Address } from "./core/address.ts";
import { openAnswer, sealEnvelope, type Envelope } from "./core/envelope.ts";
import { CancelledError, DeliveryError, UnknownError } from "./core/errors.ts";
import type { AskOptions, BroadcastResult, Discovery } from "./core/handler.ts";
import type { Messages, Queue } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import type { Directory } from "./directory.ts";

/** How long a sender waits to hear that a mailbox took its message, in milliseconds. */
const ACCEPT_TIMEOUT_MS = 10_000;
const ASK_TIMEOUT_MS = 30_000;

/** What a {@link PostOffice} stands on. */
export interface PostOfficeOptions {
  readonly messages: Messages;
  readonly queue: Queue;
  readonly directory: Directory;
  /** Whether a role of which no actor runs has a durable mailbox. */
  readonly isDurable: (role: string) => Promise<boolean>;
  readonly subjects: Subjects;
  readonly nextId: () => string;
}

/** Sends, asks and broadcasts. `from` is null where a program sends. */
export class PostOffice {
  readonly #options: PostOfficeOptions;
  /** Who waits for an answer of an actor: called when its node is gone. */
  readonly #waiting = new Map<Address, Set<() => void>>();

  constructor(options: PostOfficeOptions) {
    this.#options = options;
  }

  /** Resolves when the message is in the mailbox of its actor, or stored in the durable one of its role. */
  async send(from: Address | null, to: string, body: unknown): Promise<void> {
    if (await this.#isDurable(to)) {
      const { queue, subjects, nextId } = this.#options;
      const id = nextId();
      await queue.publish(subjects.mail(to), sealEnvelope({ id, type: "send", from, body }), { id });
      return;
    }
    await this.#deliver("send", from, this.#resolve(to), body, { timeoutMs: ACCEPT_TIMEOUT_MS });
  }

  /** Resolves with the handler's answer; rejects with its error as soon as it fails. */
  async ask(from: Address | null, to: string, body: unknown, options: AskOptions = {}): Promise<unknown> {
    return this.#deliver("ask", from, this.#resolve(to), body, {
      timeoutMs: options.timeoutMs ?? ASK_TIMEOUT_MS,
      signal: options.signal,
    });
  }

  /** Sends to all actors that match, the sender itself excepted. */
  async broadcast(from: Address | null, to: Discovery, body: unknown): Promise<BroadcastResult> {
    const addresses = this.#options.directory
      .find(to)
      .map(({ address }) => address)
      .filter((address) => address !== from);
    const sent = await Promise.allSettled(
      addresses.map((address) =>
        this.#deliver("broadcast", from, address, body, { timeoutMs: ACCEPT_TIMEOUT_MS }),
      ),
    );
    const taken = (index: number) => sent[index]?.status === "fulfilled";
    return {
      delivered: addresses.filter((_, index) => taken(index)),
      refused: addresses.filter((_, index) => !taken(index)),
    };
  }

  /** The nodes of these actors are gone: nobody waits for them any longer. */
  lose(addresses: readonly Address[]): void {
    for (const address of addresses) for (const end of this.#waiting.get(address) ?? []) end();
  }

  /** Whether what is sent there waits in a queue: for a role, not for a single actor of it. */
  async #isDurable(to: string): Promise<boolean> {
    const { directory, isDurable } = this.#options;
    if (parseAddress(to)?.instance !== null) return false;
    const [actor] = directory.find({ role: to });
    return actor === undefined ? isDurable(to) : actor.mailbox === "durable";
  }

  #resolve(to: string): Address {
    const { directory } = this.#options;
    const parsed = parseAddress(to);
    if (parsed === null) {
      throw new UnknownError(
        "ACTOR_UNKNOWN",
        `"${to}" is no address: use a role, or <role>.<instance> as discover() gives it.`,
      );
    }
    if (parsed.instance !== null) return `${parsed.role}.${parsed.instance}`;
    const [found] = directory.find({ role: parsed.role, strategy: "round-robin" });
    if (found === undefined) {
      throw new UnknownError("ACTOR_UNKNOWN", `No actor of the role "${to}" runs in this mesh.`);
    }
    return found.address;
  }

  async #deliver(
    type: Envelope["type"],
    from: Address | null,
    to: Address,
    body: unknown,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<unknown> {
    const { messages, directory, subjects, nextId } = this.#options;
    if (options.signal?.aborted === true) {
      throw new CancelledError(`The ${type} to "${to}" was cancelled before it was sent.`);
    }
    directory.touch(to);
    const sealed = sealEnvelope({ id: nextId(), type, from, body });
    return openAnswer(await this.#request(messages, subjects.actor(to), sealed, to, options));
  }

  async #request(
    messages: Messages,
    subject: string,
    sealed: string,
    to: Address,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<string> {
    const lost = new AbortController();
    const { signal = lost.signal, timeoutMs } = options;
    const both = signal === lost.signal ? signal : AbortSignal.any([signal, lost.signal]);
    const end = () => lost.abort();
    const waiting = this.#waiting.get(to) ?? new Set();
    this.#waiting.set(to, waiting.add(end));
    try {
      return await messages.request(subject, sealed, { timeoutMs, signal: both });
    } catch (thrown) {
      throw lost.signal.aborted ? goneError(to) : requestError(thrown, to, timeoutMs);
    } finally {
      waiting.delete(end);
      if (waiting.size === 0) this.#waiting.delete(to);
    }
  }
}

function goneError(to: Address): DeliveryError {
  return new DeliveryError(
    "ACTOR_STOPPED",
    `The node of the actor "${to}" is gone: it may have heard or not.`,
    {
      retryable: true,
    },
  );
}

function requestError(thrown: unknown, to: Address, timeoutMs: number): unknown {
  if (thrown instanceof UnknownError) {
    return new UnknownError("ACTOR_UNKNOWN", `No actor "${to}" runs in this mesh.`);
  }
  if (!(thrown instanceof DeliveryError) || thrown.code !== "ASK_TIMEOUT") return thrown;
  return new DeliveryError(
    "ASK_TIMEOUT",
    `No answer from "${to}" within ${timeoutMs} ms. Raise timeoutMs, or see what it is busy with.`,
    { retryable: true, cause: thrown },
  );
}
