// What every fabric's queues must do. An adapter gives a fabric whose store is empty; two fabrics made by one `make`
// may share a store or not. Times are real and short, for a server has its own clock: limits of a few hundred
// milliseconds must work, redelivery may come later than its time but not sooner, and what was settled or counted may
// show with a delay. Among messages that are given out again, the order is free. An adapter whose server does not tell
// a late settlement from a good one judges by its own clock; one whose server counts the deliveries of a delayed
// message before it is due counts them itself. Nothing here assumes that ids are remembered for over two minutes.
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Delivery, Fabric, Queue, QueueConsumer } from "#src/core/ports";
import type { MakeFabric } from "./messages.ts";

/** Long enough to play no part in a test. */
const PATIENT = { ackWaitMs: 60_000, maxDeliveries: 1000 };

const EVENTUALLY = { timeout: 15_000, interval: 20 };

/** The next message, which has to come. */
async function nextOf(consumer: QueueConsumer): Promise<Delivery> {
  const delivery = await consumer.take(AbortSignal.timeout(20_000));
  if (delivery === null) throw new Error("no message came");
  return delivery;
}

/** Publishes a last message and acknowledges all until that one; gives the payloads before it, sorted. */
async function drain(queue: Queue, name: string, consumer: QueueConsumer): Promise<string[]> {
  await queue.publish(name, "the end");
  const payloads: string[] = [];
  for (;;) {
    const delivery = await nextOf(consumer);
    await delivery.ack();
    if (delivery.payload === "the end") return payloads.sort();
    payloads.push(delivery.payload);
  }
}

/** The suite for the port Queue. */
export function queueContract(make: MakeFabric): void {
  describe("queue", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<Queue> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric.queue;
    };
    const sizeBecomes = async (queue: Queue, name: string, size: object): Promise<void> => {
      await vi.waitFor(async () => {
        expect(await queue.size(name)).toEqual(size);
      }, EVENTUALLY);
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("has nothing for a queue into which nobody put anything", async () => {
      const queue = await open();
      expect(await queue.size("tasks.coder")).toEqual({ waiting: 0, inHand: 0, dead: 0 });
      expect(await queue.dead("tasks.coder")).toEqual([]);
      await queue.bury("tasks.coder", "absent");
      const consumer = await queue.consume("tasks.coder", PATIENT);
      expect(await consumer.take(AbortSignal.timeout(50))).toBeNull();
      expect(await consumer.take(AbortSignal.abort())).toBeNull();
    });

    it("gives a message out until it is acknowledged, and counts it where it is", async () => {
      const queue = await open();
      const { id, duplicate } = await queue.publish("tasks", "do it");
      expect(duplicate).toBe(false);
      await sizeBecomes(queue, "tasks", { waiting: 1, inHand: 0, dead: 0 });
      const consumer = await queue.consume("tasks", PATIENT);
      const delivery = await nextOf(consumer);
      expect(delivery).toMatchObject({ id, payload: "do it", deliveries: 1 });
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 1, dead: 0 });
      await delivery.ack();
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 0 });
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
    });

    it("tells what its publisher said beside a message, and when it was put in, also where it was put back", async () => {
      const queue = await open();
      const before = Date.now();
      const headers = { traceparent: "00-a-b-01", "Fettle-Deadline": "+30000" };
      await queue.publish("tasks", "with", { headers, delayMs: 30 });
      const consumer = await queue.consume("tasks", PATIENT);
      const first = await nextOf(consumer);
      expect(first.headers).toEqual({ traceparent: "00-a-b-01", "fettle-deadline": "+30000" });
      // A server has a clock of its own.
      expect(Math.abs(first.at - before)).toBeLessThan(60_000);
      await first.retry();
      const second = await nextOf(consumer);
      expect(second).toMatchObject({ deliveries: 2, headers: first.headers, at: first.at });
      await second.ack();
      await queue.publish("tasks", "without");
      expect(await nextOf(consumer)).toMatchObject({ payload: "without", headers: {} });
    });

    it("gives out the oldest first", async () => {
      const queue = await open();
      const sent = Array.from({ length: 20 }, (_, index) => String(index));
      for (const payload of sent) await queue.publish("tasks", payload);
      const consumer = await queue.consume("tasks", PATIENT);
      const got: string[] = [];
      while (got.length < sent.length) {
        const delivery = await nextOf(consumer);
        got.push(delivery.payload);
        await delivery.ack();
      }
      expect(got).toEqual(sent);
    });

    it("lets a caller wait for a message that is put in later", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      const waiting = [nextOf(consumer), nextOf(consumer)];
      await queue.publish("tasks", "a");
      await queue.publish("tasks", "b");
      const got = await Promise.all(waiting);
      expect(got.map(({ payload }) => payload).sort()).toEqual(["a", "b"]);
    });

    it("gives each message to one of all who take", async () => {
      const queue = await open();
      const consumers = [await queue.consume("tasks", PATIENT), await queue.consume("tasks", PATIENT)];
      const sent = Array.from({ length: 60 }, (_, index) => `m${index}`);
      const got: string[] = [];
      const stop = new AbortController();
      const takers = [0, 1, 2, 3, 4, 5].map(async (index) => {
        for (;;) {
          const delivery = await consumers[index % 2]?.take(stop.signal);
          if (delivery === null || delivery === undefined) return;
          got.push(delivery.id);
          await delivery.ack();
          if (got.length >= sent.length) stop.abort();
        }
      });
      await Promise.all(sent.map((id) => queue.publish("tasks", "x", { id })));
      await Promise.all(takers);
      expect(got.sort()).toEqual(sent.sort());
    });

    it("puts a message in once, though it is published again under its id", async () => {
      const queue = await open();
      const tries = await Promise.all(
        Array.from({ length: 8 }, (_, index) => queue.publish("tasks", String(index), { id: "task-1" })),
      );
      expect(tries.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(tries.map(({ id }) => id))).toEqual(new Set(["task-1"]));
      const consumer = await queue.consume("tasks", PATIENT);
      const delivery = await nextOf(consumer);
      expect(delivery.id).toBe("task-1");
      expect(await queue.publish("tasks", "in hand", { id: "task-1" })).toMatchObject({ duplicate: true });
      await delivery.ack();
      expect(await queue.publish("tasks", "done", { id: "task-1" })).toMatchObject({ duplicate: true });
      expect(await queue.publish("others", "x", { id: "task-1" })).toMatchObject({ duplicate: false });
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
    });

    it("gives a delayed message out when it is due, and no sooner", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      const start = Date.now();
      await queue.publish("tasks", "later", { delayMs: 400 });
      await queue.publish("tasks", "now");
      const first = await nextOf(consumer);
      expect(first.payload).toBe("now");
      await first.ack();
      const second = await nextOf(consumer);
      expect(second).toMatchObject({ payload: "later", deliveries: 1 });
      expect(Date.now() - start).toBeGreaterThanOrEqual(390);
      await second.ack();
    });

    it("gives a message again that is to be tried again, after a delay where one is given", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      await queue.publish("tasks", "x", { id: "a" });
      await (await nextOf(consumer)).retry();
      const second = await nextOf(consumer);
      expect(second).toMatchObject({ id: "a", payload: "x", deliveries: 2 });
      const start = Date.now();
      await second.retry({ delayMs: 300, reason: "not yet" });
      const third = await nextOf(consumer);
      expect(third).toMatchObject({ id: "a", payload: "x", deliveries: 3 });
      expect(Date.now() - start).toBeGreaterThanOrEqual(290);
      await third.ack();
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
    });

    it("settles a delivery once: what comes later does nothing", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      await queue.publish("tasks", "x");
      const delivery = await nextOf(consumer);
      await delivery.ack();
      await delivery.ack();
      await delivery.retry();
      await delivery.reject("no");
      await delivery.inProgress();
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
      expect(await queue.dead("tasks")).toEqual([]);
    });

    it("gives a message to another where it was not settled in time, and lets the late one settle nothing", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", { ackWaitMs: 400, maxDeliveries: 1000 });
      await queue.publish("tasks", "x", { id: "a" });
      const late = await nextOf(consumer);
      let second = await nextOf(consumer);
      expect(second.deliveries).toBeGreaterThanOrEqual(2);
      await expect(late.inProgress()).rejects.toMatchObject({ code: "DELIVERY_LOST" });
      await late.reject("too late");
      await late.ack();
      expect(await queue.dead("tasks")).toEqual([]);
      // Had the late one counted, nothing would come again. The loop is for a machine that is slow here, too.
      while (second.deliveries < 4) second = await nextOf(consumer);
      await second.ack();
    });

    it("leaves a message to the one that says it is at work on it", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", { ackWaitMs: 1200, maxDeliveries: 1000 });
      await queue.publish("tasks", "long", { id: "long" });
      const delivery = await nextOf(consumer);
      const other = nextOf(consumer);
      for (let round = 0; round < 8; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        await delivery.inProgress();
      }
      await delivery.ack();
      await queue.publish("tasks", "short", { id: "short" });
      expect((await other).id).toBe("short");
    });

    it("makes a message a dead letter that was retried as often as it may be, and tells the last reason", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", { ackWaitMs: 60_000, maxDeliveries: 3 });
      const before = Date.now();
      await queue.publish("tasks", "poison", { id: "a" });
      for (const number of [1, 2, 3]) {
        const delivery = await nextOf(consumer);
        expect(delivery).toMatchObject({ id: "a", deliveries: number });
        await delivery.retry({ reason: `failed as number ${number}` });
      }
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 1 });
      const [letter] = await queue.dead("tasks");
      expect(letter).toMatchObject({ id: "a", payload: "poison", deliveries: 3 });
      expect(letter?.reason).toMatch(/3 deliveries.*failed as number 3/);
      expect(letter?.at).toBeGreaterThanOrEqual(before - 1000);
      expect(letter?.at).toBeLessThanOrEqual(Date.now() + 1000);
    });

    it("makes a message a dead letter that was given out as often as it may be and never settled", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", { ackWaitMs: 300, maxDeliveries: 2 });
      await queue.publish("tasks", "x", { id: "a" });
      expect((await nextOf(consumer)).deliveries).toBe(1);
      expect((await nextOf(consumer)).deliveries).toBe(2);
      const stop = new AbortController();
      const waiting = consumer.take(stop.signal);
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 1 });
      stop.abort();
      expect(await waiting).toBeNull();
      const [letter] = await queue.dead("tasks");
      expect(letter).toMatchObject({ id: "a", payload: "x", deliveries: 2 });
      expect(letter?.reason).toMatch(/2 deliveries.*300 ms/);
    });

    it("makes rejected messages dead letters at once, oldest first, and buries each by its id", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      for (const id of ["b", "c", "a"]) {
        await queue.publish("tasks", `payload ${id}`, { id });
        await (await nextOf(consumer)).reject(`reason ${id}`);
      }
      expect(await drain(queue, "tasks", consumer)).toEqual([]);
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 3 });
      const letters = await queue.dead("tasks");
      expect(letters.map(({ id }) => id)).toEqual(["b", "c", "a"]);
      expect(letters[0]).toMatchObject({ payload: "payload b", deliveries: 1, reason: "reason b" });
      await queue.bury("tasks", "c");
      await queue.bury("tasks", "c");
      await queue.bury("others", "a");
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 2 });
      expect((await queue.dead("tasks")).map(({ id }) => id)).toEqual(["b", "a"]);
    });

    it("ends the wait of a caller who gives up, and loses no message by it", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      const stop = new AbortController();
      const givenUp = [consumer.take(stop.signal), consumer.take(stop.signal)];
      stop.abort();
      expect(await Promise.all(givenUp)).toEqual([null, null]);
      await queue.publish("tasks", "x");
      expect((await nextOf(consumer)).payload).toBe("x");
    });

    it("gives nothing out through a closed consumer, whose messages in hand can still be settled", async () => {
      const queue = await open();
      const [consumer, other] = [
        await queue.consume("tasks", PATIENT),
        await queue.consume("tasks", PATIENT),
      ];
      await queue.publish("tasks", "in hand");
      const delivery = await nextOf(consumer);
      const waiting = consumer.take();
      await consumer.close();
      await consumer.close();
      expect(await waiting).toBeNull();
      await queue.publish("tasks", "x");
      expect(await consumer.take()).toBeNull();
      await delivery.inProgress();
      await delivery.ack();
      expect(await drain(queue, "tasks", other)).toEqual(["x"]);
    });

    it("keeps queues apart, also those whose names begin alike", async () => {
      const queue = await open();
      await queue.publish("tasks", "outer");
      await queue.publish("tasks.coder", "inner");
      const inner = await queue.consume("tasks.coder", PATIENT);
      await (await nextOf(inner)).reject("no");
      expect(await queue.dead("tasks")).toEqual([]);
      await sizeBecomes(queue, "tasks", { waiting: 1, inHand: 0, dead: 0 });
      await sizeBecomes(queue, "tasks.coder", { waiting: 0, inHand: 0, dead: 1 });
      expect(await drain(queue, "tasks", await queue.consume("tasks", PATIENT))).toEqual(["outer"]);
    });

    it("carries any text whole, also as a dead letter, and names and ids as long as they may be", async () => {
      const queue = await open();
      const [name, long] = ["q".repeat(512), "i".repeat(512)];
      const consumer = await queue.consume(name, PATIENT);
      for (const text of ["", "é ☃ 𝄞 \u0000 \n", "x".repeat(300_000)]) {
        await queue.publish(name, text);
        const delivery = await nextOf(consumer);
        expect(delivery.payload).toBe(text);
        await delivery.ack();
      }
      await queue.publish(name, "é ☃ 𝄞 \u0000 \n", { id: long });
      await (await nextOf(consumer)).reject("é ☃\n");
      await sizeBecomes(queue, name, { waiting: 0, inHand: 0, dead: 1 });
      expect(await queue.dead(name)).toMatchObject([
        { id: long, payload: "é ☃ 𝄞 \u0000 \n", reason: "é ☃\n" },
      ]);
    });

    it("loses nothing and gives nothing twice, whatever is asked of it", async () => {
      const queue = await open();
      const operation = fc.oneof(
        { weight: 4, arbitrary: fc.record({ type: fc.constant("publish" as const), which: fc.nat(11) }) },
        { weight: 4, arbitrary: fc.record({ type: fc.constant("take" as const), which: fc.nat(5) }) },
        { weight: 3, arbitrary: fc.record({ type: fc.constant("ack" as const), which: fc.nat(5) }) },
        { weight: 2, arbitrary: fc.record({ type: fc.constant("retry" as const), which: fc.nat(5) }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant("reject" as const), which: fc.nat(5) }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant("inProgress" as const), which: fc.nat(5) }) },
      );
      let run = 0;
      const property = fc.asyncProperty(
        fc.array(operation, { maxLength: 30, size: "max" }),
        async (operations) => {
          const name = `run-${run++}`;
          const consumer = await queue.consume(name, PATIENT);
          const known = new Set<string>();
          const fresh: string[] = [];
          const again = new Map<string, number>();
          const hand: Delivery[] = [];
          const dead: string[] = [];
          for (const { type, which } of operations) {
            const delivery = hand[which % Math.max(1, hand.length)];
            if (type === "publish") {
              const id = `m${which}`;
              expect((await queue.publish(name, `payload ${id}`, { id })).duplicate).toBe(known.has(id));
              if (!known.has(id)) fresh.push(id);
              known.add(id);
            } else if (type === "take") {
              if (fresh.length + again.size === 0) continue;
              const taken = await nextOf(consumer);
              const before = again.get(taken.id);
              if (before === undefined) expect(taken.id).toBe(fresh.shift());
              else again.delete(taken.id);
              expect(taken.deliveries).toBe((before ?? 0) + 1);
              expect(taken.payload).toBe(`payload ${taken.id}`);
              hand.push(taken);
            } else if (delivery !== undefined) {
              if (type === "inProgress") {
                await delivery.inProgress();
                continue;
              }
              hand.splice(hand.indexOf(delivery), 1);
              if (type === "ack") await delivery.ack();
              if (type === "retry") {
                await delivery.retry();
                again.set(delivery.id, delivery.deliveries);
              }
              if (type === "reject") {
                await delivery.reject("because");
                dead.push(delivery.id);
              }
            }
          }
          await sizeBecomes(queue, name, {
            waiting: fresh.length + again.size,
            inHand: hand.length,
            dead: dead.length,
          });
          expect((await queue.dead(name)).map(({ id }) => id)).toEqual(dead);
          const left = [...fresh, ...again.keys()].map((id) => `payload ${id}`).sort();
          expect(await drain(queue, name, consumer)).toEqual(left);
          await consumer.close();
        },
      );
      await fc.assert(property, { numRuns: 25 });
    });

    it("refuses names and ids that some fabric could not store", async () => {
      const queue = await open();
      const invalid = { code: "PATH_INVALID" };
      for (const bad of ["", ".a", "a.", "a..b", "a b", "a*", "a>", "é", "a\n", "x".repeat(513)]) {
        await expect(queue.publish(bad, ""), bad).rejects.toMatchObject(invalid);
        await expect(queue.publish("tasks", "", { id: bad }), bad).rejects.toMatchObject(invalid);
        await expect(queue.consume(bad, PATIENT), bad).rejects.toMatchObject(invalid);
        await expect(queue.size(bad), bad).rejects.toMatchObject(invalid);
        await expect(queue.dead(bad), bad).rejects.toMatchObject(invalid);
        await expect(queue.bury(bad, "a"), bad).rejects.toMatchObject(invalid);
      }
      await sizeBecomes(queue, "tasks", { waiting: 0, inHand: 0, dead: 0 });
    });

    it("ends every wait when it is closed, and refuses use after", async () => {
      const queue = await open();
      const consumer = await queue.consume("tasks", PATIENT);
      const waiting = [consumer.take(), consumer.take()];
      for (const fabric of fabrics) await fabric.close();
      expect(await Promise.all(waiting)).toEqual([null, null]);
      expect(await consumer.take()).toBeNull();
      const closed = { code: "STORAGE_FAILED" };
      await expect(queue.publish("tasks", "x")).rejects.toMatchObject(closed);
      await expect(queue.consume("tasks", PATIENT)).rejects.toMatchObject(closed);
      await expect(queue.size("tasks")).rejects.toMatchObject(closed);
    });
  });
}
