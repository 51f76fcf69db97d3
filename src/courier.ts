// Carries one message to one actor and brings its answer, or the error that stopped it.
// Invariant: who waits for an actor whose node is gone hears of it then, and not only when its time is over.
import type { Address } from "./core/address.ts";
import { DeliveryError, UnknownError } from "./core/errors.ts";
import type { Messages } from "./core/ports.ts";
import type { Subjects } from "./core/subjects.ts";

/** How an answer is waited for. */
export interface CourierOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Asks actors by their addresses. */
export class Courier {
  readonly #messages: Messages;
  readonly #subjects: Subjects;
  /** Who waits for an answer of an actor. */
  readonly #waiting = new Map<Address, Set<(reason: Error) => void>>();

  constructor(messages: Messages, subjects: Subjects) {
    this.#messages = messages;
    this.#subjects = subjects;
  }

  /** The answer's text. @throws DeliveryError, UnknownError `ACTOR_UNKNOWN`, CancelledError */
  ask(to: Address, payload: string, options: CourierOptions): Promise<string> {
    const waiting = this.#waiting.get(to) ?? new Set();
    this.#waiting.set(to, waiting);
    return new Promise<string>((resolve, reject) => {
      waiting.add(reject);
      const end = () => {
        waiting.delete(reject);
        if (waiting.size === 0 && this.#waiting.get(to) === waiting) this.#waiting.delete(to);
      };
      this.#messages.request(this.#subjects.actor(to), payload, options).then(
        (answer) => {
          end();
          resolve(answer);
        },
        (thrown: unknown) => {
          end();
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what was thrown, as it is.
          reject(askError(thrown, to, options.timeoutMs));
        },
      );
    });
  }

  /** The nodes of these actors are gone: nobody waits for them any longer. */
  lose(addresses: readonly Address[]): void {
    for (const address of addresses) {
      for (const reject of this.#waiting.get(address) ?? []) reject(goneError(address));
    }
  }
}

function goneError(to: Address): DeliveryError {
  return new DeliveryError(
    "ACTOR_STOPPED",
    `The node of the actor "${to}" is gone: it may have heard or not.`,
    { retryable: true },
  );
}

function askError(thrown: unknown, to: Address, timeoutMs: number): unknown {
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
