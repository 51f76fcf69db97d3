// The embedded fabric: messages in process, LMDB and files in a folder. Nothing to install or to start.
// Invariant: nothing is made on disk before something is stored; `close` leaves no handle open.
import { join } from "node:path";
import { systemClock, type Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Blobs, Fabric, HandlerErrorHook } from "../../core/ports.ts";
import { FileBlobs } from "./blobs.ts";
import { EmbeddedKeyValue } from "./key-value.ts";
import { EmbeddedLedger } from "./ledger.ts";
import { EmbeddedMessages } from "./messages.ts";
import { EmbeddedQueue } from "./queue.ts";
import { StateFile } from "./state-file.ts";

const RESERVE_BYTES = 16 * 1024 * 1024;

/** Where the embedded fabric keeps its things. */
export interface EmbeddedFabricOptions {
  /** Folder of the state file; `.fettle` where absent. */
  readonly dataDirectory?: string | undefined;
  /** Folder of the blobs; `blobs` in the data folder where absent. */
  readonly blobDirectory?: string | undefined;
  /** Blobs kept elsewhere, in place of that folder; whoever opened them closes them. */
  readonly blobs?: Blobs | undefined;
  /** Writes to the state file are refused while less is free on its disk; 16 MiB where absent. */
  readonly reserveBytes?: number | undefined;
  /** Told what a handler of messages or of a watch threw; where absent, a process warning says it. */
  readonly onHandlerError?: HandlerErrorHook | undefined;
  /** Times requests and expiry, and dates entries; the machine's own where absent. */
  readonly clock?: Clock | undefined;
}

/**
 * Makes a fabric that needs no server; several processes may share its folders.
 *
 * @example
 * await using fabric = createEmbeddedFabric({ dataDirectory: "/var/lib/fettle" });
 */
export function createEmbeddedFabric(options: EmbeddedFabricOptions = {}): Fabric {
  const dataDirectory = options.dataDirectory ?? ".fettle";
  const clock = options.clock ?? systemClock;
  const onHandlerError = options.onHandlerError ?? warn;
  const messages = new EmbeddedMessages(onHandlerError, clock);
  const file = new StateFile(dataDirectory, options.reserveBytes ?? RESERVE_BYTES);
  const keyValue = new EmbeddedKeyValue(file, clock, onHandlerError);
  const ledger = new EmbeddedLedger(file, () => clock.now());
  const queue = new EmbeddedQueue(file, clock);
  const blobs = options.blobs ?? new FileBlobs(options.blobDirectory ?? join(dataDirectory, "blobs"));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    messages.close();
    keyValue.close();
    closing ??= queue.close().then(() => file.close());
    return closing;
  };
  return Object.freeze({
    name: "embedded",
    messages,
    keyValue,
    ledger,
    queue,
    blobs,
    close,
    [Symbol.asyncDispose]: close,
  });
}

function warn(error: unknown, subject: string): void {
  process.emitWarning(`A handler of "${subject}" failed: ${messageOf(error)}`, "FettleWarning");
}
