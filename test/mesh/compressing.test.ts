// What compressing a memory costs: it is in the budgets, the journal and the result of the task, and paid once.
import { afterAll, describe, expect, it } from "vitest";
import { defineAgent, defineTool, type ActorContext, type AgentDefinition, type Budget } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel, TestMesh, type Script } from "fettle/testing";
import { replayTask } from "#actors/replay";
import type { Fabric } from "#src/core/ports";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";
import { z } from "zod";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const LONG = "A long report on everything that happened. ".repeat(500);
const tokens = { input: 70, output: 30, cacheRead: 0, cacheWrite: 0 };

function scripted(script: Script) {
  return createScriptedModel(script, { answer: { tokens, costUsd: 0.25 } });
}

/** A custom agent that does so. */
function handling(work: (actor: ActorContext) => unknown, budget?: Budget): AgentDefinition {
  const handle = (_message: unknown, actor: ActorContext) => work(actor);
  return defineAgent({
    role: "clerk",
    capabilities: ["x"],
    handle,
    ...(budget === undefined ? {} : { budget }),
  });
}

async function start(agent: AgentDefinition, script: Script, budget?: Budget, fabric?: Fabric) {
  const model = scripted(script);
  // Of the agents one writes code, so that the mesh has a model.
  const writer = defineAgent({ role: "writer", capabilities: ["x"], systemPrompt: "You write." });
  const options = { sandbox, model, ...(budget && { budget }), ...(fabric && { fabric }) };
  const mesh = await new TestMesh(options).add(agent).add(writer).start();
  return { mesh, requests: model.requests };
}

const journalOf = (fabric: Fabric) =>
  new TaskList(fabric.ledger, { subjects: createSubjects("test") }).read("t1");

describe("compressing a memory", () => {
  it("is in the budgets, the journal and the result of its task, and in a replay", async () => {
    const agent = handling(
      async ({ memory }) => (await memory.longTerm.compress([LONG], { as: "report", maxTokens: 50 })).text,
      { modelCalls: 9 },
    );
    await using fabric = createMemoryFabric();
    const { mesh } = await start(agent, ["Short."], { usd: 9 }, fabric);
    await using _ = mesh;
    const task = { id: "t1", task: "x", budget: { tokens: 50_000 } };
    const result = await mesh.execute("clerk", task);
    expect(result).toMatchObject({ status: "success", output: "Short.", tokens, costUsd: 0.25 });
    expect((await mesh.budget({ name: "mesh" })).usd).toMatchObject({ spent: 0.25, reserved: 0 });
    expect((await mesh.budget({ name: "agent:clerk" })).modelCalls).toMatchObject({ spent: 1, reserved: 0 });
    const entries = await journalOf(fabric);
    expect(entries.filter(({ type }) => type.startsWith("model-"))).toMatchObject([
      { type: "model-asked", repair: -2 },
      { type: "model-answered", repair: -2, answer: { text: "Short." } },
    ]);
    expect(await replayTask(entries, sandbox)).toMatchObject({ verdict: "same", outcome: [] });
  });

  it("is refused where it would go over a budget, by an error that names it, and is not asked", async () => {
    const seen: unknown[] = [];
    const agent = handling(async ({ memory }) => {
      const compress = (as: string) => memory.longTerm.compress([as, LONG], { as, maxTokens: 50 });
      seen.push(...(await Promise.allSettled([compress("a"), compress("b"), compress("c")])));
    });
    const { mesh, requests } = await start(agent, () => "Short.", { modelCalls: 2 });
    await using _ = mesh;
    expect(await mesh.execute("clerk", "x")).toMatchObject({ status: "success" });
    expect(seen).toMatchObject([
      { status: "fulfilled" },
      { status: "fulfilled" },
      { status: "rejected", reason: { name: "BudgetError", budget: "mesh", measure: "modelCalls" } },
    ]);
    expect(requests).toHaveLength(2);
  });

  it("gives back what it had reserved where the model fails", async () => {
    const agent = handling(async ({ memory }) => {
      const compress = () => memory.longTerm.compress([LONG], { as: "report", maxTokens: 50 });
      await expect(compress()).rejects.toThrow("down");
      return (await compress()).text;
    });
    const { mesh } = await start(agent, [new Error("down"), "Short."], { modelCalls: 1 });
    await using _ = mesh;
    expect(await mesh.execute("clerk", "x")).toMatchObject({ output: "Short.", tokens });
  });

  it.each(["handler", "tool"])(
    "in a %s that is run again after a restart is not paid twice",
    async (where) => {
      await using fabric = createMemoryFabric();
      let isOpen = false;
      let compressed: () => void = () => undefined;
      const reached = new Promise<void>((resolve) => (compressed = resolve));
      const work = async (memory: ActorContext["memory"] | undefined) => {
        // A large value is another one each time that it is saved: what was made of it before does not count.
        await memory?.longTerm.save("report", LONG);
        const summary = await memory?.longTerm.compress("report", { maxTokens: 50 });
        compressed();
        if (!isOpen) await new Promise(() => undefined);
        return summary?.text;
      };
      const digest = defineTool({
        description: "Digests.",
        input: z.object({}).optional(),
        execute: (_, { memory }) => work(memory),
      });
      const agent =
        where === "handler"
          ? handling(({ memory }) => work(memory))
          : defineAgent({ role: "clerk", capabilities: ["x"], systemPrompt: "x", tools: { digest } });
      const script: Script = ({ purpose }) =>
        purpose === "compress" ? "Short." : "result = await tools.digest()";
      const budget = { modelCalls: 9 };
      const first = await start(agent, script, budget, fabric);
      first.mesh.execute("clerk", { id: "t1", task: "x" }).catch(() => undefined);
      await reached;
      await first.mesh.stop({ mode: "suspend" });
      isOpen = true;
      const second = await start(agent, script, budget, fabric);
      await using _ = second.mesh;
      expect(await second.mesh.execute("clerk", { id: "t1", task: "x" })).toMatchObject({ output: "Short." });
      expect(second.requests).toEqual([]);
      const { modelCalls } = await second.mesh.budget({ name: "mesh" });
      expect(modelCalls).toMatchObject({ spent: where === "handler" ? 1 : 2, reserved: 0 });
    },
  );

  it("by an actor, outside of tasks, is in the budgets of its agent and the mesh", async () => {
    const agent = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      budget: { modelCalls: 1 },
      setup: async ({ memory }) => {
        await memory.longTerm.compress([LONG], { as: "report", maxTokens: 50, model: scripted(["Short."]) });
      },
      handle: async (_message, { memory }) => {
        const options = { as: "other", maxTokens: 50, model: scripted(["Never."]) };
        return memory.longTerm.compress(["other", LONG], options).catch((thrown: unknown) => String(thrown));
      },
    });
    const { mesh } = await start(agent, []);
    await using _ = mesh;
    expect(await mesh.ask("clerk", "x")).toMatch(
      /BudgetError: .*budget "agent:clerk" has 0 model calls left/,
    );
    expect((await mesh.budget({ name: "agent:clerk" })).modelCalls).toMatchObject({ spent: 1, reserved: 0 });
    expect(await mesh.fabric.keyValue.keys("budgets")).toEqual(["test.agent.clerk"]);
  });
});
