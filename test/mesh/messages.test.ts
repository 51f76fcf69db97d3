// Messages between actors, through the fabric, as programs and handlers send them.
import { afterAll, describe, expect, it, vi } from "vitest";
import { defineAgent, type ActorContext, type HandlerMessage, type MeshEvent, type TaskResult } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { TestClock, TestMesh } from "fettle/testing";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

type Handle = (message: HandlerMessage, actor: ActorContext) => unknown;
const agent = (role: string, handle: Handle, options: object = {}) =>
  defineAgent({ role, capabilities: ["talk"], handle, ...options });
const echo = agent("echo", (message) => (message.type === "task" ? message.task : message.body));

async function start(...agents: readonly ReturnType<typeof agent>[]) {
  const mesh = new TestMesh();
  for (const one of agents) mesh.add(one);
  return mesh.start();
}

describe("ask", () => {
  it("is answered with what the handler returns, whatever its type", async () => {
    await using mesh = await start(echo);
    const body = { at: new Date(5), big: 3n, set: new Set([1]), nothing: undefined };
    expect(await mesh.ask("echo", body)).toEqual(body);
  });

  it("does not share the sender's objects with the handler", async () => {
    let got: { list: number[] } | undefined;
    const keeper = agent("keeper", (message) => {
      if (message.type === "ask") got = message.body as { list: number[] };
      return null;
    });
    await using mesh = await start(keeper);
    const body = { list: [1] };
    await mesh.ask("keeper", body);
    body.list.push(2);
    expect(got).toEqual({ list: [1] });
  });

  it("is rejected at once with the error of a handler that fails", async () => {
    const failing = agent("failing", () => {
      throw new RangeError("too far");
    });
    await using mesh = await start(failing);
    await expect(mesh.ask("failing", 1, { timeoutMs: 60_000 })).rejects.toMatchObject({
      code: "HANDLER_FAILED",
      message: expect.stringContaining("RangeError: too far") as string,
    });
  });

  it("is rejected when no answer comes in time, naming whom it asked", async () => {
    const silent = agent("silent", () => new Promise(() => undefined));
    await using mesh = await start(silent);
    await expect(mesh.ask("silent", 1, { timeoutMs: 20 })).rejects.toThrow(
      /No answer from "silent\.1" within 20 ms/,
    );
    await mesh.stop({ mode: "cancel" });
  });

  it("is rejected for an unknown role or address, and for what is no address", async () => {
    await using mesh = await start(echo);
    await expect(mesh.ask("nobody", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
    await expect(mesh.ask("echo.77", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
    await expect(mesh.ask("echo.>", 1)).rejects.toThrow(/is no address/);
  });

  it("is rejected where its body cannot cross, naming the path", async () => {
    await using mesh = await start(echo);
    await expect(mesh.ask("echo", { cb: () => 1 })).rejects.toThrow(/\$\.cb/);
  });

  it("is rejected where the answer cannot cross, and the actor goes on", async () => {
    const odd = agent("odd", (message) => (message.type === "ask" && message.body === 1 ? () => 1 : "fine"));
    await using mesh = await start(odd);
    await expect(mesh.ask("odd", 1)).rejects.toThrow(/answer cannot be sent/);
    expect(await mesh.ask("odd", 2)).toBe("fine");
  });

  it("can be cancelled by its caller", async () => {
    const silent = agent("silent", () => new Promise(() => undefined));
    await using mesh = await start(silent);
    const asked = mesh.ask("silent", 1, { signal: AbortSignal.timeout(10) });
    await expect(asked).rejects.toMatchObject({ code: "CANCELLED" });
    await mesh.stop({ mode: "cancel" });
  });

  it("tells those who still wait when the actor stops", async () => {
    const silent = agent("silent", () => new Promise(() => undefined));
    const mesh = await start(silent);
    const asked = [mesh.ask("silent", 1), mesh.ask("silent", 2)];
    const outcomes = Promise.allSettled(asked);
    await new Promise(setImmediate);
    await mesh.stop({ mode: "cancel" });
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ACTOR_STOPPED" } });
    }
  });
});

describe("an agent that writes code", () => {
  const coder = defineAgent({ role: "coder", capabilities: ["code"], systemPrompt: "Code." });

  it("takes messages as tasks and answers with their results", async () => {
    const mesh = new TestMesh({ sandbox, model: () => "result = context.n ?? 1" });
    mesh.add(coder);
    await mesh.start();
    expect(await mesh.ask("coder", "count")).toMatchObject({ status: "success", output: 1 });
    const result = (await mesh.ask("coder", { task: "count", context: { n: 5 } })) as TaskResult;
    expect(result).toMatchObject({ status: "success", output: 5, role: "coder" });
    await mesh.stop();
  });

  it("refuses what is no task, and says what it takes", async () => {
    const mesh = new TestMesh({ sandbox });
    mesh.add(coder);
    await mesh.start();
    for (const body of [42, {}, { task: "" }, { task: "x", extra: 1 }, null]) {
      await expect(mesh.ask("coder", body)).rejects.toThrow(/takes tasks, as text or \{ task/);
    }
    await mesh.stop();
  });
});

describe("send", () => {
  it("keeps the order of one sender's messages", async () => {
    const seen: unknown[] = [];
    const keeper = agent("keeper", async (message) => {
      if (message.type !== "send") return [...seen];
      await new Promise(setImmediate);
      seen.push(message.body);
      return null;
    });
    await using mesh = await start(keeper);
    for (let i = 0; i < 50; i++) await mesh.send("keeper", i);
    expect(await mesh.ask("keeper", "all")).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it("is an error to the sender where the mailbox is full, and nothing that was taken is lost", async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const seen: unknown[] = [];
    const slow = agent(
      "slow",
      async (message) => {
        if (message.type !== "send") return seen;
        await gate;
        seen.push(message.body);
        return null;
      },
      { mailboxSize: 3 },
    );
    await using mesh = await start(slow);
    await mesh.send("slow", 0);
    await vi.waitFor(async () => {
      await mesh.send("slow", 1);
    });
    await mesh.send("slow", 2);
    const outcomes = await Promise.allSettled([mesh.send("slow", 3), mesh.send("slow", 4)]);
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ reason: { code: "MAILBOX_FULL", retryable: true } });
    release();
    const taken = 3 + outcomes.length - refused.length;
    await vi.waitFor(async () => expect(await mesh.ask("slow", "all")).toHaveLength(taken));
  });
});

describe("broadcast", () => {
  it("reaches every actor that matches, those of the same role too, but not its sender", async () => {
    const heard: string[] = [];
    const listener = agent("listener", (message, actor) => {
      if (message.type === "broadcast") heard.push(actor.self);
      if (message.type === "ask") return actor.broadcast({ capability: "talk" }, "news");
      return null;
    });
    await using mesh = await start(listener, echo);
    const second = await mesh.spawn(listener);
    const third = await mesh.spawn(listener, { instance: "third" });
    const all = await mesh.broadcast({ role: "listener" }, "hello");
    expect(all.delivered).toEqual(["listener.1", second, "listener.third"]);
    await mesh.ask("echo", "wait");
    const others = await mesh.ask(third, "tell the others");
    expect(others).toMatchObject({ delivered: ["listener.1", "echo.2", second], refused: [] });
    await vi.waitFor(() => expect(heard).toHaveLength(5));
  });

  it("says which mailboxes were full", async () => {
    const stuck = agent("stuck", () => new Promise(() => undefined), { mailboxSize: 1 });
    await using mesh = await start(stuck, echo);
    await mesh.send("stuck", 1);
    await vi.waitFor(() => mesh.send("stuck", 2));
    const result = await mesh.broadcast({}, "news");
    expect(result).toEqual({ delivered: ["echo.2"], refused: ["stuck.1"] });
    await mesh.stop({ mode: "cancel" });
  });
});

describe("discover", () => {
  it("finds running actors by role and capability, and one that leaves no more", async () => {
    const other = agent("other", () => 1, { capabilities: ["listen", "talk"] });
    await using mesh = await start(echo, other);
    expect((await mesh.discover({ capability: "talk" })).map(({ role }) => role)).toEqual(["echo", "other"]);
    expect((await mesh.discover({ capability: "listen" })).map(({ address }) => address)).toEqual([
      "other.2",
    ]);
    const address = await mesh.spawn(other);
    expect(await mesh.discover({ role: "other" })).toHaveLength(2);
    expect(address).toBe("other.3");
  });

  it("gives peers in turn, so that asks by role spread over them", async () => {
    const namer = agent("namer", (_, actor) => actor.self);
    await using mesh = await start(namer);
    await mesh.spawn(namer);
    const answers = await Promise.all([1, 2, 3, 4].map(() => mesh.ask("namer", "who")));
    expect(new Set(answers)).toEqual(new Set(["namer.1", "namer.2"]));
  });
});

describe("supervision", () => {
  const fragile = (options: object = {}) =>
    agent(
      "fragile",
      (message, actor) => {
        if (message.type === "ask" && message.body === "crash") throw new Error("broken");
        const state = actor.state as { count: number };
        return ++state.count;
      },
      { setup: () => ({ count: 0 }), ...options },
    );

  it("restarts a crashed actor with fresh state, and its waiting messages are handled", async () => {
    await using mesh = await start(fragile({ supervision: { backoffMs: 1 } }));
    expect(await mesh.ask("fragile", 1)).toBe(1);
    expect(await mesh.ask("fragile", 1)).toBe(2);
    const crashed = mesh.ask("fragile", "crash");
    const waiting = mesh.ask("fragile", 1);
    await expect(crashed).rejects.toThrow("broken");
    expect(await waiting).toBe(1);
  });

  it("leaves all other actors alone", async () => {
    await using mesh = await start(fragile({ supervision: { maxRestarts: 0 } }), echo);
    const waiting = mesh.ask("echo", "still here");
    await expect(mesh.ask("fragile", "crash")).rejects.toThrow("broken");
    expect(await waiting).toBe("still here");
    expect(await mesh.ask("echo", "and here")).toBe("and here");
  });

  it("waits longer before each restart, on the mesh's clock", async () => {
    const clock = new TestClock();
    const mesh = new TestMesh({ clock });
    mesh.add(fragile({ supervision: { backoffMs: 1000, maxRestarts: 5 } }));
    await mesh.start();
    for (const wait of [1000, 2000, 4000]) {
      await expect(mesh.ask("fragile", "crash")).rejects.toThrow("broken");
      let answered = false;
      const next = mesh.ask("fragile", 1, { timeoutMs: 1e8 }).then((count) => {
        answered = true;
        return count;
      });
      await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(0));
      clock.advance(wait - 1);
      await new Promise(setImmediate);
      expect(answered).toBe(false);
      clock.advance(1);
      expect(await next).toBe(1);
    }
    await mesh.stop();
  });

  it("stops an actor that crashes too often, announces it, and answers those who wait", async () => {
    await using mesh = await start(fragile({ supervision: { maxRestarts: 1, backoffMs: 1 } }), echo);
    const events: MeshEvent[] = [];
    mesh.subscribe((event) => events.push(event));
    await expect(mesh.ask("fragile", "crash")).rejects.toThrow("broken");
    const second = mesh.ask("fragile", "crash");
    const waiting = mesh.ask("fragile", 1);
    await expect(second).rejects.toThrow("broken");
    await expect(waiting).rejects.toMatchObject({ code: "ACTOR_STOPPED" });
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain("actor-stopped"));
    expect(events).toContainEqual({ type: "actor-exhausted", address: "fragile.1", message: "broken" });
    await expect(mesh.ask("fragile", 1)).rejects.toMatchObject({ code: "ACTOR_UNKNOWN" });
    await expect(mesh.execute("fragile", "x")).rejects.toThrow(/all have stopped/);
    expect(await mesh.ask("echo", 1)).toBe(1);
  });

  it("restarts after a setup that fails, and serves when it succeeds", async () => {
    let tries = 0;
    const late = agent("late", (_, actor) => actor.state, {
      setup: () => {
        if (++tries < 3) throw new Error("no database yet");
        return "ready";
      },
      supervision: { backoffMs: 1 },
    });
    await using mesh = await start(late);
    expect(await mesh.ask("late", "state")).toBe("ready");
    expect(tries).toBe(3);
  });

  it("fails a task that a handler throws on, without a crash", async () => {
    const events: MeshEvent[] = [];
    const picky = agent("picky", (message) => {
      if (message.type === "task" && message.task === "bad") throw new TypeError("not this");
      return "ok";
    });
    await using mesh = await start(picky);
    mesh.subscribe((event) => events.push(event));
    const result = await mesh.execute("picky", "bad");
    expect(result).toMatchObject({
      status: "failure",
      error: { name: "TypeError", message: "not this", category: "handler" },
    });
    expect(await mesh.execute("picky", "good")).toMatchObject({ status: "success", output: "ok" });
    expect(events.some(({ type }) => type === "actor-exhausted")).toBe(false);
  });

  it("hands a body that is malformed back to its sender, without a crash", async () => {
    const counting = fragile();
    await using mesh = await start(counting);
    expect(await mesh.ask("fragile", 1)).toBe(1);
    for (const body of ["", "{", '{"$map":5}', '{"$bigint":"x"}']) {
      const text = JSON.stringify({ v: 1, id: "x", type: "ask", from: null, body });
      const answer = await mesh.fabric.messages.request("fettle.test.actor.fragile.1", text, {
        timeoutMs: 1000,
      });
      expect(JSON.parse(answer)).toMatchObject({ ok: false, code: "VALUE_MALFORMED" });
    }
    expect(await mesh.ask("fragile", 1)).toBe(2);
  });

  it("hands a message that is malformed back to its sender, and serves on", async () => {
    await using mesh = await start(echo);
    const request = (text: string) =>
      mesh.fabric.messages.request("fettle.test.actor.echo.1", text, { timeoutMs: 1000 });
    for (const text of ["", "{", "[]", '{"v":2}', '{"v":1,"id":"x","type":"kill","from":null,"body":"1"}']) {
      const answer = JSON.parse(await request(text)) as { ok: boolean; code: string };
      expect(answer).toMatchObject({ ok: false, code: "MESSAGE_INVALID" });
    }
    expect(await mesh.ask("echo", 1)).toBe(1);
  });
});
