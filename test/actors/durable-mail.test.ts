import { describe, expect, it } from "vitest";
import { systemClock, type Clock } from "#src/core/clock";
import { sealEnvelope } from "#src/core/envelope";
import { DeliveryError } from "#src/core/errors";
import { silentLog } from "#src/core/log";
import type { Delivery, QueueConsumer } from "#src/core/ports";
import type { Mail } from "#actors/intake";
import type { ActorParts } from "#actors/parts";
import { DurableMail } from "#actors/durable-mail";

/** One who asked the queue for a message. */
interface Taker {
  readonly give: (delivery: Delivery | null) => void;
  readonly fail: (error: Error) => void;
}

/** A queue whose messages the test gives out by hand. */
class HandQueue implements QueueConsumer {
  readonly takers: Taker[] = [];
  isClosed = false;

  take(signal?: AbortSignal): Promise<Delivery | null> {
    return new Promise((give, fail) => {
      this.takers.push({ give, fail });
      signal?.addEventListener("abort", () => give(null));
    });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

function deliveryOf(payload: string, done: string[]): Delivery {
  return {
    id: "m",
    payload,
    headers: {},
    at: 0,
    deliveries: 1,
    ack: async () => void done.push("ack"),
    retry: async ({ reason = "" } = {}) => void done.push(`retry: ${reason}`),
    reject: async () => void done.push("reject"),
    inProgress: async () => undefined,
  };
}

function open(push: (mail: Mail) => void, { clock = systemClock, told = [] as string[] } = {}) {
  const queue = new HandQueue();
  const mail = new DurableMail(
    {
      fabric: { queue: { consume: () => Promise.resolve(queue) } },
      subjects: { mail: (role: string) => role },
      clock,
      log: { ...silentLog, error: (_: object, message: string) => void told.push(message) },
    } as unknown as ActorParts,
    { role: "keeper", capacity: 100, push },
  );
  mail.open();
  return { queue, mail, told };
}

/** Resolves once all that can be done without the outside is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const payload = sealEnvelope({ id: "m", type: "send", from: null, body: 1 });

describe("the mail of a durable mailbox", () => {
  it("asks for another message for each that is done, and for none while they are in hand", async () => {
    const held: Mail[] = [];
    const done: string[] = [];
    const { queue, mail } = open((one) => void held.push(one));
    await settled();
    const before = queue.takers.length;
    for (const { give } of [...queue.takers]) give(deliveryOf(payload, done));
    await settled();
    expect([held.length, queue.takers.length]).toEqual([before, before]);
    held[0]?.settle?.({ type: "done" });
    await settled();
    expect(done).toEqual(["ack"]);
    expect(queue.takers.length).toBeGreaterThan(before);
    await mail.close();
    expect(queue.isClosed).toBe(true);
  });

  it("puts back what its mailbox has no room for, and rejects what nobody can read", async () => {
    const done: string[] = [];
    const { queue, mail } = open(() => {
      throw new DeliveryError("MAILBOX_FULL", "It is full.");
    });
    await settled();
    queue.takers[0]?.give(deliveryOf(payload, done));
    queue.takers[1]?.give(deliveryOf("nonsense", done));
    await settled();
    expect(done).toEqual(["retry: its actor stopped", "reject"]);
    await mail.close();
  });

  it("says once that the queue fails, however much was asked of it, and asks again after a while", async () => {
    const wakes: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      setTimeout: (wake) => wakes.push(wake),
      clearTimeout: () => undefined,
    };
    const { queue, mail, told } = open(() => undefined, { clock });
    await settled();
    const asked = queue.takers.splice(0);
    expect(asked.length).toBeGreaterThan(1);
    for (const { fail } of asked) fail(new Error("no queue"));
    await settled();
    expect([told.length, wakes.length, queue.takers.length]).toEqual([1, 1, 0]);
    wakes[0]?.();
    await settled();
    expect(queue.takers).toHaveLength(asked.length);
    await mail.close();
    expect(queue.isClosed).toBe(true);
  });

  it("is closed while the queue fails without waiting for the end of the pause", async () => {
    const clock: Clock = { ...systemClock, setTimeout: () => 0, clearTimeout: () => undefined };
    const { queue, mail } = open(() => undefined, { clock });
    await settled();
    for (const { fail } of queue.takers) fail(new Error("no queue"));
    await settled();
    await mail.close();
    expect(queue.isClosed).toBe(true);
  });
});
