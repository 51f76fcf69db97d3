import { describe } from "vitest";
import type { Fabric } from "#src/core/ports";
import { NatsLedger } from "#src/fabric/nats/ledger";
import { NatsMessages } from "#src/fabric/nats/messages";
import { Streams } from "#src/fabric/nats/streams";
import { ledgerContract } from "../../contract/ledger.ts";
import { messagesContract } from "../../contract/messages.ts";
import { openLink, serverForTests } from "./mesh-server.ts";

describe("parts of the fabric over NATS keep the contract of", () => {
  const server = serverForTests();
  const make = async (): Promise<Fabric> => {
    const link = await openLink(server.get());
    const streams = new Streams(link);
    return {
      messages: new NatsMessages(link, () => undefined),
      ledger: new NatsLedger(link, streams),
      close: () => link.close(),
    } as unknown as Fabric;
  };
  messagesContract(make);
  ledgerContract(make);
});
