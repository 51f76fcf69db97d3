import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, ModelError, type AgentDefinition, type Budget } from "fettle";
import { createSandbox } from "fettle/sandbox";
import {
  createMemoryFabric,
  createScriptedModel,
  TestMesh,
  type Script,
  type ScriptedAnswer,
  type TestMeshOptions,
} from "fettle/testing";
import { replayTask } from "#actors/replay";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const tokens = { input: 700, output: 300, cacheRead: 0, cacheWrite: 0 };
const coding = { role: "coder", capabilities: ["x"], systemPrompt: "You compute." } as const;
const coder = defineAgent(coding);

interface Options extends TestMeshOptions {
  readonly costUsd?: number | null;
}

async function start(agent: AgentDefinition, script: Script, { costUsd = 0.01, ...options }: Options = {}) {
  const model = createScriptedModel(script, { answer: { tokens, costUsd } });
  const mesh = await new TestMesh({ sandbox, model, ...options }).add(agent).start();
  return { mesh, requests: model.requests };
}

const tick = defineTool({
  description: "Ticks.",
  input: z.object({}).optional(),
  execute: () => "tick",
});
const ticking = defineAgent({ ...coding, tools: { tick } });
const ticks = (count: number) => `for (let i = 0; i < ${count}; i += 1) await tools.tick(); result = 1;`;

describe("a budget that a call would go over", () => {
  it.each<[string, Budget, RegExp]>([
    ["tokens", { tokens: 1000 }, /budget "task:t1" has 1000 tokens left/],
    ["usd", { usd: 0.005 }, /budget "task:t1" has 0.005 USD left/],
    ["modelCalls", { modelCalls: 0 }, /budget "task:t1" has 0 model calls left/],
    ["wallMs", { wallMs: 0 }, /budget "task:t1" has 0 ms left/],
  ])("of %s ends the task before the model is asked", async (_measure, budget, message) => {
    const { mesh, requests } = await start(coder, ["result = 1"]);
    await using _ = mesh;
    const result = await mesh.execute(coder, { id: "t1", task: "x", budget });
    expect(result).toMatchObject({ status: "failure", error: { name: "BudgetError", category: "budget" } });
    expect(result.error?.message).toMatch(message);
    expect(requests).toEqual([]);
  });

  it("of USD ends the task where nobody knows the price, and says so", async () => {
    const { mesh, requests } = await start(coder, ["result = 1"], { costUsd: null });
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", budget: { usd: 100, onExceeded: "ask" } });
    expect(result).toMatchObject({ status: "failure", error: { category: "budget" } });
    expect(result.error?.message).toContain("price of the model that would be asked is unknown");
    expect(requests).toEqual([]);
  });

  it("of tool calls ends the task in the midst of its run, and the call is not made", async () => {
    const { mesh, requests } = await start(ticking, [ticks(3)]);
    await using _ = mesh;
    const events: string[] = [];
    const result = await mesh.execute(
      ticking,
      { id: "t1", task: "x", budget: { toolCalls: 2 } },
      { onEvent: (event) => event.type === "tool" && events.push(event.phase) },
    );
    expect(result).toMatchObject({ status: "failure", error: { category: "budget" } });
    expect(result.error?.message).toContain('budget "task:t1" has 0 tool calls left');
    expect(events).toEqual(["called", "returned", "called", "returned"]);
    expect(requests).toHaveLength(1);
  });

  it("of tool calls lets the calls that are under way end, and cannot be caught by the code", async () => {
    const ends: string[] = [];
    let began: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (began = resolve));
    const slow = defineTool({
      description: "Slow.",
      input: z.object({}).optional(),
      execute: async (_, { signal }) => {
        await asked;
        ends.push(signal.aborted ? "aborted" : "done");
      },
    });
    const agent = defineAgent({ ...coding, tools: { tick, slow } });
    const code = "await Promise.allSettled([tools.slow(), tools.tick()]); result = 'caught';";
    const { mesh } = await start(agent, [code]);
    await using _ = mesh;
    const running = mesh.execute(agent, { task: "x", budget: { toolCalls: 1 } });
    began();
    expect(await running).toMatchObject({ status: "failure", error: { category: "budget" } });
    expect(ends).toEqual(["done"]);
  });

  it.each<[string, ScriptedAnswer, Partial<Budget>]>([
    ["model call", { text: "result = 1", delayMs: 60_000 }, {}],
    ["last model call", { text: "result = 1", delayMs: 60_000 }, { onExceeded: "cheaper" }],
    ["run", { text: "```js\nwhile (true);\n```" }, {}],
  ])("of wall time ends the %s that it cut short, and the task by its name", async (_what, answer, more) => {
    // Played again, a run that was cut short ends at its own limit.
    const agent = defineAgent({ ...coding, maxRepairs: 0, limits: { cpuMs: 2000 } });
    const { mesh, requests } = await start(agent, [answer], { models: { fast: "small" } });
    await using _ = mesh;
    const result = await mesh.execute(agent, { id: "t1", task: "x", budget: { wallMs: 300, ...more } });
    expect(result).toMatchObject({ status: "failure", error: { name: "BudgetError", category: "budget" } });
    expect(result.error?.message).toMatch(/budget "task:t1" had \d+ ms left for it, they are over/);
    expect(requests).toHaveLength(1);
    const tasks = new TaskList(mesh.fabric.ledger, { subjects: createSubjects("test") });
    expect(await replayTask(await tasks.read("t1"), sandbox)).toMatchObject({ verdict: "same" });
  });

  it("of wall time does not take a model's own failure for its own", async () => {
    const { mesh } = await start(coder, [
      new ModelError("overloaded", { provider: "x", failure: "timeout" }),
    ]);
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", budget: { wallMs: 60_000 } });
    expect(result).toMatchObject({ error: { message: "overloaded", category: "model" } });
  });

  it("is checked as it is given", async () => {
    const { mesh } = await start(coder, []);
    await using _ = mesh;
    const budget = { calls: 1 } as Budget;
    await expect(mesh.execute(coder, { task: "x", budget })).rejects.toThrow(/unknown budget option "calls"/);
  });
});

describe("budgets", () => {
  it("of an agent and of a mesh hold for all their tasks together, and are told", async () => {
    const agent = defineAgent({ ...coding, budget: { modelCalls: 3 } });
    const { mesh } = await start(agent, () => "result = 1", { budget: { usd: 0.035 } });
    await using _ = mesh;
    for (const id of ["a", "b", "c"]) {
      expect(await mesh.execute(agent, { id, task: "x" })).toMatchObject({ status: "success" });
    }
    const result = await mesh.execute(agent, { id: "d", task: "x" });
    expect(result.error?.message).toContain('budget "agent:coder"');
    const status = await mesh.budget({ name: "mesh", budget: { usd: 0.035 } });
    expect(status.usd).toEqual({ limit: 0.035, spent: 0.03, reserved: 0, left: 0.005 });
    expect(status.modelCalls).toMatchObject({ spent: 3, limit: null });
    await mesh.raiseBudget("agent:coder", { modelCalls: 5 });
    const after = await mesh.execute(agent, { id: "e", task: "x" });
    expect(after.error?.message).toContain('budget "mesh"');
    await mesh.raiseBudget("mesh", { usd: 1 }, { id: "once" });
    await mesh.raiseBudget("mesh", { usd: 1 }, { id: "once" });
    expect(await mesh.execute(agent, { id: "f", task: "x" })).toMatchObject({ status: "success" });
    expect((await mesh.budget({ name: "mesh", budget: { usd: 0.035 } })).usd.limit).toBe(1.035);
  });

  it("of a workflow hold for all its steps together", async () => {
    const { mesh } = await start(coder, () => "result = 1");
    await using _ = mesh;
    const steps = ["a", "b", "c"].map((id) => ({ id, agent: "coder", task: id }));
    const { steps: ended } = await mesh.workflow("w1", steps, { budget: { modelCalls: 2 } });
    const ends = ended.map(({ status }) => status);
    expect(ends.sort()).toEqual(["failure", "success", "success"]);
    const failed = ended.find(({ status }) => status === "failure");
    expect(failed?.error?.message).toContain('budget "workflow:w1"');
  });

  it("are never overspent by many tasks at once", async () => {
    const { mesh, requests } = await start(coder, () => "result = 1", { budget: { modelCalls: 17 } });
    await using _ = mesh;
    const all = Array.from({ length: 50 }, (_one, index) => mesh.execute(coder, `task ${index}`));
    const results = await Promise.all(all);
    expect(results.filter(({ status }) => status === "success")).toHaveLength(17);
    expect(results.filter(({ error }) => error?.category === "budget")).toHaveLength(33);
    expect(requests).toHaveLength(17);
    const { modelCalls } = await mesh.budget({ name: "mesh", budget: { modelCalls: 17 } });
    expect(modelCalls).toEqual({ limit: 17, spent: 17, reserved: 0, left: 0 });
  });

  it.each<Budget>([
    { tokens: 20_000 },
    { tokens: 20_000, onExceeded: "ask" },
    { tokens: 20_000, onExceeded: "cheaper" },
    { usd: 0.105, modelCalls: 10 },
    { wallMs: 60_000 },
  ])("of %j let tasks wait for what others hold and will not use", async (budget) => {
    const { mesh, requests } = await start(coder, () => ({ text: "result = 1", delayMs: 2 }), { budget });
    await using _ = mesh;
    // Ten calls cost 10,000 tokens and 0.10 USD; each is reserved with more than 8,000, and with five minutes.
    const all = Array.from({ length: 10 }, (_one, index) => mesh.execute(coder, `task ${index}`));
    const results = await Promise.all(all);
    expect(results.map(({ status, error }) => error?.message ?? status)).toEqual(all.map(() => "success"));
    expect(requests).toHaveLength(10);
    const status = await mesh.budget({ name: "mesh", budget });
    expect(status.tokens).toMatchObject({ spent: 10_000, reserved: 0 });
  });

  it("let a task be cancelled while it waits for what others hold", async () => {
    let answer: (text: string) => void = () => undefined;
    const slow = new Promise<string>((resolve) => (answer = resolve));
    const { mesh, requests } = await start(coder, () => slow, { budget: { modelCalls: 1 } });
    await using _ = mesh;
    const first = mesh.execute(coder, "one");
    const asked = new Promise<void>((resolve) => {
      mesh.subscribe((event) => {
        if (event.type === "state" && event.taskId === "two" && event.state === "generating") resolve();
      });
    });
    const second = mesh.execute(coder, { id: "two", task: "x" });
    await asked;
    expect(await mesh.cancel("two")).toMatchObject({ status: "cancelled" });
    expect(await second).toMatchObject({ status: "cancelled", error: { category: "cancelled" } });
    answer("result = 1");
    expect(await first).toMatchObject({ status: "success" });
    expect(requests).toHaveLength(1);
    const { modelCalls } = await mesh.budget({ name: "mesh", budget: { modelCalls: 1 } });
    expect(modelCalls).toMatchObject({ spent: 1, reserved: 0 });
  });

  it("get back what a failed model call had reserved", async () => {
    const { mesh } = await start(coder, [new Error("down"), "result = 1"], { budget: { modelCalls: 1 } });
    await using _ = mesh;
    expect(await mesh.execute(coder, "x")).toMatchObject({ error: { category: "model" } });
    expect(await mesh.execute(coder, "x")).toMatchObject({ status: "success" });
  });

  it("count the runs of code that failed, and what choosing a profile cost", async () => {
    const auto = defineAgent({ ...coding, profile: "auto", routing: { model: true } });
    const budget = { modelCalls: 9, wallMs: 600_000 };
    const { mesh } = await start(
      auto,
      ['{"profile": "coder", "confidence": 1}', "throw new Error('no')", "result = 1"],
      { budget },
    );
    await using _ = mesh;
    await mesh.execute(auto, "Hello?");
    const { modelCalls, tokens: counted, wallMs } = await mesh.budget({ name: "mesh", budget });
    expect(modelCalls.spent).toBe(3);
    expect(counted.spent).toBe(3000);
    expect(wallMs.reserved).toBe(0);
    expect(wallMs.spent).toBeGreaterThan(0);
  });

  it("keep what was spent over a restart, and book a recorded answer once", async () => {
    await using fabric = createMemoryFabric();
    let isOpen = false;
    const gate = defineTool({
      description: "Waits.",
      input: z.object({}).optional(),
      execute: () => (isOpen ? 1 : new Promise<number>(() => undefined)),
    });
    const agent = defineAgent({ ...coding, tools: { gate } });
    const budget = { modelCalls: 2, toolCalls: 5 };
    const script = () => "await tools.gate(); result = 1";
    const first = await start(agent, script, { fabric, budget });
    const called = new Promise<void>((resolve) => {
      first.mesh.subscribe((event) => event.type === "tool" && resolve());
    });
    first.mesh.execute(agent, { id: "t1", task: "x" }).catch(() => undefined);
    await called;
    await first.mesh.stop({ mode: "suspend" });
    isOpen = true;
    const { mesh } = await start(agent, script, { fabric, budget });
    await using _ = mesh;
    expect(await mesh.execute(agent, { id: "t1", task: "x" })).toMatchObject({ status: "success" });
    const status = await mesh.budget({ name: "mesh", budget });
    expect(status.modelCalls).toMatchObject({ spent: 1, reserved: 0 });
    expect(status.toolCalls).toMatchObject({ spent: 1, reserved: 0 });
    expect(await mesh.execute(agent, { id: "t2", task: "x" })).toMatchObject({ status: "success" });
    expect(await mesh.execute(agent, { id: "t3", task: "x" })).toMatchObject({
      error: { category: "budget" },
    });
  });
});

describe("a budget that asks", () => {
  const asking = (budget: Budget): Budget => ({ ...budget, onExceeded: "ask" });

  it("waits for a person, is raised by what was allowed, and goes on where it was", async () => {
    const { mesh, requests } = await start(ticking, [ticks(3)]);
    await using _ = mesh;
    const asked: unknown[] = [];
    mesh.subscribe((event) => {
      if (event.type !== "approval") return;
      asked.push(event.subject);
      void mesh.approve(event.approvalId, { by: "ann" });
    });
    const phases: string[] = [];
    const result = await mesh.execute(
      ticking,
      { id: "t1", task: "x", budget: asking({ modelCalls: 0, toolCalls: 2 }) },
      { onEvent: (event) => event.type === "tool" && phases.push(event.phase) },
    );
    expect(result).toMatchObject({ status: "success", output: 1, repairs: 0 });
    expect(asked).toMatchObject([
      { type: "budget", budget: "task:t1", measure: "modelCalls", wanted: 1 },
      { type: "budget", budget: "task:t1", measure: "toolCalls", wanted: 1 },
    ]);
    expect(requests).toHaveLength(1);
    expect(phases.filter((phase) => phase === "called")).toHaveLength(3);
    expect(await mesh.pending()).toEqual([]);
  });

  it.each([
    ["model call", 60_000, 2, ["asked", "asked", "called"]],
    ["run", 0, 1, ["asked", "called", "called"]],
  ])(
    "waits where it cut a %s short, and makes it again with what was allowed",
    async (what, delayMs, output, done) => {
      const calls: string[] = [];
      const slow = defineTool({
        description: "Is slow at first.",
        input: z.object({}).optional(),
        execute: () => {
          calls.push("called");
          return what === "run" && calls.length === 2 ? new Promise<number>(() => undefined) : output;
        },
      });
      const agent = defineAgent({ ...coding, tools: { slow } });
      const script: Script = () => {
        calls.push("asked");
        return { text: "result = await tools.slow()", delayMs: calls.length === 1 ? delayMs : 0 };
      };
      await using fabric = createMemoryFabric();
      const { mesh } = await start(agent, script, { fabric });
      await using _ = mesh;
      const subjects: unknown[] = [];
      mesh.subscribe((event) => {
        if (event.type !== "approval") return;
        subjects.push(event.subject);
        void mesh.approve(event.approvalId);
      });
      const result = await mesh.execute(agent, { id: "t1", task: "x", budget: asking({ wallMs: 300 }) });
      expect(result).toMatchObject({ status: "success", output, repairs: 0 });
      expect(subjects).toMatchObject([{ budget: "task:t1", measure: "wallMs", wanted: 300_000 }]);
      expect(calls).toEqual(done);
      const tasks = new TaskList(fabric.ledger, { subjects: createSubjects("test") });
      expect(await replayTask(await tasks.read("t1"), sandbox)).toMatchObject({ verdict: "same" });
    },
  );

  it("ends the task with the reason where it is refused", async () => {
    const { mesh, requests } = await start(coder, []);
    await using _ = mesh;
    mesh.subscribe((event) => {
      if (event.type === "approval") void mesh.reject(event.approvalId, { by: "ann", note: "too dear" });
    });
    const result = await mesh.execute(coder, { id: "t1", task: "x", budget: asking({ modelCalls: 0 }) });
    expect(result).toMatchObject({ status: "failure", error: { category: "approval" } });
    expect(result.error?.message).toContain("too dear");
    expect(result.error?.message).toContain("task:t1");
    expect(requests).toEqual([]);
  });

  it("ends the task where nobody answers in time", async () => {
    const agent = defineAgent({ ...coding, approvalTimeoutMs: 10 });
    const { mesh } = await start(agent, []);
    await using _ = mesh;
    const result = await mesh.execute(agent, { task: "x", budget: asking({ modelCalls: 0 }) });
    expect(result).toMatchObject({ error: { name: "ApprovalExpiredError", category: "approval" } });
  });

  it("does not take its answer for that of another approval after a restart", async () => {
    await using fabric = createMemoryFabric();
    const agent = defineAgent({ ...coding, approval: "code" });
    const budget = asking({ modelCalls: 0 });
    const first = await start(agent, ["result = 1"], { fabric });
    const asked: string[] = [];
    const codeAsked = new Promise<void>((resolve) => {
      first.mesh.subscribe((event) => {
        if (event.type !== "approval") return;
        asked.push(`${event.approvalId} ${event.subject.type}`);
        if (event.subject.type === "code") resolve();
        else void first.mesh.approve(event.approvalId);
      });
    });
    first.mesh.execute(agent, { id: "t1", task: "x", budget }).catch(() => undefined);
    await codeAsked;
    expect(asked).toEqual(["t1-a1 budget", "t1-a2 code"]);
    await first.mesh.stop({ mode: "suspend" });

    const second = await start(agent, [], { fabric });
    await using _ = second.mesh;
    const states: string[] = [];
    const running = second.mesh.execute(
      agent,
      { id: "t1", task: "x", budget },
      { onEvent: (event) => event.type === "state" && states.push(event.state) },
    );
    await new Promise<void>((resolve) => {
      second.mesh.subscribe((event) => {
        if (event.type === "approval" && event.subject.type === "code") resolve();
      });
    });
    expect(await second.mesh.pending()).toMatchObject([{ approvalId: "t1-a2", subject: { type: "code" } }]);
    expect(states).not.toContain("executing");
    await second.mesh.approve("t1-a2");
    expect(await running).toMatchObject({ status: "success", output: 1 });
  });
});

describe("a budget that is to be kept by a cheaper model", () => {
  const usd = (request: { readonly model?: string | undefined }) => (request.model === "small" ? 0.001 : 1);

  /** A model with two prices. */
  function priced(script: Script) {
    const scripted = createScriptedModel(script, { answer: { tokens } });
    return {
      ...scripted,
      costOf: (_: unknown, model?: string) => usd({ model }),
      ask: async (...args: Parameters<typeof scripted.ask>) => {
        const answer = await scripted.ask(...args);
        return { ...answer, costUsd: usd(args[0]) };
      },
    };
  }

  it("asks that where the usual one would go over it", async () => {
    const model = priced(() => "result = 1");
    const mesh = await new TestMesh({ sandbox, model, models: { fast: "small" } }).add(coder).start();
    await using _ = mesh;
    const budget: Budget = { usd: 1.5, onExceeded: "cheaper" };
    const agent = { id: "t1", task: "x", budget };
    const failing = priced((request) => (request.purpose === "repair" ? "result = 1" : "never"));
    expect(await mesh.execute(coder, agent)).toMatchObject({ status: "success", costUsd: 1 });
    const other = await new TestMesh({ sandbox, model: failing, models: { fast: "small" } })
      .add(coder)
      .start();
    await using __ = other;
    expect(await other.execute(coder, agent)).toMatchObject({
      status: "success",
      repairs: 1,
      costUsd: 1.001,
    });
    expect(failing.requests.map((request) => request.model)).toEqual([undefined, "small"]);
  });

  it("ends the task where no cheaper model is named, and says how to name one", async () => {
    const model = priced(() => "result = 1");
    const mesh = await new TestMesh({ sandbox, model }).add(coder).start();
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", budget: { usd: 0.5, onExceeded: "cheaper" } });
    expect(result).toMatchObject({ status: "failure", error: { name: "BudgetError", category: "budget" } });
    expect(result.error?.message).toContain("FETTLE_MODEL_FAST");
    expect(model.requests).toEqual([]);
  });

  it("ends the task where the cheaper one would go over it too", async () => {
    const model = priced(() => "result = 1");
    const mesh = await new TestMesh({ sandbox, model, models: { fast: "small" } }).add(coder).start();
    await using _ = mesh;
    const result = await mesh.execute(coder, { task: "x", budget: { usd: 0.0001, onExceeded: "cheaper" } });
    expect(result).toMatchObject({ status: "failure", error: { category: "budget" } });
    expect(model.requests).toEqual([]);
  });
});
