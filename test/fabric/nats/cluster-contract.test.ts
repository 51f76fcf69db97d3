// The fabric over NATS, kept on three servers each, under what of the contract depends most on how servers agree.
import { beforeAll, describe } from "vitest";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { blobsContract } from "../../contract/blobs.ts";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { clusterForTests, newMeshName } from "./mesh-server.ts";

describe("the fabric on a cluster keeps the contract of", () => {
  const cluster = clusterForTests();
  const make = async () => {
    const urls = cluster.servers.map(({ url }) => url);
    const connection = await openConnection({ servers: urls }, { name: "test", log: silentLog });
    const mesh = newMeshName();
    return createNatsFabric({ connection, mesh, replicas: 3, onHandlerError: () => undefined });
  };
  beforeAll(async () => {
    await (await make()).close();
  }, 120_000);
  messagesContract(make);
  ledgerContract(make);
  blobsContract(make);
});
