// Whether the connection to NATS is away. NATS itself lets a request wait for its time limit whose answer was lost with
// the connection; here it fails when the connection does, and is not even sent while there is none.
// Invariant: whoever waits for an answer hears of the loss at once, and whoever waits for the connection of its return.
import { ErrorCode, Events, NatsError, type NatsConnection } from "nats";
import { defer, type Deferred } from "../../core/deferred.ts";
import type { Unsubscribe } from "../../core/ports.ts";

type HearLoss = (reason: NatsError) => void;

/** Follows a connection's comings and goings. */
export class Outage {
  readonly #toWarn = new Set<HearLoss>();
  readonly #toTell = new Set<() => void>();
  #back: Deferred<undefined> | null = null;

  constructor(connection: NatsConnection) {
    void this.#follow(connection);
    // Whoever waits finds that out by himself.
    void connection.closed().then(() => this.#back?.resolve(undefined));
  }

  /** Resolves once the connection is back; null where it is not away. */
  get back(): Promise<undefined> | null {
    return this.#back?.promise ?? null;
  }

  /** Tells each time that the connection is lost. */
  onLost(handler: HearLoss): Unsubscribe {
    this.#toWarn.add(handler);
    return () => this.#toWarn.delete(handler);
  }

  /** Tells each time that the connection is back. */
  onBack(handler: () => void): Unsubscribe {
    this.#toTell.add(handler);
    return () => this.#toTell.delete(handler);
  }

  /** @throws NatsError `DISCONNECT` while the connection is away */
  check(): void {
    if (this.#back !== null) throw lost();
  }

  /** What the work gives. @throws NatsError `DISCONNECT` as soon as the connection is away */
  watch<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.check();
      const ignore = this.onLost(reject);
      work().then(resolve, reject).then(ignore, ignore);
    });
  }

  async #follow(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect) {
        this.#back ??= defer();
        for (const warn of [...this.#toWarn]) warn(lost());
      } else if (type === Events.Reconnect) {
        this.#back?.resolve(undefined);
        this.#back = null;
        for (const tell of [...this.#toTell]) tell();
      }
    }
  }
}

function lost(): NatsError {
  return new NatsError("the connection to NATS was lost", ErrorCode.Disconnect);
}
