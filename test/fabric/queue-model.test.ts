// The queues of the fabrics that have their time from a clock, held against a plain model: every order, delay, time
// limit and late settlement, exactly.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import type { Delivery, Fabric } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { TestClock } from "fettle/testing";

const OPTIONS = { ackWaitMs: 1000, maxDeliveries: 3 };
const REMEMBERED_MS = 120_000;

interface Message {
  readonly id: string;
  deliveries: number;
  place: "ready" | "later" | "hand" | "done" | "dead";
  until: number;
}

interface Hand {
  readonly delivery: Delivery;
  readonly message: Message;
  readonly number: number;
  settled: boolean;
}

/** A list of all messages ever put in, in their order. */
class Model {
  readonly messages: Message[] = [];
  readonly published = new Map<string, number>();
  /** Ids of dead letters: a later one of an id takes the place of an earlier. */
  readonly dead = new Set<string>();

  publish(id: string, now: number, delayMs: number): boolean {
    const isRecent = now - (this.published.get(id) ?? -Infinity) < REMEMBERED_MS;
    const isHere = this.messages.some((one) => one.id === id && one.place !== "done" && one.place !== "dead");
    if (isRecent || isHere) return false;
    this.published.set(id, now);
    this.messages.push({ id, deliveries: 0, place: delayMs > 0 ? "later" : "ready", until: now + delayMs });
    return true;
  }

  /** The message that must come next; undefined where none may. What is due is brought back only if one comes. */
  take(now: number): Message | undefined {
    const isDue = (one: Message): boolean =>
      one.place === "ready" ||
      (one.place === "later" && one.until <= now) ||
      (one.place === "hand" && one.until <= now && one.deliveries < OPTIONS.maxDeliveries);
    const message = this.messages.find(isDue);
    if (message === undefined) return undefined;
    for (const one of this.messages) {
      if (isDue(one)) one.place = "ready";
      else if (one.place === "hand" && one.until <= now) this.kill(one);
    }
    message.place = "hand";
    message.deliveries += 1;
    message.until = now + OPTIONS.ackWaitMs;
    return message;
  }

  retry(message: Message, now: number, delayMs: number): void {
    if (message.deliveries >= OPTIONS.maxDeliveries) {
      this.kill(message);
      return;
    }
    message.place = delayMs > 0 ? "later" : "ready";
    message.until = now + delayMs;
  }

  kill(message: Message): void {
    message.place = "dead";
    this.dead.add(message.id);
  }

  count(...places: Message["place"][]): number {
    return this.messages.filter(({ place }) => places.includes(place)).length;
  }
}

const which = fc.nat(5);
const delayMs = fc.constantFrom(0, 0, 50, 1500);
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("publish" as const), which, delayMs }) },
  { weight: 7, arbitrary: fc.record({ type: fc.constant("take" as const) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("ack" as const), which }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("retry" as const), which, delayMs }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reject" as const), which }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("inProgress" as const), which }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("bury" as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 49, 400, 999, 1000, 5000, REMEMBERED_MS),
    }),
  },
);

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const makers: readonly [string, (clock: TestClock) => Promise<Fabric>][] = [
  ["memory", async (clock) => createMemoryFabric({ clock })],
  [
    "embedded",
    async (clock) => {
      const dataDirectory = await mkdtemp(join(tmpdir(), "fettle-model-"));
      folders.push(dataDirectory);
      return createEmbeddedFabric({ dataDirectory, clock });
    },
  ],
];

it.each(makers)(
  "the %s queue does what a plain list would do, whatever is asked of it",
  async (_name, make) => {
    const clock = new TestClock();
    await using fabric = await make(clock);
    const { queue } = fabric;
    let run = 0;
    const property = fc.asyncProperty(
      fc.array(operation, { maxLength: 80, size: "max" }),
      async (operations) => {
        const name = `run-${run++}`;
        const model = new Model();
        const consumer = await queue.consume(name, OPTIONS);
        const hands: Hand[] = [];
        for (const one of operations) {
          const now = clock.now();
          if (one.type === "wait") {
            clock.advance(one.ms);
          } else if (one.type === "publish") {
            const id = `m${one.which}`;
            const added = model.publish(id, now, one.delayMs);
            const told = await queue.publish(name, `payload ${id}`, { id, delayMs: one.delayMs });
            expect(told).toEqual({ id, duplicate: !added });
          } else if (one.type === "bury") {
            await queue.bury(name, `m${one.which}`);
            model.dead.delete(`m${one.which}`);
          } else if (one.type === "take") {
            const message = model.take(now);
            if (message === undefined) continue;
            const { id, deliveries } = message;
            const delivery = await consumer.take();
            expect(delivery).toMatchObject({ id, deliveries, payload: `payload ${id}` });
            if (delivery !== null) hands.push({ delivery, message, number: deliveries, settled: false });
          } else {
            const hand = hands[one.which % Math.max(1, hands.length)];
            if (hand === undefined) continue;
            const { delivery, message } = hand;
            const isHeld = !hand.settled && message.place === "hand" && message.deliveries === hand.number;
            if (one.type === "inProgress") {
              if (isHeld || hand.settled) await delivery.inProgress();
              else await expect(delivery.inProgress()).rejects.toMatchObject({ code: "DELIVERY_LOST" });
              if (isHeld) message.until = now + OPTIONS.ackWaitMs;
              continue;
            }
            hand.settled = true;
            if (one.type === "ack") await delivery.ack();
            if (one.type === "reject") await delivery.reject("because");
            if (one.type === "retry") await delivery.retry({ delayMs: one.delayMs });
            if (!isHeld) continue;
            if (one.type === "ack") message.place = "done";
            if (one.type === "reject") model.kill(message);
            if (one.type === "retry") model.retry(message, now, one.delayMs);
          }
          expect(await queue.size(name)).toEqual({
            waiting: model.count("ready", "later"),
            inHand: model.count("hand"),
            dead: model.dead.size,
          });
        }
        expect((await queue.dead(name)).map(({ id }) => id).sort()).toEqual([...model.dead].sort());
        await consumer.close();
      },
    );
    await fc.assert(property, { numRuns: 80 });
  },
);
