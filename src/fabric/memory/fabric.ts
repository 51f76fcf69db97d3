// A fabric that keeps all in memory, for tests and for meshes that need to remember nothing.
// Invariant: it passes the same contract as the others; what is closed is forgotten.
import { systemClock, type Clock } from "../../core/clock.ts";
import type { Fabric, HandlerErrorHook } from "../../core/ports.ts";
import { EmbeddedMessages } from "../embedded/messages.ts";
import { MemoryBlobs } from "./blobs.ts";
import { MemoryKeyValue } from "./key-value.ts";
import { MemoryLedger } from "./ledger.ts";
import { MemoryQueue } from "./queue.ts";

/** Makes a fabric in memory. */
export function createMemoryFabric(
  options: { readonly clock?: Clock | undefined; readonly onHandlerError?: HandlerErrorHook } = {},
): Fabric {
  const warn = (error: unknown, subject: string) =>
    process.emitWarning(`A handler of "${subject}" failed: ${String(error)}`, "FettleWarning");
  const clock = options.clock ?? systemClock;
  const onHandlerError = options.onHandlerError ?? warn;
  const messages = new EmbeddedMessages(onHandlerError, clock);
  const keyValue = new MemoryKeyValue(clock, onHandlerError);
  const ledger = new MemoryLedger(() => clock.now());
  const queue = new MemoryQueue(clock);
  const close = async (): Promise<void> => {
    messages.close();
    keyValue.close();
    ledger.close();
    await queue.close();
  };
  return Object.freeze({
    name: "memory",
    messages,
    keyValue,
    ledger,
    queue,
    blobs: new MemoryBlobs(),
    close,
    [Symbol.asyncDispose]: close,
  });
}
