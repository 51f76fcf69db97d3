// The fabric over NATS: core NATS for messages, JetStream for all that is kept.
// Invariant: it is one mesh's: everything of it is below that mesh's name. Closing it closes its connection.
import { setTimeout as wait } from "node:timers/promises";
import type { JetStreamManager, NatsConnection } from "nats";
import { systemClock, type Clock } from "../../core/clock.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import { silentLog, type Log } from "../../core/log.ts";
import type { Blobs, Fabric, HandlerErrorHook } from "../../core/ports.ts";
import type { Wire } from "../../core/wire.ts";
import { createStreamNames } from "../../core/stream-names.ts";
import { NatsBlobs } from "./blobs.ts";
import { isPassing } from "./failure.ts";
import { NatsKeyValue } from "./key-value.ts";
import { NatsLedger } from "./ledger.ts";
import { NatsLink } from "./link.ts";
import { NatsMessages } from "./messages.ts";
import { NatsQueue } from "./queue.ts";
import { Streams } from "./streams.ts";
import { NatsWire } from "./wire.ts";

/** So often is a server asked at the start whose JetStream does not answer yet, and so long between two tries. */
const START_TRIES = 10;
const START_PAUSE_MS = 500;

/** What the fabric over NATS is made with. */
export interface NatsFabricOptions {
  /** Closed with the fabric. */
  readonly connection: NatsConnection;
  /** Whose data it is; default `default`. */
  readonly mesh?: string | undefined;
  /** On how many servers everything is kept, 1 to 5; default 1. */
  readonly replicas?: number | undefined;
  /** The most bytes that each stream may hold; no bound but the account's where absent. */
  readonly maxBytes?: number | undefined;
  /** Blobs kept elsewhere, in place of the object store; whoever opened them closes them. */
  readonly blobs?: Blobs | undefined;
  /** The time that it lives by; the machine's where absent. */
  readonly clock?: Clock | undefined;
  /** Where log lines go; nowhere where absent. */
  readonly log?: Log | undefined;
  /** Told what a handler of messages or of a watch threw; where absent, the log. */
  readonly onHandlerError?: HandlerErrorHook | undefined;
}

/** The fabric of a mesh over NATS, and the way in for clients of any language. */
export interface NatsFabric extends Fabric {
  /** How clients come in that are no part of a mesh. */
  readonly wire: Wire;
}

/**
 * Makes the fabric of a mesh over NATS; any number of processes may share it.
 *
 * @throws StorageError where the server has no JetStream; DefinitionError for a bad mesh name.
 */
export async function createNatsFabric(options: NatsFabricOptions): Promise<NatsFabric> {
  const { connection, log = silentLog, clock = systemClock } = options;
  const names = createStreamNames(options.mesh ?? "default");
  const onHandlerError =
    options.onHandlerError ??
    ((error, subject) => log.error({ err: error, subject }, "a handler of messages failed"));
  const link = new NatsLink({
    connection,
    jsm: await managerOf(connection),
    names,
    replicas: options.replicas ?? 1,
    maxBytes: options.maxBytes ?? -1,
    clock,
    log,
  });
  const streams = new Streams(link);
  const queue = new NatsQueue(link, streams);
  const keyValue = new NatsKeyValue(link, streams, onHandlerError);
  const close = async (): Promise<void> => {
    keyValue.close();
    await queue.close();
    await link.close();
  };
  return Object.freeze({
    name: "nats",
    messages: new NatsMessages(link, onHandlerError),
    keyValue,
    ledger: new NatsLedger(link, streams),
    queue,
    blobs: options.blobs ?? new NatsBlobs(link, streams),
    wire: new NatsWire(link),
    close,
    [Symbol.asyncDispose]: close,
  });
}

/** JetStream's manager, once it answers: a cluster may be without a leader for a while. */
async function managerOf(connection: NatsConnection): Promise<JetStreamManager> {
  const jsm = await connection.jetstreamManager({ checkAPI: false });
  for (let triesLeft = START_TRIES; ; triesLeft -= 1) {
    try {
      await jsm.getAccountInfo();
      return jsm;
    } catch (thrown) {
      const isOff = connection.info?.jetstream !== true;
      const retryable = isPassing(thrown) && !isOff;
      if (retryable && triesLeft > 0) {
        await wait(START_PAUSE_MS);
        continue;
      }
      throw new StorageError(
        "STORAGE_FAILED",
        `Cannot use JetStream on ${connection.getServer()}: ${isOff ? "it is off" : messageOf(thrown)}. ` +
          "Start the server with JetStream (nats-server -js), and enable it for this account.",
        { cause: thrown, retryable },
      );
    }
  }
}
