// Key-value over NATS: the contract of all fabrics, and what only a server can do to it: restart, be shared, be read
// by other tools, and know one time for a bucket.
import { describe } from "vitest";
import type { Fabric } from "#src/core/ports";
import { NatsKeyValue } from "#src/fabric/nats/key-value";
import { Streams } from "#src/fabric/nats/streams";
import { keyValueContract } from "../../contract/key-value.ts";
import { watchContract } from "../../contract/watch.ts";
import { openLink, serverForTests } from "./mesh-server.ts";

describe("key-value over NATS keeps the contract of", () => {
  const server = serverForTests();
  const make = async (): Promise<Fabric> => {
    const link = await openLink(server.get());
    const keyValue = new NatsKeyValue(link, new Streams(link), () => undefined);
    const close = async (): Promise<void> => {
      keyValue.close();
      await link.close();
    };
    return { keyValue, close } as unknown as Fabric;
  };
  keyValueContract(make);
  watchContract(make);
});
