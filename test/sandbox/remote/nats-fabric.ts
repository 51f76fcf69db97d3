// A fabric over a test's own server, for remote sandboxes and their nodes.
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric, type NatsFabric } from "#src/fabric/nats/fabric";
import { silentLog } from "#src/core/log";
import type { NatsServer } from "../../harness/nats-server.ts";

/** Opens one; each has a connection of its own. */
export async function openNatsFabric(server: NatsServer): Promise<NatsFabric> {
  const connection = await openConnection({ servers: [server.url] }, { name: "test", log: silentLog });
  return createNatsFabric({ connection, log: silentLog });
}
