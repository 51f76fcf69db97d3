// What every fabric's messages must do. Nothing here assumes that delivery is synchronous or instant: each
// test waits for what it expects, and proves absence by a later message that did arrive.
import { afterEach, describe, expect, it } from "vitest";
import type { Fabric, FabricMessage } from "#src/core/ports";

/** Makes a fabric for one test; it is closed afterwards. */
export type MakeFabric = () => Promise<Fabric>;

/** Collects messages and waits for a number of them. */
class Inbox {
  readonly messages: FabricMessage[] = [];
  #wake: () => void = () => undefined;

  readonly take = (message: FabricMessage): void => {
    this.messages.push(message);
    this.#wake();
  };

  get payloads(): string[] {
    return this.messages.map((message) => message.payload);
  }

  async count(number: number): Promise<void> {
    while (this.messages.length < number) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The suite for the port Messages. */
export function messagesContract(make: MakeFabric): void {
  describe("messages", () => {
    const fabrics: Fabric[] = [];
    const open = async (): Promise<Fabric> => {
      const fabric = await make();
      fabrics.push(fabric);
      return fabric;
    };
    afterEach(async () => {
      for (const fabric of fabrics.splice(0)) await fabric.close();
    });

    it("delivers to every subscriber of a subject, in the order of publishing", async () => {
      const { messages } = await open();
      const [a, b] = [new Inbox(), new Inbox()];
      messages.subscribe("orders.new", a.take);
      messages.subscribe("orders.new", b.take);
      const sent = Array.from({ length: 600 }, (_, index) => String(index));
      for (const payload of sent) messages.publish("orders.new", payload);
      await Promise.all([a.count(600), b.count(600)]);
      expect(a.payloads).toEqual(sent);
      expect(b.payloads).toEqual(sent);
      expect(a.messages[0]?.subject).toBe("orders.new");
    });

    it("does not call a handler within publish", async () => {
      const { messages } = await open();
      const inbox = new Inbox();
      messages.subscribe("a", inbox.take);
      messages.publish("a", "1");
      expect(inbox.messages).toHaveLength(0);
      await inbox.count(1);
    });

    it("takes * for exactly one token", async () => {
      const { messages } = await open();
      const [inbox, fence] = [new Inbox(), new Inbox()];
      messages.subscribe("task.*.done", inbox.take);
      messages.subscribe("fence", fence.take);
      for (const subject of ["task.done", "task.a.b.done", "task.a.done.x", "task.a.done", "other.a.done"]) {
        messages.publish(subject, subject);
      }
      messages.publish("fence", "");
      await Promise.all([inbox.count(1), fence.count(1)]);
      expect(inbox.payloads).toEqual(["task.a.done"]);
    });

    it("takes > for one token or more at the end", async () => {
      const { messages } = await open();
      const [inbox, fence] = [new Inbox(), new Inbox()];
      messages.subscribe("task.>", inbox.take);
      messages.subscribe("fence", fence.take);
      for (const subject of ["task", "tasks.a", "task.a", "task.a.b.c"]) messages.publish(subject, subject);
      messages.publish("fence", "");
      await Promise.all([inbox.count(2), fence.count(1)]);
      expect(inbox.payloads).toEqual(["task.a", "task.a.b.c"]);
    });

    it("delivers a message to one member of a queue, and to plain subscribers besides", async () => {
      const { messages } = await open();
      const [a, b, plain] = [new Inbox(), new Inbox(), new Inbox()];
      const all = new Inbox();
      for (const inbox of [a, b]) {
        messages.subscribe(
          "work",
          (message) => {
            inbox.take(message);
            all.take(message);
          },
          { queue: "workers" },
        );
      }
      messages.subscribe("work", plain.take);
      for (let index = 0; index < 200; index += 1) messages.publish("work", String(index));
      await Promise.all([all.count(200), plain.count(200)]);
      expect(new Set(all.payloads).size).toBe(200);
      expect(a.messages.length).toBeGreaterThan(0);
      expect(b.messages.length).toBeGreaterThan(0);
      expect(a.messages.length + b.messages.length).toBe(200);
    });

    it("takes members of one queue for one group, whatever pattern each subscribed by", async () => {
      const { messages } = await open();
      const all = new Inbox();
      messages.subscribe("work.x", all.take, { queue: "workers" });
      messages.subscribe("work.*", all.take, { queue: "workers" });
      for (let index = 0; index < 20; index += 1) messages.publish("work.x", String(index));
      const fence = new Inbox();
      messages.subscribe("fence", fence.take);
      messages.publish("fence", "");
      await fence.count(1);
      await all.count(20);
      expect(all.payloads).toHaveLength(20);
    });

    it("delivers nothing after unsubscribing, which can be done twice", async () => {
      const { messages } = await open();
      const [gone, stays] = [new Inbox(), new Inbox()];
      const unsubscribe = messages.subscribe("a", gone.take);
      messages.subscribe("a", stays.take);
      unsubscribe();
      unsubscribe();
      messages.publish("a", "1");
      await stays.count(1);
      expect(gone.messages).toHaveLength(0);
    });

    it("carries any text whole", async () => {
      const { messages } = await open();
      const inbox = new Inbox();
      messages.subscribe("a", inbox.take);
      const payloads = ["", "é ☃ 𝄞 \u0000 \n", "x".repeat(500_000)];
      for (const payload of payloads) messages.publish("a", payload);
      await inbox.count(3);
      expect(inbox.payloads).toEqual(payloads);
    });

    it("answers a request with the first reply", async () => {
      const { messages } = await open();
      messages.subscribe("double", (message) => message.reply(String(Number(message.payload) * 2)));
      const answers = await Promise.all(
        [1, 2, 3].map((number) => messages.request("double", String(number), { timeoutMs: 5000 })),
      );
      expect(answers).toEqual(["2", "4", "6"]);
    });

    it("answers a request when the reply comes later, and drops a second one", async () => {
      const { messages } = await open();
      messages.subscribe("slow", async (message) => {
        await Promise.resolve();
        message.reply("first");
        message.reply("second");
      });
      expect(await messages.request("slow", "", { timeoutMs: 5000 })).toBe("first");
    });

    it("lets a message that asks for no reply be replied to without effect", async () => {
      const { messages } = await open();
      const inbox = new Inbox();
      messages.subscribe("a", (message) => {
        message.reply("nobody wants this");
        inbox.take(message);
      });
      messages.publish("a", "1");
      await inbox.count(1);
    });

    it("fails a request at once where nobody listens", async () => {
      const { messages } = await open();
      const started = Date.now();
      await expect(messages.request("nobody.here", "", { timeoutMs: 60_000 })).rejects.toMatchObject({
        code: "ACTOR_UNKNOWN",
        message: expect.stringContaining("nobody.here") as string,
      });
      expect(Date.now() - started).toBeLessThan(20_000);
    });

    it("fails a request when no reply comes in time", async () => {
      const { messages } = await open();
      messages.subscribe("mute", () => undefined);
      await expect(messages.request("mute", "", { timeoutMs: 30 })).rejects.toMatchObject({
        code: "ASK_TIMEOUT",
        retryable: true,
      });
    });

    it("ends a request when its signal is aborted, before or during", async () => {
      const { messages } = await open();
      const abort = new AbortController();
      messages.subscribe("mute", () => abort.abort());
      const options = { timeoutMs: 60_000, signal: abort.signal };
      await expect(messages.request("mute", "", options)).rejects.toMatchObject({ code: "CANCELLED" });
      await expect(messages.request("mute", "", options)).rejects.toMatchObject({ code: "CANCELLED" });
    });

    it("keeps a handler's failure from the publisher and from other handlers", async () => {
      const { messages } = await open();
      const inbox = new Inbox();
      messages.subscribe("a", () => {
        throw new Error("handler failed");
      });
      messages.subscribe("a", () => Promise.reject(new Error("handler failed later")));
      messages.subscribe("a", inbox.take);
      messages.publish("a", "1");
      messages.publish("a", "2");
      await inbox.count(2);
      expect(inbox.payloads).toEqual(["1", "2"]);
    });

    it("refuses wildcards, empty tokens and white space where a message is sent", async () => {
      const { messages } = await open();
      for (const subject of ["", "a..b", ".a", "a.", "a b", "a.*", "a.>"]) {
        expect(() => messages.publish(subject, ""), subject).toThrow(/Cannot/);
        await expect(messages.request(subject, "", { timeoutMs: 100 }), subject).rejects.toMatchObject({
          code: "MESSAGE_INVALID",
        });
      }
      for (const subject of ["", "a..b", "a.>.b", "a b"]) {
        expect(() => messages.subscribe(subject, () => undefined), subject).toThrow(/Cannot/);
      }
    });

    it("refuses use after close, and fails what still waits", async () => {
      const fabric = await open();
      fabric.messages.subscribe("mute", () => undefined);
      const waiting = fabric.messages.request("mute", "", { timeoutMs: 60_000 });
      const failed = expect(waiting).rejects.toMatchObject({ code: "ACTOR_STOPPED" });
      await fabric.close();
      await failed;
      expect(() => fabric.messages.publish("a", "")).toThrow(/closed/);
      expect(() => fabric.messages.subscribe("a", () => undefined)).toThrow(/closed/);
      await expect(fabric.messages.request("a", "", { timeoutMs: 10 })).rejects.toMatchObject({
        code: "ACTOR_STOPPED",
      });
    });
  });
}
