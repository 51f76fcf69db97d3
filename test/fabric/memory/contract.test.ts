// The fabric in memory under the contract that every fabric must pass.
import { describe } from "vitest";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { blobsContract } from "../../contract/blobs.ts";
import { keyValueContract } from "../../contract/key-value.ts";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { queueContract } from "../../contract/queue.ts";
import { watchContract } from "../../contract/watch.ts";

describe("the fabric in memory keeps the contract of", () => {
  const make = async () => createMemoryFabric({ onHandlerError: () => undefined });
  messagesContract(make);
  keyValueContract(make);
  watchContract(make);
  ledgerContract(make);
  queueContract(make);
  blobsContract(make);
});
