import { describe } from "vitest";
import type { Fabric } from "#src/core/ports";
import { NatsQueue } from "#src/fabric/nats/queue";
import { Streams } from "#src/fabric/nats/streams";
import { queueContract } from "../../contract/queue.ts";
import { openLink, serverForTests } from "./mesh-server.ts";

describe("queues over NATS keep the contract of", () => {
  const server = serverForTests();
  queueContract(async (): Promise<Fabric> => {
    const link = await openLink(server.get());
    const queue = new NatsQueue(link, new Streams(link));
    const close = async (): Promise<void> => {
      await queue.close();
      await link.close();
    };
    return { queue, close } as unknown as Fabric;
  });
});
