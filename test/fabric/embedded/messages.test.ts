// What the embedded messages promise beyond the contract: fair turns and loud failures.
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";

describe("embedded messages", () => {
  it("let timers run while messages beget messages without end", async () => {
    await using fabric = createEmbeddedFabric();
    const { messages } = fabric;
    let count = 0;
    const fired = new Promise<number>((resolve) => setTimeout(() => resolve(count), 5));
    messages.subscribe("ping", () => {
      count += 1;
      messages.publish("pong", "");
    });
    messages.subscribe("pong", () => messages.publish("ping", ""));
    messages.publish("ping", "");
    expect(await fired).toBeGreaterThan(0);
  });

  it("hand what a handler throws or rejects with to the hook, with its subject", async () => {
    const failures: [unknown, string][] = [];
    await using fabric = createEmbeddedFabric({ onHandlerError: (...failure) => failures.push(failure) });
    const [thrown, rejected] = [new Error("thrown"), new Error("rejected")];
    fabric.messages.subscribe("a.*", () => {
      throw thrown;
    });
    fabric.messages.subscribe("a.b", () => Promise.reject(rejected));
    fabric.messages.subscribe("a.b", (message) => message.reply("still here"));
    expect(await fabric.messages.request("a.b", "", { timeoutMs: 5000 })).toBe("still here");
    await Promise.resolve();
    expect(failures).toContainEqual([thrown, "a.b"]);
    expect(failures).toContainEqual([rejected, "a.b"]);
  });

  it("warn of a failed handler where no hook is given", async () => {
    await using fabric = createEmbeddedFabric();
    const warned = once(process, "warning");
    fabric.messages.subscribe("a", () => {
      throw new Error("handler failed");
    });
    fabric.messages.publish("a", "");
    const [warning] = (await warned) as [Error];
    expect(warning.name).toBe("FettleWarning");
    expect(warning.message).toBe('A handler of "a" failed: handler failed');
  });

  it("drop what is undelivered when closed or unsubscribed before its turn", async () => {
    const seen: string[] = [];
    const fabric = createEmbeddedFabric();
    const unsubscribe = fabric.messages.subscribe("a", (message) => void seen.push(message.payload));
    fabric.messages.publish("a", "1");
    unsubscribe();
    fabric.messages.subscribe("b", (message) => void seen.push(message.payload));
    fabric.messages.publish("b", "2");
    await fabric.close();
    expect(seen).toEqual([]);
  });

  it("time requests by the clock that is given", async () => {
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      setTimeout: (fn: () => void) => timers.push(fn),
      clearTimeout: () => undefined,
    };
    await using fabric = createEmbeddedFabric({ clock });
    fabric.messages.subscribe("mute", () => undefined);
    const failed = expect(fabric.messages.request("mute", "", { timeoutMs: 1 })).rejects.toMatchObject({
      code: "ASK_TIMEOUT",
    });
    for (const fire of timers) fire();
    await failed;
  });
});
