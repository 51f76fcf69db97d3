// Writers on several nodes of a cluster who all want the same place: one of them gets it, also on old servers.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StorageError } from "#src/core/errors";
import { silentLog } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric, type NatsFabric } from "#src/fabric/nats/fabric";
import { clusterForTests, newMeshName } from "./mesh-server.ts";

describe("many writers of one place on a cluster", () => {
  const cluster = clusterForTests();
  const nodes: NatsFabric[] = [];
  beforeAll(async () => {
    const mesh = newMeshName();
    for (const { url } of cluster.servers) {
      const connection = await openConnection({ servers: [url] }, { name: "test", log: silentLog });
      nodes.push(await createNatsFabric({ connection, mesh, replicas: 3 }));
    }
  }, 120_000);
  afterAll(async () => {
    for (const node of nodes) await node.close();
  });

  /** What those give who win, of twelve writers on three nodes at once. */
  const race = async <T>(write: (node: NatsFabric, index: number) => Promise<T>): Promise<readonly T[]> => {
    const writers = Array.from({ length: 12 }, async (_, index) => {
      const node = nodes[index % nodes.length];
      if (node === undefined) throw new Error("there is no such node");
      return write(node, index);
    });
    const tries = await Promise.allSettled(writers);
    for (const one of tries) {
      if (one.status === "rejected")
        expect((one.reason as StorageError).code).toMatch(/_CONFLICT$|^KEY_EXISTS$/);
    }
    return tries.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  };

  it("have one who wins each place of a ledger", async () => {
    const sequences: number[] = [];
    for (let place = 0; place < 12; place += 1) {
      const after = sequences.at(-1) ?? 0;
      const won = await race((node, index) => node.ledger.append("a", `${place}: ${index}`, after));
      expect(won).toHaveLength(1);
      sequences.push(...won);
    }
    expect((await nodes[0]?.ledger.read("a"))?.map(({ sequence }) => sequence)).toEqual(sequences);
  });

  it("have one who wins each revision of a key", async () => {
    let [revision] = await race((node, index) => node.keyValue.create("b", "k", String(index)));
    for (let round = 0; round < 12; round += 1) {
      const won = await race((node, index) => node.keyValue.update("b", "k", String(index), revision ?? 0));
      expect(won).toHaveLength(1);
      [revision] = won;
    }
    expect((await nodes[1]?.keyValue.get("b", "k"))?.revision).toBe(revision);
  });

  it("keep out of each other's way where they write to different ledgers", async () => {
    const entries = Array.from({ length: 10 }, (_, index) => `entry ${index}`);
    const won = await race(async (node, index) => {
      let last = 0;
      for (const entry of entries) last = await node.ledger.append(`own.${index}`, entry, last);
      return last;
    });
    expect(won).toHaveLength(12);
    for (let index = 0; index < 12; index += 1) {
      const read = await nodes[0]?.ledger.read(`own.${index}`);
      expect(read?.map(({ payload }) => payload)).toEqual(entries);
    }
  });
});
