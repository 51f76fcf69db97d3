import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type Mesh, type TaskEvent } from "fettle";
import { silentLog } from "#src/core/log";
import { createSubjects } from "#src/core/subjects";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import { gate, groundForTests } from "./crew.ts";
import { Nodes } from "./meshes.ts";

const ground = groundForTests();
const base = { capabilities: ["work"], systemPrompt: "Work.", reuse: "off" } as const;

/** An agent of a role that anybody may have: its tool tells where it runs. */
const where = (node: string, role = "worker") =>
  defineAgent({
    ...base,
    role,
    tools: {
      here: defineTool({
        description: "Where it runs.",
        input: z.object({}).optional(),
        execute: () => node,
      }),
    },
  });
/** Resolves when a signal is aborted. */
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
/** The machine of the tests may be busy. */
const PATIENT = { timeout: 15_000 };
const HERE = "console.log('at it'); result = await tools.here();";

describe("tasks across nodes", () => {
  let nodes: Nodes;
  /** Has no agents. */
  let near: Mesh;
  let far: Mesh;
  const stuck = defineAgent({
    role: "stuck",
    capabilities: ["work"],
    handle: (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
  });
  const guarded = defineAgent({ ...base, role: "guarded", approval: "code" });
  const keeper = defineAgent({
    role: "keeper",
    capabilities: ["memory"],
    handle: async (message, { memory }) => {
      if (message.type !== "task") return null;
      const before = await memory.longTerm.load("words");
      await memory.longTerm.save("words", [...((before as string[] | undefined) ?? []), message.task]);
      return memory.longTerm.load("words");
    },
  });
  const chief = defineAgent({
    role: "chief",
    capabilities: ["plans"],
    handle: async (_, actor) => (await actor.execute("worker", "Give work on.")).output,
  });
  const adder = defineAgent({ ...base, role: "adder", reuse: "exact" });
  const frugal = defineAgent({ ...base, role: "frugal", budget: { modelCalls: 3 } });
  const model = () => HERE;

  beforeAll(async () => {
    nodes = new Nodes(ground.server);
    near = await nodes.start([chief], { model });
    far = await nodes.start([where("far"), stuck, guarded, keeper, frugal], { model });
  });
  afterAll(() => nodes[Symbol.asyncDispose]());

  it("run where their agent is, and come back as they are, with what happened told meanwhile", async () => {
    const events: TaskEvent[] = [];
    const result = await near.execute(
      "worker",
      { id: "told", task: "Say where." },
      { onEvent: (event) => events.push(event) },
    );
    expect(result).toMatchObject({
      status: "success",
      output: "far",
      code: HERE,
      taskId: "told",
      role: "worker",
    });
    const told = events.map((event) => (event.type === "state" ? event.state : event.type));
    expect(told).toEqual(expect.arrayContaining(["generating", "code", "executing", "console", "tool"]));
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "console",
        entry: { level: "log", text: "at it" },
      }),
    );
    // The same id again, from either node, is the same result.
    expect(await far.execute("worker", { id: "told", task: "Say where." })).toEqual(result);
    expect(await near.execute("worker", { id: "told", task: "Say where." })).toEqual(result);
  });

  it("fail elsewhere with their errors as they are", async () => {
    const result = await near.execute(
      "guarded",
      { id: "refused", task: "x" },
      {
        onEvent: (event) => {
          if (event.type === "approval") void far.reject(event.approvalId, { note: "never" });
        },
        signal: AbortSignal.timeout(20_000),
      },
    );
    expect(result.status).toBe("failure");
    expect(result.error?.message).toContain("never");
  });

  it("are given by actors to others, wherever these are", async () => {
    expect(await near.execute("chief", "Plan.")).toMatchObject({ output: "far" });
    expect(await far.execute("chief", "Plan.")).toMatchObject({ output: "far" });
  });

  it("wait for a person, whose answer may come from any node", async () => {
    const result = near.execute("guarded", { id: "asked", task: "Compute." });
    await expect.poll(() => near.pending(), PATIENT).toHaveLength(1);
    const [pending] = await near.pending();
    await near.approve(pending?.approvalId ?? "", { by: "ann" });
    // There is no tool `here`: the repairs are asked for too, and refused.
    for (;;) {
      const next = (await far.pending())[0];
      if (next !== undefined) await near.reject(next.approvalId, { by: "ann" });
      const done = await Promise.race([result, new Promise((resolve) => setTimeout(resolve, 10, null))]);
      if (done !== null) break;
    }
    expect((await result).attempts.length).toBeGreaterThan(0);
  });

  it("are cancelled from another node than theirs, also from one that did not give them", async () => {
    const given = near.execute("stuck", { id: "stuck-1", task: "Never end." });
    const third = await nodes.start([]);
    await expect
      .poll(async () =>
        third.cancel("stuck-1", "no longer wanted").then(({ error }) => error?.message, String),
      )
      .toBe("no longer wanted");
    expect(await given).toMatchObject({ status: "cancelled", error: { message: "no longer wanted" } });
    const abort = new AbortController();
    const own = near.execute(
      "stuck",
      { id: "stuck-2", task: "Never end." },
      {
        signal: abort.signal,
        onEvent: (event) => event.type === "state" && abort.abort(),
      },
    );
    expect(await own).toMatchObject({ status: "cancelled" });
    await third.stop();
  });

  it("remember what an agent of the same role learnt on another node", async () => {
    expect(await near.execute("keeper", "one")).toMatchObject({ output: ["one"] });
    const other = await nodes.start([keeper]);
    far.pause("keeper");
    expect(await other.execute("keeper", "two")).toMatchObject({ output: ["one", "two"] });
    far.resume("keeper");
    await other.stop();
  });

  it("use code again that has worked on another node", async () => {
    const script = () => "result = context.a + context.b";
    const first = await nodes.start([adder], { model: script });
    for (const [a, b] of [
      [1, 2],
      [3, 4],
      [5, 6.5],
      [7, 88],
      [9, 1],
    ]) {
      await near.execute("adder", { task: "Add.", context: { a, b } });
    }
    await first.stop();
    const second = await nodes.start([adder], { model: () => new Error("nobody should ask") });
    expect(await near.execute("adder", { task: "Add.", context: { a: 20, b: 22 } })).toMatchObject({
      output: 42,
      reused: true,
    });
    await second.stop();
  });

  it("spend from one budget, wherever they run", async () => {
    const other = await nodes.start([frugal], { model: () => "result = 1" });
    far.pause("frugal");
    for (const task of ["a", "b", "c"]) await near.execute("frugal", task);
    await other.stop();
    far.resume("frugal");
    const refused = await near.execute("frugal", "d");
    expect(refused).toMatchObject({ status: "failure", error: { category: "budget" } });
    expect((await near.budget({ name: "agent:frugal", budget: { modelCalls: 3 } })).modelCalls.spent).toBe(3);
    await near.raiseBudget("agent:frugal", { modelCalls: 5 });
    expect((await near.execute("frugal", "e")).error?.category).not.toBe("budget");
  });

  it("of a role that nobody ever had are refused, and the error says which there are", async () => {
    await expect(near.execute("wroker", "x")).rejects.toMatchObject({
      code: "AGENT_UNKNOWN",
      message: expect.stringMatching(/"wroker".*chief.*guarded.*worker/) as string,
    });
  });

  it("of a role that lives nowhere now wait until a node serves it", async () => {
    const visitor = where("visitor", "visitor");
    const first = await nodes.start([visitor], { model });
    await first.stop();
    const given = near.execute("visitor", "Say where.");
    const mesh = near;
    await expect.poll(async () => (await mesh.discover({ role: "visitor" })).length, PATIENT).toBe(0);
    const second = await nodes.start([where("second", "visitor")], { model });
    expect(await given).toMatchObject({ output: "second" });
    await second.stop();
  });

  it("of one id that means two tasks are refused on every node", async () => {
    await near.execute("worker", { id: "taken", task: "One." });
    await expect(far.execute("worker", { id: "taken", task: "Another." })).rejects.toThrow(/is taken/);
    await expect(near.execute("worker", { id: "taken", task: "Another." })).rejects.toThrow(/is taken/);
  });
});

describe("a node that has as much as it can run", () => {
  it("takes no more and leaves the rest in the queue, where another takes its share", async () => {
    await using nodes = new Nodes(ground.server);
    const caller = await nodes.start([]);
    const held = gate();
    const running: string[] = [];
    const busy = (node: string) =>
      defineAgent({
        role: "busy",
        capabilities: ["x"],
        concurrency: 2,
        handle: async (message, { signal }) => {
          running.push(`${node} ${message.id}`);
          await Promise.race([held.passed, aborted(signal)]);
          return node;
        },
      });
    const one = await nodes.start([busy("one")]);
    const connection = await openConnection(
      { servers: [ground.server.url] },
      { name: "test", log: silentLog },
    );
    await using fabric = await createNatsFabric({ connection, mesh: nodes.name });
    const queue = createSubjects(nodes.name).tasks("busy");
    const results = Array.from({ length: 10 }, (_, index) =>
      caller.execute("busy", { id: `b${index}`, task: "Be busy." }),
    );
    await expect.poll(() => fabric.queue.size(queue), PATIENT).toEqual({ waiting: 8, inHand: 2, dead: 0 });
    // In hand is what was given out; what runs follows.
    await expect.poll(() => running, PATIENT).toHaveLength(2);
    const other = await nodes.start([busy("other")]);
    await expect.poll(() => fabric.queue.size(queue), PATIENT).toEqual({ waiting: 6, inHand: 4, dead: 0 });
    await expect.poll(() => running, PATIENT).toHaveLength(4);
    held.open();
    const outputs = (await Promise.all(results)).map(({ output }) => output);
    expect(new Set(outputs)).toEqual(new Set(["one", "other"]));
    expect(running).toHaveLength(10);
    await expect.poll(() => fabric.queue.size(queue), PATIENT).toEqual({ waiting: 0, inHand: 0, dead: 0 });
    await Promise.all([one, other, caller].map((mesh) => mesh.stop()));
  });
});

describe("a node that is about to stop", () => {
  it("takes nothing more of a role that others have, while what was given to it goes on", async () => {
    await using nodes = new Nodes(ground.server);
    const held = gate();
    const done: string[] = [];
    const worker = (node: string) =>
      defineAgent({
        role: "worker",
        capabilities: ["x"],
        handle: async (message) => {
          if (message.type === "task" && message.task === "Last long.") await held.passed;
          done.push(`${node} ${message.id}`);
          return node;
        },
      });
    const one = await nodes.start([worker("one")]);
    const own = one.execute("worker", { id: "own", task: "Last long." });
    await expect.poll(async () => (await one.discover()).length, PATIENT).toBe(1);
    const other = await nodes.start([worker("other")]);
    await expect.poll(async () => (await one.discover()).length, PATIENT).toBe(2);
    const stopping = one.stop();
    const ids = Array.from({ length: 20 }, (_, index) => `late-${index}`);
    const late = await Promise.all(ids.map((id) => other.execute("worker", { id, task: "Be quick." })));
    expect(new Set(late.map(({ output }) => output))).toEqual(new Set(["other"]));
    held.open();
    expect((await own).status).toBe("success");
    await stopping;
    expect(done).toHaveLength(21);
    await other.stop();
  });
});

describe("a node whose actor of a role is paused, or has stopped for good", () => {
  it("leaves the role's tasks to other nodes", async () => {
    await using nodes = new Nodes(ground.server);
    const crashing = (node: string) =>
      defineAgent({
        role: "frail",
        capabilities: ["x"],
        supervision: { maxRestarts: 0 },
        handle: (message) => {
          if (message.type !== "task") throw new Error("it crashes");
          return node;
        },
      });
    const broken = await nodes.start([crashing("broken")]);
    const caller = await nodes.start([]);
    await expect.poll(async () => (await caller.discover({ role: "frail" })).length, PATIENT).toBe(1);
    await expect(caller.ask("frail", "crash")).rejects.toMatchObject({ code: "HANDLER_FAILED" });
    await expect.poll(async () => (await broken.discover({ role: "frail" })).length, PATIENT).toBe(0);
    const given = Array.from({ length: 4 }, () => caller.execute("frail", "Work."));
    const sound = await nodes.start([crashing("sound")]);
    const paused = await nodes.start([crashing("paused")]);
    paused.pause("frail");
    given.push(...Array.from({ length: 4 }, () => caller.execute("frail", "Work.")));
    const outputs = (await Promise.all(given)).map(({ output }) => output);
    expect(outputs.filter((output) => output === "broken")).toEqual([]);
    expect(outputs.slice(4).filter((output) => output === "paused")).toEqual([]);
    await sound.stop();
  });
});
