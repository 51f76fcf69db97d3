import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { headers, type MsgHdrs } from "nats";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Delivery, Fabric, QueueConsumer } from "#src/core/ports";
import { queueContract } from "../../contract/queue.ts";
import { newMeshName, serverForTests } from "./mesh-server.ts";
import { openQueueNode, type QueueNode } from "./queue-node.ts";

const PATIENT = { ackWaitMs: 60_000, maxDeliveries: 1000 };
const EVENTUALLY = { timeout: 20_000, interval: 50 };
const NOTHING = { waiting: 0, inHand: 0, dead: 0 };

async function nextOf(consumer: QueueConsumer): Promise<Delivery> {
  const delivery = await consumer.take(AbortSignal.timeout(20_000));
  if (delivery === null) throw new Error("no message came");
  return delivery;
}

function headersOf(given: Readonly<Record<string, string>>): MsgHdrs {
  const made = headers();
  for (const [name, value] of Object.entries(given)) made.set(name, value);
  return made;
}

describe("queues over NATS keep the contract of", () => {
  const server = serverForTests();
  queueContract(async () => (await openQueueNode(server.get())) as unknown as Fabric);
});

describe("a queue over NATS", () => {
  const server = serverForTests();
  const nodes: QueueNode[] = [];
  const open = async (mesh?: string): Promise<QueueNode> => {
    const node = await openQueueNode(server.get(), mesh);
    nodes.push(node);
    return node;
  };
  const becomes = async ({ queue }: QueueNode, name: string, size: object): Promise<void> => {
    await vi.waitFor(async () => {
      expect(await queue.size(name)).toEqual(size);
    }, EVENTUALLY);
  };
  afterEach(async () => {
    await server.get().start();
    for (const node of nodes.splice(0)) await node.close();
  });

  it("is shared by all nodes of a mesh, each message given to one of them", async () => {
    const mesh = newMeshName();
    const [a, b, other] = [await open(mesh), await open(mesh), await open()];
    const consumers = [await a.queue.consume("tasks", PATIENT), await b.queue.consume("tasks", PATIENT)];
    const got: string[][] = [[], []];
    const stop = new AbortController();
    const takers = consumers.flatMap((consumer, index) =>
      [0, 1, 2, 3].map(async () => {
        for (;;) {
          const delivery = await consumer.take(stop.signal);
          if (delivery === null) return;
          got[index]?.push(delivery.id);
          await delivery.ack();
          if (got.flat().length === 200) stop.abort();
        }
      }),
    );
    const ids = Array.from({ length: 200 }, (_, index) => `m${index}`);
    await Promise.all(ids.map((id, index) => (index % 2 === 0 ? a : b).queue.publish("tasks", id, { id })));
    await Promise.all(takers);
    expect(got.flat().sort()).toEqual(ids.sort());
    expect(got.map((one) => one.length > 0)).toEqual([true, true]);
    await becomes(a, "tasks", NOTHING);
    expect(await other.queue.size("tasks")).toEqual(NOTHING);
  });

  it("takes the messages of any client, by the ids that they have", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", PATIENT);
    const { connection, names } = node.link;
    const subject = names.queue("tasks");
    for (const given of [
      { "Nats-Msg-Id": "task-1" },
      { "Nats-Msg-Id": "a b*" },
      { "Nats-Msg-Id": "a b>" },
      {},
    ]) {
      await connection.request(subject, "by hand", { timeout: 5000, headers: headersOf(given) });
    }
    connection.publish(subject);
    const deliveries = [];
    for (let left = 5; left > 0; left -= 1) deliveries.push(await nextOf(consumer));
    const ids = deliveries.map(({ id }) => id);
    expect(ids[0]).toBe("task-1");
    expect(ids[1]).toMatch(/^a_b_-[0-9a-f]{16}$/);
    expect(new Set(ids).size).toBe(5);
    expect(deliveries.map(({ payload }) => payload)).toEqual([...Array<string>(4).fill("by hand"), ""]);
    // An id stays the same when its message comes again, and can be used everywhere.
    await Promise.all(deliveries.map((delivery) => delivery.retry()));
    const again = [];
    for (let left = 5; left > 0; left -= 1) again.push(await nextOf(consumer));
    expect(again.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(again.map(({ deliveries: count }) => count)).toEqual([2, 2, 2, 2, 2]);
    await Promise.all(again.map((delivery) => delivery.reject("enough")));
    expect((await node.queue.dead("tasks")).map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const id of ids) await node.queue.bury("tasks", id);
    await becomes(node, "tasks", NOTHING);
  });

  it("makes a client's message a dead letter that is too large to be put back, and says so", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", PATIENT);
    const { connection, names, maxPayload } = node.link;
    await connection.request(names.queue("tasks"), "x".repeat(maxPayload + 1), { timeout: 5000 });
    const taking = nextOf(consumer);
    await becomes(node, "tasks", { waiting: 0, inHand: 0, dead: 1 });
    const [letter] = await node.queue.dead("tasks");
    expect(letter?.reason).toMatch(new RegExp(`${maxPayload + 1} bytes of at most ${maxPayload}`));
    expect(letter?.payload.length).toBe(maxPayload);
    await expect(node.queue.publish("tasks", "x".repeat(maxPayload + 1))).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      message: expect.stringMatching(/max_payload.*blobs/) as string,
    });
    await node.queue.publish("tasks", "next");
    expect((await taking).payload).toBe("next");
  });

  it("counts nothing as in hand that is gone, where the server was killed and forgot that it was done with", async () => {
    const mesh = newMeshName();
    const node = await open(mesh);
    // As long as this is there, the server does not find out by itself what is gone behind it.
    await node.queue.publish("others", "first");
    const consumer = await node.queue.consume("tasks", PATIENT);
    const inHand = new Map<string, Delivery>();
    for (const id of ["kept", "gone", "last"]) {
      await node.queue.publish("tasks", id, { id });
      inHand.set(id, await nextOf(consumer));
    }
    const stream = node.link.names.stream("queue");
    const [{ name } = { name: "" }] = await node.link.jsm.consumers.list(stream).next();
    const state = join(server.get().store, "jetstream/$G/streams", stream, "obs", name, "o.dat");
    let before = readFileSync(state);
    // The server writes it a moment later.
    for (let last = null; last === null || !before.equals(last); before = readFileSync(state)) {
      last = before;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await inHand.get("gone")?.ack();
    await becomes(node, "tasks", { waiting: 0, inHand: 2, dead: 0 });
    await server.get().stop();
    writeFileSync(state, before);
    await server.get().start();

    await becomes(node, "tasks", { waiting: 0, inHand: 2, dead: 0 });
    expect(await node.queue.size("others")).toEqual({ waiting: 1, inHand: 0, dead: 0 });
    await Promise.all([inHand.get("kept")?.retry(), inHand.get("last")?.retry()]);
    const again = [await nextOf(consumer), await nextOf(consumer)];
    expect(again.map(({ id }) => id).sort()).toEqual(["kept", "last"]);
    await Promise.all(again.map((delivery) => delivery.ack()));
    await becomes(node, "tasks", NOTHING);
    expect((await nextOf(await node.queue.consume("others", PATIENT))).payload).toBe("first");
  });

  it("writes dead letters that a plain client can read, with what their publisher said", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks.coder", PATIENT);
    const { connection, jsm, names } = node.link;
    const given = headersOf({ "Nats-Msg-Id": "t1", traceparent: "00-1", "X-Large": "x".repeat(4000) });
    await connection.request(names.queue("tasks.coder"), "as is", { timeout: 5000, headers: given });
    await (await nextOf(consumer)).retry({ reason: "once more" });
    await (await nextOf(consumer)).reject(" 100% é\r\n\ud800");
    const letter = await jsm.streams.getMessage(names.stream("dead"), {
      last_by_subj: names.dead("tasks.coder", "t1"),
    });
    expect(letter.string()).toBe("as is");
    const said = Object.fromEntries(letter.header.keys().map((name) => [name, letter.header.get(name)]));
    expect(said).toMatchObject({
      "Fettle-Id": "t1",
      "Fettle-Deliveries": "2",
      "Fettle-Reason": "%20100%25 %C3%A9%0D%0A%EF%BF%BD",
      traceparent: "00-1",
    });
    expect(Number(said["Fettle-At"])).toBeGreaterThan(Date.now() - 60_000);
    expect(said["X-Large"]).toBeUndefined();
    expect((await node.queue.dead("tasks.coder"))[0]?.reason).toBe(" 100% é\r\n\ufffd");
  });

  it("cuts a reason that is too long for a header", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", PATIENT);
    await node.queue.publish("tasks", "x");
    await (await nextOf(consumer)).reject(`why: ${"é".repeat(100_000)}`);
    await becomes(node, "tasks", { waiting: 0, inHand: 0, dead: 1 });
    expect((await node.queue.dead("tasks"))[0]?.reason).toMatch(/^why: é{500,600}\.\.\.$/);
  });

  it("knows an id again that was put in with a delay, or is to be", async () => {
    const { queue } = await open();
    expect(await queue.publish("tasks", "later", { id: "a", delayMs: 600_000 })).toMatchObject({
      duplicate: false,
    });
    expect(await queue.publish("tasks", "now", { id: "a" })).toMatchObject({ duplicate: true });
    expect(await queue.publish("tasks", "now", { id: "b" })).toMatchObject({ duplicate: false });
    expect(await queue.publish("tasks", "later", { id: "b", delayMs: 1 })).toMatchObject({ duplicate: true });
    expect(await queue.size("tasks")).toEqual({ waiting: 2, inHand: 0, dead: 0 });
  });

  it("changes its consumer to what it is opened with last", async () => {
    const mesh = newMeshName();
    const [a, b] = [await open(mesh), await open(mesh)];
    await a.queue.consume("tasks", PATIENT);
    const consumer = await b.queue.consume("tasks", { ackWaitMs: 300, maxDeliveries: 5 });
    await a.queue.publish("tasks", "x");
    expect((await nextOf(consumer)).deliveries).toBe(1);
    const second = await nextOf(consumer);
    expect(second.deliveries).toBe(2);
    await second.ack();
  });

  it("is forgotten by the server once nobody has asked for a day, and its messages are not", async () => {
    const node = await open();
    await (await node.queue.consume("once", PATIENT)).close();
    const { jsm, names } = node.link;
    const stream = names.stream("queue");
    const made = await jsm.consumers.list(stream).next();
    expect(made.map(({ config }) => config.inactive_threshold)).toEqual(made.map(() => 24 * 3_600 * 1e9));
    expect(made.length).toBeGreaterThan(0);
    await node.queue.publish("once", "kept", { id: "m1" });
    for (const { name } of made) await jsm.consumers.delete(stream, name);
    expect(await node.queue.size("once")).toEqual({ waiting: 1, inHand: 0, dead: 0 });
    const delivery = await nextOf(await node.queue.consume("once", PATIENT));
    expect(delivery.id).toBe("m1");
    await delivery.ack();
  });

  it("goes on when its consumer is deleted while callers wait", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", PATIENT);
    const waiting = [nextOf(consumer), nextOf(consumer)];
    await node.queue.publish("tasks", "first");
    await (await Promise.race(waiting)).ack();
    const { jsm, names } = node.link;
    for await (const { name } of jsm.consumers.list(names.stream("queue"))) {
      await jsm.consumers.delete(names.stream("queue"), name);
    }
    await node.queue.publish("tasks", "second");
    expect((await Promise.all(waiting)).map(({ payload }) => payload).sort()).toEqual(["first", "second"]);
  });

  it("leaves to others what was sent for callers who have given up", async () => {
    const mesh = newMeshName();
    const [a, b] = [await open(mesh), await open(mesh)];
    const [fickle, steady] = [
      await a.queue.consume("tasks", PATIENT),
      await b.queue.consume("tasks", PATIENT),
    ];
    const ids = Array.from({ length: 300 }, (_, index) => `m${index}`);
    const got = new Map<string, number>();
    const stop = new AbortController();
    const tally = async (delivery: Delivery): Promise<void> => {
      got.set(delivery.id, (got.get(delivery.id) ?? 0) + 1);
      await delivery.ack();
      if (got.size === ids.length) stop.abort();
    };
    const takeFickly = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const some = new AbortController();
        const takes = Array.from({ length: 16 }, () => fickle.take(some.signal));
        await Promise.race(takes);
        some.abort();
        for (const delivery of await Promise.all(takes)) if (delivery !== null) await tally(delivery);
      }
    };
    const takeSteadily = async (): Promise<void> => {
      for (;;) {
        const delivery = await steady.take(stop.signal);
        if (delivery === null) return;
        await tally(delivery);
      }
    };
    const publishing = Promise.all(ids.map((id) => a.queue.publish("tasks", id, { id })));
    const fickleEnd = takeFickly();
    await Promise.all([publishing, takeSteadily()]);
    // What waits for nothing now is ended.
    await fickle.close();
    await fickleEnd;
    expect([...got.values()]).toEqual(ids.map(() => 1));
    await becomes(a, "tasks", NOTHING);
  });

  it("drops what was sent to a process that was held up for longer than it may have a message in hand", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", { ackWaitMs: 700, maxDeliveries: 1000 });
    await node.queue.publish("tasks", "x");
    expect((await nextOf(consumer)).deliveries).toBe(1);
    const waiting = nextOf(consumer);
    await node.link.connection.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
    // The server gives the message out again meanwhile, and its time is over when this goes on.
    const end = Date.now() + 2000;
    while (Date.now() < end);
    const delivery = await waiting;
    expect(delivery.deliveries).toBeGreaterThanOrEqual(3);
    await delivery.ack();
    await becomes(node, "tasks", NOTHING);
  });

  it("waits for a server that restarts: who waits is served, and what is in hand stays there", async () => {
    const node = await open();
    const consumer = await node.queue.consume("tasks", PATIENT);
    await node.queue.publish("tasks", "in hand", { id: "a" });
    await node.queue.publish("tasks", "done meanwhile", { id: "b" });
    const [inHand, done] = [await nextOf(consumer), await nextOf(consumer)];
    await becomes(node, "tasks", { waiting: 0, inHand: 2, dead: 0 });
    const waiting = [nextOf(consumer), nextOf(consumer)];
    await server.get().stop();
    // The connection is down: this is told once it is there again.
    await vi.waitFor(() =>
      node.link.connection.flush().then(
        () => Promise.reject(new Error("up")),
        () => undefined,
      ),
    );
    await done.ack();
    const publishing = node.queue.publish("tasks", "c", { id: "c" });
    const again = node.queue.publish("tasks", "c", { id: "c" });
    const kept = inHand.inProgress();
    await server.get().start();
    expect([await publishing, await again].map(({ duplicate }) => duplicate).sort()).toEqual([false, true]);
    await kept;
    const first = await Promise.race(waiting);
    expect(first).toMatchObject({ id: "c", deliveries: 1 });
    await first.ack();
    await becomes(node, "tasks", { waiting: 0, inHand: 1, dead: 0 });
    await inHand.retry();
    const second = (await Promise.all(waiting)).find(({ id }) => id !== "c");
    expect(second).toMatchObject({ id: "a", deliveries: 2 });
    await second?.ack();
    await becomes(node, "tasks", NOTHING);
  });

  it("loses nothing while its server is killed again and again", async () => {
    const mesh = newMeshName();
    const [a, b] = [await open(mesh), await open(mesh)];
    const options = { ackWaitMs: 1000, maxDeliveries: 1000 };
    const consumers = [await a.queue.consume("tasks", options), await b.queue.consume("tasks", options)];
    const ids = Array.from({ length: 120 }, (_, index) => `m${index}`);
    const got = new Set<string>();
    const stop = new AbortController();
    const takers = [0, 1, 2, 3, 4, 5].map(async (index) => {
      for (;;) {
        const delivery = await consumers[index % 2]?.take(stop.signal);
        if (delivery === null || delivery === undefined) return;
        if (delivery.deliveries === 1 && Number(delivery.id.slice(1)) % 5 === 0)
          await delivery.retry({ delayMs: 20 });
        else {
          await delivery.ack();
          got.add(delivery.id);
        }
      }
    });
    for (let round = 0; round < 3; round += 1) {
      const some = ids.slice(round * 40, (round + 1) * 40);
      const publishing = Promise.all(some.map((id) => a.queue.publish("tasks", id, { id })));
      await server.get().stop("SIGKILL");
      await server.get().start();
      await publishing;
    }
    // What was acknowledged to a server that was killed may come again.
    await becomes(a, "tasks", NOTHING);
    expect([...got].sort()).toEqual([...ids].sort());
    stop.abort();
    await Promise.all(takers);
  }, 60_000);
});
