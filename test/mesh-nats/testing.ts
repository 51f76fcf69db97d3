// What the suites of a mesh stand on when they are run over NATS: the same test mesh, as a node on a real server.
// Invariant: each fabric is new and of a name of its own; those of a test are closed after it.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Fabric } from "fettle";
import type * as testingModule from "fettle/testing";
import type { TestMeshOptions } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { newMeshName } from "../fabric/nats/mesh-server.ts";

type Testing = typeof testingModule;

/** So many fabrics does a test need at most: they are made before it, since tests make theirs at once. */
const FABRICS = 3;

/** `fettle/testing` with fabrics over NATS in place of those in memory. */
export function onNats(testing: Testing): Testing {
  let server: NatsServer;
  const ready: Fabric[] = [];
  const given: Fabric[] = [];
  const take = (): Fabric => {
    const fabric = ready.pop();
    if (fabric === undefined) throw new Error(`this test needs more than ${FABRICS} fabrics`);
    given.push(fabric);
    return fabric;
  };
  beforeAll(async () => {
    server = await startNatsServer();
  }, 60_000);
  beforeEach(async () => {
    while (ready.length < FABRICS) ready.push(await open(server));
  });
  afterEach(async () => {
    await Promise.all(given.splice(0).map((fabric) => fabric.close()));
  });
  afterAll(async () => {
    await Promise.all(ready.splice(0).map((fabric) => fabric.close()));
    await server.close();
  });

  class NatsTestMesh extends testing.TestMesh {
    constructor(options: TestMeshOptions = {}) {
      super({ ...options, fabric: options.fabric ?? take() });
    }

    protected override async open() {
      return { ...(await super.open()), node: `test-${randomUUID()}`, isDistributed: true };
    }
  }
  return { ...testing, createMemoryFabric: take, TestMesh: NatsTestMesh as Testing["TestMesh"] };
}

async function open(server: NatsServer): Promise<Fabric> {
  const connection = await openConnection({ servers: [server.url] }, { name: "test", log: silentLog });
  return createNatsFabric({ connection, mesh: newMeshName() });
}
