// The fabric over NATS, kept on three servers each, under what of the contract depends most on how servers agree.
import { afterAll, beforeAll, describe } from "vitest";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { blobsContract } from "../../contract/blobs.ts";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { startNatsCluster, type NatsServer } from "../../harness/nats-server.ts";
import { newMeshName } from "./mesh-server.ts";

describe("the fabric on a cluster keeps the contract of", () => {
  let servers: readonly NatsServer[] = [];
  const make = async () => {
    const urls = servers.map(({ url }) => url);
    const connection = await openConnection({ servers: urls }, { name: "test", log: silentLog });
    const mesh = newMeshName();
    return createNatsFabric({ connection, mesh, replicas: 3, onHandlerError: () => undefined });
  };
  beforeAll(async () => {
    servers = await startNatsCluster();
    await (await make()).close();
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.close();
  });
  messagesContract(make);
  ledgerContract(make);
  blobsContract(make);
});
