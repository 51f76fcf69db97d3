// Meshes of different names on one fabric: what one of them spends and remembers is nothing to the other.
import { afterAll, describe, expect, it } from "vitest";
import { defineAgent, loadConfig, Mesh, type Fabric } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel } from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const config = loadConfig({ env: { LOG_LEVEL: "silent" }, envFile: null });
const coder = defineAgent({
  role: "coder",
  capabilities: ["x"],
  systemPrompt: "You compute.",
  budget: { modelCalls: 2 },
});
const teller = defineAgent({
  role: "teller",
  capabilities: ["x"],
  handle: async ({ type }, { memory }) => {
    if (type !== "task") return null;
    const before = [await memory.longTerm.keys(), (await memory.episodic.tail(9)).length];
    await memory.episodic.append("told");
    await memory.longTerm.save("fact", 1);
    return before;
  },
});

const open = (name: string, fabric: Fabric) =>
  new Mesh({
    name,
    fabric,
    sandbox,
    config,
    model: createScriptedModel(() => "result = 1"),
    budget: { modelCalls: 2 },
  })
    .add(coder)
    .add(teller)
    .start();

describe("two meshes of different names on one fabric", () => {
  it("have budgets of their own", async () => {
    await using fabric = createMemoryFabric();
    await using red = await open("red", fabric);
    await using blue = await open("blue", fabric);
    for (const mesh of [red, blue]) {
      for (const task of ["one", "two"]) {
        expect(await mesh.execute(coder, { id: task, task })).toMatchObject({ status: "success" });
      }
      const { modelCalls } = await mesh.budget({ name: "mesh", budget: { modelCalls: 2 } });
      expect(modelCalls).toMatchObject({ spent: 2, left: 0 });
    }
    await red.raiseBudget("agent:coder", { modelCalls: 1 });
    const status = await blue.budget({ name: "agent:coder", budget: { modelCalls: 2 } });
    expect(status.modelCalls.limit).toBe(2);
  });

  it("have memories of their own, also for workflows and tasks of one id", async () => {
    await using fabric = createMemoryFabric();
    await using red = await open("red", fabric);
    await using blue = await open("blue", fabric);
    const steps = [{ id: "tell", agent: "teller", task: "x" }];
    for (const mesh of [red, blue]) {
      const { outputs } = await mesh.workflow("w1", steps);
      expect(outputs["tell"]).toEqual([[], 0]);
      const { output } = await mesh.execute(teller, { id: "t1", task: "x" });
      expect(output).toEqual([["fact"], 0]);
    }
  });
});
