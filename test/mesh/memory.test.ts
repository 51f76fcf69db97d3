import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, memoryTools, type Memory } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestMesh } from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const base = { role: "worker", capabilities: ["x"], systemPrompt: "x" } as const;

describe("an actor's memory", () => {
  it("is the task's for a handler, whose notes go at its end, and the role's for good", async () => {
    const seen: unknown[] = [];
    const agent = defineAgent({
      role: "custom",
      capabilities: ["x"],
      handle: async ({ type }, { memory }) => {
        if (type !== "task") return null;
        seen.push(await memory.working.keys(), await memory.longTerm.load("count"));
        await memory.working.set("plan", "a");
        await memory.longTerm.save("count", seen.length);
        return memory.working.get("plan");
      },
    });
    await using mesh = new TestMesh().add(agent);
    await mesh.start();
    expect(await mesh.execute(agent, { id: "t1", task: "x" })).toMatchObject({ output: "a" });
    expect(await mesh.execute(agent, { id: "t2", task: "x" })).toMatchObject({ output: "a" });
    expect(seen).toEqual([[], undefined, [], 2]);
    expect(await mesh.fabric.keyValue.keys("working")).toEqual([]);
  });

  it("is there in setup, and its blobs are those of the mesh", async () => {
    const agent = defineAgent({
      role: "custom",
      capabilities: ["x"],
      setup: async ({ memory, blobs }) => {
        await memory.longTerm.save("ready", true);
        await blobs.write("report.txt", "hello");
      },
      handle: async (_message, { memory }) => memory.longTerm.load("ready"),
    });
    await using mesh = new TestMesh().add(agent);
    await mesh.start();
    expect(await mesh.execute(agent, "x")).toMatchObject({ output: true });
    expect(new TextDecoder().decode((await mesh.blobs.read("report.txt")) ?? undefined)).toBe("hello");
  });

  it("is told to its tools, and to a guest by tools that its author gives it", async () => {
    let told: Memory | undefined;
    const look = defineTool({
      description: "Looks.",
      input: z.object({}).optional(),
      execute: async (_, { memory }) => {
        told = memory;
        return (await memory?.working.get("plan")) ?? null;
      },
    });
    const agent = defineAgent({ ...base, tools: { ...memoryTools, look } });
    const model = [
      'await memory.note({ key: "plan", value: [1] }); await memory.remember({ key: "k", value: 2 }); result = await tools.look();',
      'result = [await memory.notes({}), await memory.recall({ key: "k" })];',
    ];
    await using mesh = new TestMesh({ sandbox, model }).add(agent);
    await mesh.start();
    expect(await mesh.execute(agent, "x")).toMatchObject({ output: [1] });
    expect(told).toBeDefined();
    expect(await mesh.execute(agent, "x")).toMatchObject({ output: [{}, 2] });
  });

  it("has the outputs of the workflow's earlier steps, and its episodes", async () => {
    const agent = defineAgent({ ...base, tools: memoryTools });
    const recorder = defineAgent({
      role: "recorder",
      capabilities: ["x"],
      handle: async (_message, { memory }) => {
        await memory.episodic.append("recorded");
        return { total: 42 };
      },
    });
    const model = [
      'const [first] = await memory.history({}); result = [await memory.output({ step: "first" }), first.event];',
    ];
    await using mesh = new TestMesh({ sandbox, model }).add(agent).add(recorder);
    await mesh.start();
    const result = await mesh.workflow("w1", [
      { id: "first", agent: "recorder", task: "x" },
      { id: "second", agent: "worker", task: "y", dependsOn: ["first"] },
    ]);
    expect(result.outputs["second"]).toEqual([{ total: 42 }, "recorded"]);
  });

  it("holds an episode once that a tool told with its call's id, however often the task is taken up", async () => {
    await using fabric = createMemoryFabric();
    let isOpen = false;
    const calls: string[] = [];
    const log = defineTool({
      description: "Logs.",
      input: z.string(),
      execute: async (text, { memory, callId }) => {
        calls.push(text);
        await memory?.episodic.append(text, { id: callId });
        if (text === "second" && !isOpen) await new Promise(() => undefined);
        return (await memory?.episodic.tail(10))?.map(({ event }) => event);
      },
    });
    const agent = defineAgent({ ...base, tools: { log } });
    const model = ['await tools.log("first"); result = await tools.log("second");'];
    const first = await new TestMesh({ sandbox, fabric, model }).add(agent).start();
    first.execute(agent, { id: "t1", task: "x" }).catch(() => undefined);
    while ((await fabric.ledger.read("test.episodes.task.t1")).length < 2) await new Promise(setImmediate);
    await first.stop({ mode: "suspend" });
    isOpen = true;
    await using second = await new TestMesh({ sandbox, fabric, model: [] }).add(agent).start();
    const result = await second.execute(agent, { id: "t1", task: "x" });
    expect(result).toMatchObject({ output: ["first", "second"] });
    expect(calls).toEqual(["first", "second", "second"]);
  });
});
