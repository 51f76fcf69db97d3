import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type AgentDefinition, type Fabric } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestMesh, type TestMeshOptions } from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const send = defineTool({
  description: "Sends a letter.",
  input: z.object({}).optional(),
  needsApproval: true,
  execute: () => "sent",
});
const clerk = defineAgent({ role: "clerk", capabilities: ["x"], systemPrompt: "x", tools: { send } });
const MODEL = () => "result = await tools.send();";

function start(fabric: Fabric, agent: AgentDefinition, options: TestMeshOptions = {}) {
  return new TestMesh({ sandbox, fabric, model: MODEL, ...options }).add(agent).start();
}

/** Resolves when a task of the mesh comes to a state. */
function reached(mesh: TestMesh, state: string): Promise<void> {
  return new Promise((resolve) => {
    mesh.subscribe((event) => {
      if (event.type === "state" && event.state === state) resolve();
    });
  });
}

function asked(mesh: TestMesh): Promise<void> {
  return new Promise((resolve) => {
    mesh.subscribe((event) => event.type === "approval" && resolve());
  });
}

const never = () => new Promise<never>(() => undefined);

describe("a task is cancelled", () => {
  const hanging = defineTool({ description: "Hangs.", input: z.object({}).optional(), execute: never });
  const base = { role: "worker", capabilities: ["x"], systemPrompt: "x" } as const;

  it.each<[string, AgentDefinition, TestMeshOptions]>([
    ["routing", defineAgent({ ...base, profile: "auto", routing: { model: true } }), { model: never }],
    ["generating", defineAgent(base), { model: never }],
    [
      "executing",
      defineAgent({ ...base, tools: { hanging } }),
      { model: () => "result = await tools.hanging();" },
    ],
    [
      "repairing",
      defineAgent(base),
      { model: ({ purpose }) => (purpose === "repair" ? never() : "result = never") },
    ],
    ["handling", defineAgent({ role: "worker", capabilities: ["x"], handle: never }), {}],
  ])("while it is %s", async (state, agent, options) => {
    await using fabric = createMemoryFabric();
    await using mesh = await start(fabric, agent, options);
    const there = reached(mesh, state);
    const running = mesh.execute(agent, { id: "t1", task: "Hello?" });
    await there;
    expect(await mesh.cancel("t1", "enough")).toMatchObject({
      status: "cancelled",
      error: { message: "enough", category: "cancelled" },
    });
    expect(await running).toMatchObject({ status: "cancelled" });
    await expect(mesh.cancel("t1")).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
  });

  it("while it waits for a person, who is then no longer asked", async () => {
    await using fabric = createMemoryFabric();
    await using mesh = await start(fabric, clerk);
    const asks = asked(mesh);
    const running = mesh.execute(clerk, { id: "t1", task: "x" });
    await asks;
    expect(await mesh.cancel("t1")).toMatchObject({ status: "cancelled" });
    expect(await running).toMatchObject({ status: "cancelled", code: "result = await tools.send();" });
    expect(await mesh.pending()).toEqual([]);
    await expect(mesh.approve("t1-a1")).rejects.toMatchObject({ code: "APPROVAL_UNKNOWN" });
  });
});

describe("a mesh that is drained", () => {
  it("does not wait for people: it leaves what they must allow, and ends what else is given to it", async () => {
    await using fabric = createMemoryFabric();
    const first = await start(fabric, clerk, { model: (request) => answerTo(request.messages[0]?.content) });
    const asks = asked(first);
    const parked = first.execute(clerk, { id: "t1", task: "letter" });
    await asks;
    const others = ["a", "b", "c", "d"].map((id) => first.execute(clerk, { id, task: "sum" }));
    const stopped = first.stop();
    await expect(parked).rejects.toMatchObject({ code: "MESH_STATE" });
    for (const one of others) expect(await one).toMatchObject({ status: "success", output: 2 });
    await stopped;

    await using second = await start(fabric, clerk, { model: [] });
    const running = second.execute(clerk, { id: "t1", task: "letter" });
    await second.approve("t1-a1");
    expect(await running).toMatchObject({ status: "success", output: "sent" });
  });

  const answerTo = (text = "") => (text.includes("letter") ? MODEL() : "result = 1 + 1");
});

describe("a mesh that is suspended", () => {
  it("leaves a task that is about to be stored its time to end", async () => {
    const inner = createMemoryFabric();
    const stopping: Promise<void>[] = [];
    let suspend: () => Promise<void> = async () => undefined;
    const fabric: Fabric = {
      ...inner,
      ledger: {
        append: async (...args) => {
          if (args[1].includes('"finished"')) stopping.push(suspend());
          return inner.ledger.append(...args);
        },
        read: (...args) => inner.ledger.read(...args),
        last: (...args) => inner.ledger.last(...args),
        delete: (...args) => inner.ledger.delete(...args),
        names: (...args) => inner.ledger.names(...args),
      },
    };
    const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "x" });
    const mesh = await start(fabric, coder, { model: ["result = 1"] });
    suspend = () => mesh.stop({ mode: "suspend" });
    expect(await mesh.execute("coder", { id: "t1", task: "x" })).toMatchObject({ output: 1 });
    expect(stopping).toHaveLength(1);
    await Promise.all(stopping);
    await inner.close();
  });
});

describe("a task whose process dies each time", () => {
  it("is given up after some times, and the result says so", async () => {
    await using fabric = createMemoryFabric();
    const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "x" });
    const first = await start(fabric, coder, { model: never });
    const there = reached(first, "generating");
    first.execute(coder, { id: "t1", task: "x" }).catch(() => undefined);
    await there;
    await first.stop({ mode: "suspend" });
    // What processes leave behind that die while the model is asked.
    const claimed = (await fabric.ledger.read("test.task.t1"))
      .flatMap(({ payload }) => JSON.parse(payload) as { readonly type: string }[])
      .find(({ type }) => type === "claimed");
    for (let deaths = 0; deaths < 10; deaths += 1) {
      const last = await fabric.ledger.last("test.task.t1");
      const entries = [claimed, { type: "model-asked", at: 1, callId: "t1-model-0", repair: 0 }];
      await fabric.ledger.append("test.task.t1", JSON.stringify(entries), last?.sequence ?? 0);
    }
    await using second = await start(fabric, coder, { model: ["result = 1"] });
    const result = await second.execute(coder, { id: "t1", task: "x" });
    expect(result).toMatchObject({ status: "failure", error: { name: "TaskError", category: "internal" } });
    expect(result.error?.message).toContain("taken up 10 times");
  });
});
