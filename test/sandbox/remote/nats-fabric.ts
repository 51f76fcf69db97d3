// A fabric over a test's own server, for remote sandboxes and their nodes.
import { afterAll, beforeAll } from "vitest";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric, type NatsFabric } from "#src/fabric/nats/fabric";
import { silentLog } from "#src/core/log";
import type { NatsServer } from "../../harness/nats-server.ts";
import { serverForTests } from "../../fabric/nats/mesh-server.ts";

/** Opens one; each has a connection of its own. */
export async function openNatsFabric(server: NatsServer): Promise<NatsFabric> {
  const connection = await openConnection({ servers: [server.url] }, { name: "test", log: silentLog });
  return createNatsFabric({ connection, log: silentLog });
}

/** A server, and a fabric over it, for the tests of a file. */
export function fabricForTests(): { readonly server: NatsServer; readonly fabric: NatsFabric } {
  const server = serverForTests();
  let fabric: NatsFabric | undefined;
  beforeAll(async () => {
    fabric = await openNatsFabric(server.get());
  });
  afterAll(async () => {
    await fabric?.close();
  });
  return {
    get server() {
      return server.get();
    },
    get fabric() {
      if (fabric === undefined) throw new Error("the fabric is not open yet");
      return fabric;
    },
  };
}
