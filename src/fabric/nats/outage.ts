// Whether the connection to NATS is away. NATS itself lets a request wait for its time limit whose answer was lost with
// the connection; here it fails when the connection does, and is not even sent while there is none.
// Invariant: whoever waits for an answer hears of the loss at once, and whoever waits for the connection of its return.
import { ErrorCode, Events, NatsError, type NatsConnection } from "nats";
import { defer, type Deferred } from "../../core/deferred.ts";
import type { Unsubscribe } from "../../core/ports.ts";

/** Follows a connection's comings and goings. */
export class Outage {
  readonly #waiting = new Set<(reason: NatsError) => void>();
  readonly #toTell = new Set<() => void>();
  #back: Deferred<undefined> | null = null;

  constructor(connection: NatsConnection) {
    void this.#follow(connection);
  }

  /** Resolves once the connection is back; null where it is not away. */
  get back(): Promise<undefined> | null {
    return this.#back?.promise ?? null;
  }

  /** Tells each time that the connection is back. */
  onBack(handler: () => void): Unsubscribe {
    this.#toTell.add(handler);
    return () => this.#toTell.delete(handler);
  }

  /** What the work gives. @throws NatsError `DISCONNECT` as soon as the connection is away */
  watch<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#back !== null) {
        reject(lost());
        return;
      }
      this.#waiting.add(reject);
      const end = (): void => void this.#waiting.delete(reject);
      work().then(resolve, reject).then(end, end);
    });
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect) {
        this.#back ??= defer();
        for (const reject of this.#waiting) reject(lost());
      } else if (type === Events.Reconnect) {
        this.#back?.resolve(undefined);
        this.#back = null;
        for (const tell of [...this.#toTell]) tell();
      }
    }
    this.#back?.resolve(undefined); // It was closed: whoever waits finds that out by himself.
  }
}

function lost(): NatsError {
  return new NatsError("the connection to NATS was lost", ErrorCode.Disconnect);
}
