// The fabric on a cluster of three servers that are killed, one after the other, while two nodes work.
// Each worker does one kind of work over and over and counts what it did; in the end, what is kept is held against that.
import { afterAll, describe, expect, it } from "vitest";
import { StorageError } from "#src/core/errors";
import type { Fabric, QueueConsumer } from "#src/core/ports";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { silentLog } from "#src/core/log";
import { clusterForTests, newMeshName } from "./mesh-server.ts";

/** Between two steps, so that the machine has time for other things. */
const pause = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Ledgers, keys, queues and blobs are in a stream each. */
const KINDS = 4;

/** Work that goes on until it is stopped. */
class Worker {
  done = 0;
  readonly #ended: Promise<void>;
  #isStopped = false;
  #heard: () => void = () => undefined;

  constructor(step: (count: number) => Promise<void>) {
    this.#ended = this.#work(step);
    this.#ended.catch(() => this.#heard());
  }

  /** Resolves once it has done so much more. */
  async progress(more: number): Promise<void> {
    const goal = this.done + more;
    while (this.done < goal)
      await Promise.race([new Promise<void>((done) => (this.#heard = done)), this.#ended]);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#ended;
  }

  async #work(step: (count: number) => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      await step(this.done);
      this.done += 1;
      this.#heard();
      await pause();
    }
  }
}

describe("the fabric on a cluster whose servers are killed one after the other", () => {
  const cluster = clusterForTests();
  const mesh = newMeshName();
  const fabrics: Fabric[] = [];
  const open = async (first: number) => {
    const urls = cluster.servers.map((_, index) => cluster.at((first + index) % cluster.servers.length).url);
    const connection = await openConnection({ servers: urls }, { name: "test", log: silentLog });
    const fabric = await createNatsFabric({ connection, mesh, replicas: 3, onHandlerError: () => undefined });
    fabrics.push(fabric);
    return { fabric, jsm: await connection.jetstreamManager({ checkAPI: false }) };
  };
  afterAll(async () => {
    for (const fabric of fabrics) await fabric.close();
  });

  it("loses nothing, does nothing twice and goes on", async () => {
    const [{ fabric: one, jsm }, { fabric: two }] = [await open(0), await open(1)];
    const expected = {
      entries: [] as string[],
      contested: new Map<number, string>(),
      queued: [] as string[],
    };
    const got = new Set<string>();
    let last = 0;
    const append = new Worker(async (count) => {
      last = await one.ledger.append("own", `entry ${count}`, last);
      expected.entries.push(`entry ${count}`);
    });
    const contenders = [one, two].map((fabric, node) => {
      let known = 0;
      return new Worker(async (count) => {
        const text = `${node}: ${count}`;
        for (;;) {
          try {
            known = await fabric.ledger.append("contested", text, known);
            expect(expected.contested.has(known)).toBe(false);
            expected.contested.set(known, text);
            return;
          } catch (error) {
            if (!(error instanceof StorageError) || error.code !== "SEQUENCE_CONFLICT") throw error;
            known = (await fabric.ledger.last("contested"))?.sequence ?? 0;
          }
        }
      });
    });
    const add = new Worker(async () => {
      const found = await one.keyValue.get("numbers", "count");
      const value = String(Number(found?.value ?? 0) + 1);
      await (found === null
        ? one.keyValue.create("numbers", "count", value)
        : one.keyValue.update("numbers", "count", value, found.revision));
    });
    const submit = new Worker(async (count) => {
      await one.queue.publish("work", `message ${count}`, { id: `m${count}` });
      expected.queued.push(`message ${count}`);
    });
    const consumer: QueueConsumer = await two.queue.consume("work", { ackWaitMs: 5_000, maxDeliveries: 20 });
    const consume = (async () => {
      for (;;) {
        const delivery = await consumer.take();
        if (delivery === null) return;
        got.add(delivery.payload);
        await delivery.ack();
      }
    })();
    const store = new Worker(async (count) => {
      await two.blobs.write("doc", `version ${count}`.padEnd(20_000));
      const read = await one.blobs.read("doc");
      expect(new TextDecoder().decode(read ?? undefined).trim()).toBe(`version ${count}`);
    });
    two.messages.subscribe("cluster.echo", (message) => message.reply(message.payload));
    const ask = new Worker(async (count) => {
      for (;;) {
        try {
          const asked = one.messages.request("cluster.echo", String(count), { timeoutMs: 1_000 });
          expect(await asked).toBe(String(count));
          return;
        } catch (error) {
          expect(["ASK_TIMEOUT", "ACTOR_UNKNOWN"]).toContain((error as StorageError).code);
        }
      }
    });
    const workers = { append, first: contenders[0], second: contenders[1], add, submit, store, ask };
    const progress = async (more: number) =>
      Promise.all(Object.values(workers).map(async (worker) => worker?.progress(more)));
    /** Resolves once every server has all that is kept: only then can another one be missed. */
    const settled = async () => {
      for (;;) {
        const streams = await jsm.streams
          .list()
          .next()
          .catch(() => []);
        const replicas = streams.flatMap(({ cluster }) => cluster?.replicas ?? []);
        const isCurrent = replicas.every(({ current, offline }) => current && !(offline ?? false));
        if (isCurrent && replicas.length >= 2 * KINDS) return;
        await pause();
      }
    };
    await progress(20);
    for (const server of cluster.servers) {
      await settled();
      await server.stop("SIGKILL");
      await progress(20);
      await server.start();
      await progress(20);
    }
    for (const worker of Object.values(workers)) await worker?.stop();
    expect((await one.ledger.read("own")).map(({ payload }) => payload)).toEqual(expected.entries);
    const contested = (await two.ledger.read("contested")).map(({ sequence, payload }) => [
      sequence,
      payload,
    ]);
    expect(contested).toEqual([...expected.contested].sort(([a], [b]) => a - b));
    expect((await two.keyValue.get("numbers", "count"))?.value).toBe(String(add.done));
    for (;;) {
      const { waiting, inHand, dead } = await one.queue.size("work");
      expect(dead).toBe(0);
      if (waiting + inHand === 0) break;
      await pause();
    }
    await consumer.close();
    await consume;
    expect([...got].sort()).toEqual(expected.queued.sort());
  }, 400_000); // A busy machine elects leaders slowly.
});
