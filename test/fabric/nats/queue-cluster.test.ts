import { describe, expect, it, vi } from "vitest";
import { clusterForTests, newMeshName } from "./mesh-server.ts";
import { openQueueNode } from "./queue-node.ts";

describe("a queue on a cluster", () => {
  const cluster = clusterForTests();

  it("goes on when the server is killed that leads it, and loses nothing", async () => {
    const mesh = newMeshName();
    await using a = await openQueueNode(cluster.at(0), mesh, 3);
    await using b = await openQueueNode(cluster.at(1), mesh, 3);
    const options = { ackWaitMs: 5000, maxDeliveries: 1000 };
    const consumers = [await a.queue.consume("tasks", options), await b.queue.consume("tasks", options)];
    const got = new Set<string>();
    const stop = new AbortController();
    const takers = [0, 1, 2, 3, 4, 5].map(async (index) => {
      for (;;) {
        const delivery = await consumers[index % 2]?.take(stop.signal);
        if (delivery === null || delivery === undefined) return;
        await delivery.ack();
        got.add(delivery.id);
      }
    });
    const ids = Array.from({ length: 200 }, (_, index) => `m${index}`);
    const publish = (some: readonly string[]) =>
      Promise.all(some.map((id) => a.queue.publish("tasks", id, { id })));
    await publish(ids.slice(0, 100));
    const leader = await cluster.leaderOf(a.link, a.link.names.stream("queue"));
    const publishing = publish(ids.slice(100));
    await leader.stop("SIGKILL");
    await publishing;
    // What was acknowledged to the server that died may come again.
    await vi.waitFor(
      async () => {
        expect(await b.queue.size("tasks")).toEqual({ waiting: 0, inHand: 0, dead: 0 });
      },
      { timeout: 60_000, interval: 100 },
    );
    expect([...got].sort()).toEqual([...ids].sort());
    stop.abort();
    await Promise.all(takers);
  }, 90_000);
});
