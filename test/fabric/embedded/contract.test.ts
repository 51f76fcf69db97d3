// The embedded fabric under the contract that every fabric must pass.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe } from "vitest";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { blobsContract } from "../../contract/blobs.ts";
import { keyValueContract } from "../../contract/key-value.ts";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { queueContract } from "../../contract/queue.ts";
import { watchContract } from "../../contract/watch.ts";

describe("the embedded fabric keeps the contract of", () => {
  const folders: string[] = [];
  const make = async () => {
    const folder = await mkdtemp(join(tmpdir(), "fettle-fabric-"));
    folders.push(folder);
    return createEmbeddedFabric({ dataDirectory: folder, onHandlerError: () => undefined });
  };
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  messagesContract(make);
  keyValueContract(make);
  watchContract(make);
  ledgerContract(make);
  queueContract(make);
  blobsContract(make);
});
