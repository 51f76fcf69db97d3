// The post office: carries messages between actors over the fabric, the same way wherever they run.
// Invariant: a sender always learns what became of its message: taken, answered, or the error that stopped it.
import { parseAddress, type Address } from "./core/address.ts";
import { envelopeOf, openAnswer, sealEnvelope, type EnvelopeParts } from "./core/envelope.ts";
import { CancelledError, UnknownError } from "./core/errors.ts";
import type { AskOptions, BroadcastResult, Discovery } from "./core/handler.ts";
import type { Messages, Queue } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";
import { Courier } from "./courier.ts";
import type { Directory } from "./directory.ts";
import { Outbox } from "./outbox.ts";

/** How long a sender waits to hear that a mailbox took its message, in milliseconds. */
const ACCEPT = { timeoutMs: 10_000 };
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
  /** The trace of whoever sends; none where absent. */
  readonly trace?: (() => string | undefined) | undefined;
}

/** Sends, asks and broadcasts. `from` is null where a program sends. */
export class PostOffice {
  readonly #options: PostOfficeOptions;
  readonly #courier: Courier;
  readonly #outbox: Outbox;

  constructor(options: PostOfficeOptions) {
    this.#options = options;
    this.#courier = new Courier(options.messages, options.subjects);
    this.#outbox = new Outbox((to, payload) => this.#courier.ask(to, payload, ACCEPT));
  }

  /** Resolves when the message is in the mailbox of its actor, or stored in the durable one of its role. */
  async send(from: Address | null, to: string, body: unknown): Promise<void> {
    const { directory, isDurable, nextId } = this.#options;
    const parts = this.#traced({ id: nextId(), type: "send", from, body });
    const found = directory.next(to);
    if (found?.mailbox === "durable") return this.#store(to, parts);
    if (found === undefined && isRole(to) && (await isDurable(to))) return this.#store(to, parts);
    const address = found?.address ?? this.#address(to);
    directory.touch(address);
    return this.#outbox.put(address, envelopeOf(parts));
  }

  /** Resolves with the handler's answer; rejects with its error as soon as it fails. */
  async ask(from: Address | null, to: string, body: unknown, options: AskOptions = {}): Promise<unknown> {
    const { directory, nextId } = this.#options;
    const { signal, timeoutMs = ASK_TIMEOUT_MS } = options;
    const address = directory.next(to)?.address ?? this.#address(to);
    if (signal?.aborted === true) {
      throw new CancelledError(`The ask to "${address}" was cancelled before it was sent.`);
    }
    directory.touch(address);
    const sealed = sealEnvelope(this.#traced({ id: nextId(), type: "ask", from, body }));
    // What was sent before must not come after.
    this.#outbox.flush(address);
    return openAnswer(await this.#courier.ask(address, sealed, { timeoutMs, signal }));
  }

  /** Sends to all actors that match, the sender itself excepted. */
  async broadcast(from: Address | null, to: Discovery, body: unknown): Promise<BroadcastResult> {
    const { directory, nextId } = this.#options;
    const addresses = directory
      .find(to)
      .map(({ address }) => address)
      .filter((address) => address !== from);
    const sent = await Promise.allSettled(
      addresses.map((address) => {
        directory.touch(address);
        const parts = this.#traced({ id: nextId(), type: "broadcast", from, body });
        return this.#outbox.put(address, envelopeOf(parts));
      }),
    );
    const taken = (index: number) => sent[index]?.status === "fulfilled";
    return {
      delivered: addresses.filter((_, index) => taken(index)),
      refused: addresses.filter((_, index) => !taken(index)),
    };
  }

  /** The nodes of these actors are gone: nobody waits for them any longer. */
  lose(addresses: readonly Address[]): void {
    this.#courier.lose(addresses);
  }

  #traced(parts: EnvelopeParts): EnvelopeParts {
    const trace = this.#options.trace?.();
    return trace === undefined ? parts : { ...parts, trace };
  }

  /** Puts a message into the durable mailbox of a role. */
  async #store(role: string, parts: EnvelopeParts): Promise<void> {
    const { queue, subjects } = this.#options;
    await queue.publish(subjects.mail(role), sealEnvelope(parts), { id: parts.id });
  }

  /** The address of a single actor. @throws UnknownError where it is none, or a role that no actor has. */
  #address(to: string): Address {
    const parsed = parseAddress(to);
    if (parsed === null) {
      throw new UnknownError(
        "ACTOR_UNKNOWN",
        `"${to}" is no address: use a role, or <role>.<instance> as discover() gives it.`,
      );
    }
    if (parsed.instance !== null) return `${parsed.role}.${parsed.instance}`;
    throw new UnknownError("ACTOR_UNKNOWN", `No actor of the role "${to}" runs in this mesh.`);
  }
}

function isRole(to: string): boolean {
  return parseAddress(to)?.instance === null;
}
