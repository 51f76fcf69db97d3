import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type AgentDefinition } from "fettle";
import { createSandbox } from "fettle/sandbox";
import {
  createMemoryFabric,
  createScriptedModel,
  TestMesh,
  type Script,
  type TestMeshOptions,
} from "fettle/testing";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const SUM = "result = context.prices.reduce((sum, price) => sum + price, 0)";
const PRICES = [[3, 4], [5.5], [12, 9, 7], [8, 8], [31, 40]];
const task = "Sum the prices.";

const adding = {
  role: "adder",
  capabilities: ["x"],
  systemPrompt: "You add.",
  reuse: "exact",
} as const;
const adder = defineAgent(adding);

async function start(agent: AgentDefinition, script: Script, options: TestMeshOptions = {}) {
  const answer = { tokens: { input: 5, output: 5, cacheRead: 0, cacheWrite: 0 }, costUsd: 0.01 };
  const model = createScriptedModel(script, { answer });
  const mesh = await new TestMesh({ sandbox, model, ...options }).add(agent).start();
  return { mesh, requests: model.requests };
}

/** Has the agent's code work five times. */
async function prove(mesh: TestMesh, agent: AgentDefinition = adder) {
  for (const prices of PRICES) await mesh.execute(agent, { task, context: { prices } });
}

describe("code that has worked five times", () => {
  it("does the same task for other data without a model, and the result says so", async () => {
    const { mesh, requests } = await start(adder, () => SUM);
    await using _ = mesh;
    await prove(mesh);
    expect(requests).toHaveLength(5);
    const result = await mesh.execute(adder, { task, context: { prices: [250, 199] } });
    const [entry] = await mesh.registry.find({ role: "adder" });
    expect(result).toMatchObject({
      status: "success",
      output: 449,
      code: SUM,
      reused: true,
      functionId: entry?.functionId,
      tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
      costUsd: 0,
      repairs: 0,
      replayed: false,
    });
    expect(requests).toHaveLength(5);
    expect(entry?.versions[0]).toMatchObject({ successes: 6 });
  });

  it("runs in other states than code that a model writes", async () => {
    const { mesh } = await start(adder, () => SUM);
    await using _ = mesh;
    await prove(mesh);
    const states: string[] = [];
    await mesh.execute(
      adder,
      { task, context: { prices: [1, 2] } },
      { onEvent: (event) => event.type === "state" && states.push(event.state) },
    );
    expect(states).toEqual(["queued", "recalling", "executing", "settling", "done"]);
  });

  it.each([
    ["a context of another shape", { task, context: { prices: ["250"] } }],
    ["another task", { task: "Multiply the prices.", context: { prices: [2, 3] } }],
  ])("is not used for %s", async (_what, other) => {
    const { mesh, requests } = await start(adder, () => SUM);
    await using _ = mesh;
    await prove(mesh);
    expect(await mesh.execute(adder, other)).toMatchObject({ reused: false });
    expect(requests).toHaveLength(6);
  });

  it("is not used for an agent that is told something else", async () => {
    await using fabric = createMemoryFabric();
    const first = await start(adder, () => SUM, { fabric });
    await prove(first.mesh);
    await first.mesh.stop();
    const other = defineAgent({ ...adding, systemPrompt: "You add, and round." });
    const { mesh } = await start(other, () => "result = 1 + 1", { fabric });
    await using _ = mesh;
    const result = await mesh.execute(other, { task, context: { prices: [250, 199] } });
    expect(result).toMatchObject({ reused: false, output: 2 });
  });

  it("is not used where it holds a value of an earlier run", async () => {
    const tainted = 'result = context.prices.length === 1 ? "one" : context.prices[0] === 5.5';
    const { mesh, requests } = await start(adder, () => tainted);
    await using _ = mesh;
    await prove(mesh);
    const [entry] = await mesh.registry.find({ role: "adder" });
    expect(entry?.versions[0]?.taint).toContain("5.5");
    expect(await mesh.execute(adder, { task, context: { prices: [250, 199] } })).toMatchObject({
      reused: false,
    });
    expect(requests).toHaveLength(6);
  });

  it("is not used where its agent does not opt in", async () => {
    const offering = defineAgent({ role: "adder", capabilities: ["x"], systemPrompt: "You add." });
    const { mesh, requests } = await start(offering, () => SUM);
    await using _ = mesh;
    await prove(mesh, offering);
    await mesh.execute(offering, { task, context: { prices: [250, 199] } });
    expect(requests).toHaveLength(6);
  });

  it("of an agent with tools is used where it holds nothing that they returned", async () => {
    const rate = defineTool({
      description: "A rate.",
      input: z.object({}).optional(),
      execute: () => 1234.5,
    });
    const agent = defineAgent({ ...adding, tools: { rate } });
    const code = `${SUM} * await tools.rate()`;
    const { mesh, requests } = await start(agent, () => code);
    await using _ = mesh;
    await prove(mesh, agent);
    const result = await mesh.execute(agent, { task, context: { prices: [2, 3] } });
    expect(result).toMatchObject({ reused: true, output: 5 * 1234.5 });
    expect(requests).toHaveLength(5);
  });

  it("goes back to a model where it fails, loses trust, and what mends it is not called used again", async () => {
    const first = "if (context.prices.includes(0)) throw new Error('bad price'); " + SUM;
    const { mesh, requests } = await start(adder, ({ purpose }) => (purpose === "repair" ? SUM : first));
    await using _ = mesh;
    await prove(mesh);
    const result = await mesh.execute(adder, { task, context: { prices: [1, 0, 9] } });
    expect(result).toMatchObject({ status: "success", output: 10, reused: false, repairs: 1, code: SUM });
    expect(result.attempts[0]?.model).toMatch(/^registry\//);
    expect(requests.at(-1)).toMatchObject({ purpose: "repair" });
    expect(requests.at(-1)?.messages[1]?.content).toContain("bad price");
    const [entry] = await mesh.registry.find({ role: "adder" });
    expect(entry?.versions.map(({ stage, failures }) => [stage, failures])).toEqual([
      ["verified", 0],
      ["verified", 1],
    ]);
    const after = await mesh.execute(adder, { task, context: { prices: [5, 6] } });
    expect(after).toMatchObject({ reused: false });
  });

  it("goes back to a model once where its agent allows no repair", async () => {
    const strict = defineAgent({ ...adding, maxRepairs: 0 });
    const first = "if (context.prices.includes(0)) throw new Error('bad price'); " + SUM;
    const { mesh } = await start(strict, ({ purpose }) => (purpose === "repair" ? "result = never" : first));
    await using _ = mesh;
    await prove(mesh, strict);
    const result = await mesh.execute(strict, { task, context: { prices: [1, 0, 9] } });
    expect(result).toMatchObject({ status: "failure", reused: false, repairs: 1 });
    expect(result.attempts).toHaveLength(2);
  });

  it("waits to be allowed like any other code where its agent says so", async () => {
    const careful = defineAgent({ ...adding, approval: "code" });
    const { mesh } = await start(careful, () => SUM);
    await using _ = mesh;
    const asked: string[] = [];
    mesh.subscribe((event) => {
      if (event.type !== "approval") return;
      asked.push(event.approvalId);
      void mesh.approve(event.approvalId);
    });
    await prove(mesh, careful);
    const result = await mesh.execute(careful, { id: "t6", task, context: { prices: [250, 199] } });
    expect(result).toMatchObject({ output: 449, reused: true });
    expect(asked).toHaveLength(6);
  });

  it("is used after a restart between finding and running it, also where it lost its trust meanwhile", async () => {
    await using fabric = createMemoryFabric();
    let isOpen = false;
    const opened: (() => void)[] = [];
    const gate = defineTool({
      description: "Waits.",
      input: z.object({}).optional(),
      execute: () => (isOpen ? 0 : new Promise<number>((resolve) => opened.push(() => resolve(0)))),
    });
    const agent = defineAgent({ ...adding, tools: { gate } });
    const code = `await tools.gate(); ${SUM}`;
    isOpen = true;
    const first = await start(agent, () => code, { fabric });
    await prove(first.mesh, agent);
    isOpen = false;
    const called = new Promise<void>((resolve) => {
      first.mesh.subscribe((event) => event.type === "tool" && resolve());
    });
    const given = { id: "t1", task, context: { prices: [250, 199] } };
    first.mesh.execute(agent, given).catch(() => undefined);
    await called;
    await first.mesh.stop({ mode: "suspend" });
    isOpen = true;
    await first.mesh.registry.recordFailure({ role: "adder", task, code });
    const { mesh, requests } = await start(agent, [], { fabric });
    await using _ = mesh;
    expect(await mesh.execute(agent, given)).toMatchObject({ output: 449, reused: true });
    expect(requests).toEqual([]);
  });
});

describe("code of like tasks", () => {
  const offering = { role: "adder", capabilities: ["x"], systemPrompt: "You add." } as const;
  const like = { task: "Sum the prices by month.", context: { prices: [1, 2] } };

  it("is shown to the model as a reference, in the repair as in the first draft", async () => {
    const agent = defineAgent(offering);
    const { mesh, requests } = await start(agent, (_request, index) => (index === 1 ? "never" : SUM));
    await using _ = mesh;
    await mesh.execute(agent, { task, context: { prices: [3, 4] } });
    await mesh.execute(agent, like);
    expect(requests[1]?.messages[0]?.content).toContain(`It solved: ${task}`);
    expect(requests[1]?.messages[0]?.content).toContain(SUM);
    expect(requests[2]?.messages[0]).toEqual(requests[1]?.messages[0]);
  });

  it("is the same after a restart, whatever has worked meanwhile", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent(offering);
    const given = { id: "t1", ...like };
    const slow: Script = (_request, index) => ({ text: SUM, delayMs: index === 1 ? 60_000 : 0 });
    const first = await start(agent, slow, { fabric });
    await first.mesh.execute(agent, { task, context: { prices: [3, 4] } });
    first.mesh.execute(agent, given).catch(() => undefined);
    await expect.poll(() => first.requests).toHaveLength(2);
    await first.mesh.stop({ mode: "suspend" });
    const other = { role: "adder", task: "Sum the prices by the month.", code: `${SUM} + 0`, output: 9 };
    await first.mesh.registry.recordSuccess({ ...other, context: { prices: [4, 5] }, toolReturns: [] });
    const found = await first.mesh.registry.findNear({ role: "adder", task: like.task });
    expect(found.map((one) => one.task)).toContain(other.task);
    const { mesh, requests } = await start(agent, () => SUM, { fabric });
    await using _ = mesh;
    await mesh.execute(agent, given);
    expect(requests[0]?.messages).toEqual(first.requests[1]?.messages);
  });

  it("is not shown where the agent wants none", async () => {
    const agent = defineAgent({ ...offering, reuse: "off" });
    const { mesh, requests } = await start(agent, () => SUM);
    await using _ = mesh;
    await mesh.execute(agent, { task, context: { prices: [3, 4] } });
    await mesh.execute(agent, like);
    expect(requests[1]?.messages[0]?.content).not.toContain("For reference");
  });

  it("is not shown to a model that plays a recording, which would not know the request again", async () => {
    const agent = defineAgent(offering);
    const recorded = { ...createScriptedModel(() => SUM), isRecorded: true };
    const mesh = await new TestMesh({ sandbox, model: recorded }).add(agent).start();
    await using _ = mesh;
    await mesh.execute(agent, { task, context: { prices: [3, 4] } });
    await mesh.execute(agent, like);
    expect(recorded.requests[1]?.messages[0]?.content).not.toContain("For reference");
  });

  it("is not shown to who writes prose", async () => {
    const agent = defineAgent(offering);
    const { mesh, requests } = await start(agent, (_request, index) => (index === 0 ? SUM : "Dear all"));
    await using _ = mesh;
    await mesh.execute(agent, { task, context: { prices: [3, 4] } });
    await mesh.execute(agent, { ...like, profile: "communicator" });
    expect(requests[1]?.messages[0]?.content).not.toContain("For reference");
  });
});
