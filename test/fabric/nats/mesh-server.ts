// A server for one file of tests, on which each fabric is a mesh of its own.
import { afterAll, beforeAll } from "vitest";
import { openConnection } from "#src/fabric/nats/connection";
import { silentLog, type Log } from "#src/core/log";
import { systemClock } from "#src/core/clock";
import { createStreamNames } from "#src/core/stream-names";
import { NatsLink } from "#src/fabric/nats/link";
import { startNatsCluster, startNatsServer, type NatsServer } from "../../harness/nats-server.ts";

/** A server that is started before the tests of a file and closed after them. */
export function serverForTests(): { readonly get: () => NatsServer } {
  let server: NatsServer | undefined;
  beforeAll(async () => {
    server = await startNatsServer();
  }, 120_000);
  afterAll(async () => {
    await server?.close();
  });
  return {
    get: () => {
      if (server === undefined) throw new Error("the server is not started yet");
      return server;
    },
  };
}

/** A cluster of three for a file of tests. */
export interface TestCluster {
  readonly servers: readonly NatsServer[];
  at(index: number): NatsServer;
  /** The server that leads a stream. */
  leaderOf(link: NatsLink, stream: string): Promise<NatsServer>;
}

/** A cluster that is started before the tests of a file and closed after them. */
export function clusterForTests(): TestCluster {
  let servers: readonly NatsServer[] = [];
  beforeAll(async () => {
    servers = await startNatsCluster();
  }, 120_000);
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  const at = (index: number): NatsServer => {
    const server = servers[index];
    if (server === undefined) throw new Error(`the cluster has no server ${index}`);
    return server;
  };
  return {
    get servers() {
      return servers;
    },
    at,
    leaderOf: async (link, stream) => {
      const { cluster } = await link.jsm.streams.info(stream);
      return at(Number(cluster?.leader?.slice(1)));
    },
  };
}

let meshes = 0;

/** A mesh's name that no other test has. */
export function newMeshName(): string {
  meshes += 1;
  return `m${process.pid}-${meshes}`;
}

/** A link to a server, for tests of one part of the fabric. */
export async function openLink(
  server: NatsServer,
  options: { readonly mesh?: string; readonly log?: Log; readonly replicas?: number } = {},
) {
  const { mesh = newMeshName(), log = silentLog, replicas = 1 } = options;
  const connection = await openConnection({ servers: [server.url] }, { name: "test", log });
  return new NatsLink({
    connection,
    jsm: await connection.jetstreamManager({ checkAPI: false }),
    names: createStreamNames(mesh),
    replicas,
    maxBytes: -1,
    clock: systemClock,
    log,
  });
}
