// The sandbox's own suites with guests on a node that is reached over a real server: tools, limits, records, console.
import { afterAll, beforeAll, describe } from "vitest";
import type { NatsFabric } from "#src/fabric/nats/fabric";
import { startNatsServer, type NatsServer } from "../../harness/nats-server.ts";
import { runGuestsIn } from "../place.ts";
import { openNatsFabric } from "./nats-fabric.ts";
import { openPair } from "./pair.ts";

let server: NatsServer;
let fabric: NatsFabric;
beforeAll(async () => {
  server = await startNatsServer();
  fabric = await openNatsFabric(server);
}, 120_000);
afterAll(async () => {
  await fabric.close();
  await server.close();
});
runGuestsIn((options) => openPair(fabric.messages, options));

describe("a sandbox whose guests run on a node over NATS", async () => {
  await import("../clock.test.ts");
  await import("../console.test.ts");
  await import("../limits.test.ts");
  await import("../record.test.ts");
  await import("../sandbox.test.ts");
  await import("../tools.test.ts");
});
