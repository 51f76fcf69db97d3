// Tasks from a program's side: the real charts, sandbox, repair and stores; only the model is scripted.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type TaskEvent } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createScriptedModel, TestMesh, type TestMeshOptions } from "fettle/testing";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

const calculator = defineAgent({ role: "calculator", capabilities: ["math"], systemPrompt: "Compute." });
const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;

async function startMesh(options: TestMeshOptions, ...agents: readonly Parameters<TestMesh["add"]>[0][]) {
  const mesh = new TestMesh({ sandbox, ...options });
  for (const agent of agents.length === 0 ? [calculator] : agents) mesh.add(agent);
  return mesh.start();
}

describe("a task", () => {
  it("becomes working code and its result", async () => {
    const tokens = { input: 100, output: 20, cacheRead: 50, cacheWrite: 0 };
    const model = [
      {
        text: fenced("result = [...Array(10).keys()].reduce((p, i) => p * (i + 1), 1)"),
        tokens,
        costUsd: 0.01,
      },
    ];
    await using mesh = await startMesh({ model });
    const result = await mesh.execute("calculator", "Calculate the factorial of 10");
    expect(result).toMatchObject({
      status: "success",
      output: 3628800,
      repairs: 0,
      error: null,
      role: "calculator",
      tokens,
      costUsd: 0.01,
      model: "scripted/script",
      replayed: false,
    });
    expect(result.code).toContain("reduce");
    expect(result.executionTime).toBeGreaterThan(0);
    expect(result.attempts).toHaveLength(1);
  });

  it("is repaired until its code works; the code returned is the code that worked", async () => {
    const model = createScriptedModel([
      fenced("console.log('looking');\nconst value = context.missing.value;\nresult = value;"),
      fenced("result = ;"),
      fenced("result = context.present"),
    ]);
    await using mesh = await startMesh({ model });
    const result = await mesh.execute("calculator", { task: "Give the value", context: { present: 7 } });
    expect(result).toMatchObject({
      status: "success",
      output: 7,
      repairs: 2,
      code: "result = context.present",
    });
    expect(result.attempts.map(({ error }) => error?.category ?? null)).toEqual(["runtime", "syntax", null]);
    expect(result.attempts[0]?.error).toMatchObject({ name: "TypeError", line: 2 });
    expect(result.attempts[0]?.console).toEqual([{ level: "log", text: "looking" }]);

    const repair = model.requests[1];
    expect(repair?.purpose).toBe("repair");
    const last = repair?.messages.at(-1)?.content ?? "";
    expect(last).toMatch(/Try 1 failed \(line 2, column \d+\): TypeError/);
    expect(last).toContain("const value = context.missing.value;");
    expect(last).toContain("[log] looking");
    expect(model.requests[2]?.messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
      "user",
    ]);
    expect(new Set(model.requests.map(({ system }) => system)).size).toBe(1);
  });

  it("is never a success when its code never works", async () => {
    await using mesh = await startMesh({ model: () => fenced("throw new RangeError('no')"), maxRepairs: 2 });
    const result = await mesh.execute("calculator", "fail");
    expect(result).toMatchObject({
      status: "failure",
      output: null,
      repairs: 2,
      functionId: null,
      error: { name: "RangeError", message: "no", category: "runtime" },
    });
    expect(result.attempts).toHaveLength(3);
  });

  it("counts code that never assigns a result as a failure", async () => {
    await using mesh = await startMesh({ model: () => fenced("const answer = 42;"), maxRepairs: 0 });
    const result = await mesh.execute("calculator", "forget");
    expect(result).toMatchObject({ status: "failure", error: { category: "no-result" } });
  });

  it("repairs an output that does not fit the schema, saying what is wrong", async () => {
    const agent = defineAgent({
      role: "counter",
      capabilities: ["count"],
      systemPrompt: "Count.",
      output: z.object({ total: z.number() }),
    });
    const model = createScriptedModel([
      fenced("result = { total: 'three' }"),
      fenced("result = { total: 3 }"),
    ]);
    await using mesh = await startMesh({ model }, agent);
    const result = await mesh.execute(agent, "count to three");
    expect(result).toMatchObject({ status: "success", output: { total: 3 }, repairs: 1 });
    expect(result.attempts[0]?.error?.category).toBe("output");
    expect(model.requests[1]?.messages.at(-1)?.content).toMatch(/total: .*number/);
    expect(model.requests[0]?.system).toContain("type Result = ");
  });

  it("repairs an answer that holds no code", async () => {
    const model = ["I am afraid I cannot see what you mean.", fenced("result = 'now I do'")];
    await using mesh = await startMesh({ model });
    const result = await mesh.execute("calculator", "try again");
    expect(result).toMatchObject({ status: "success", output: "now I do", repairs: 1 });
    expect(result.attempts[0]?.error?.category).toBe("no-code");
  });

  it("calls tools with context, in the first run and in repairs", async () => {
    const calls: unknown[] = [];
    const lookup = defineTool({
      description: "Finds a price.",
      input: z.object({ name: z.string() }),
      output: z.number(),
      execute: ({ name }, { taskId, callId }) => {
        calls.push({ name, taskId, callId });
        return name.length;
      },
    });
    const agent = defineAgent({
      role: "shop",
      capabilities: ["prices"],
      systemPrompt: "Sell.",
      tools: { shop: { lookup } },
    });
    const model = createScriptedModel([
      fenced("await shop.lookup({ name: 5 }); result = 1"),
      fenced("result = await Promise.all(context.names.map((name) => tools.shop.lookup({ name })))"),
    ]);
    await using mesh = await startMesh({ model }, agent);
    const task = { id: "prices-1", task: "Price all", context: { names: ["lamp", "desk lamp"] } };
    const result = await mesh.execute(agent, task);
    expect(result).toMatchObject({ status: "success", output: [4, 9], repairs: 1 });
    expect(calls).toEqual([
      { name: "lamp", taskId: "prices-1", callId: "prices-1-2:0" },
      { name: "desk lamp", taskId: "prices-1", callId: "prices-1-2:1" },
    ]);
    expect(model.requests[0]?.system).toMatch(/Finds a price\.[\s\S]*lookup\(/);
    expect(model.requests[0]?.messages[0]?.content).toContain("names: string[]");
    expect(model.requests[0]?.messages[0]?.content).not.toContain("desk lamp");
  });

  it("fails without a repair where no model answers, and says why", async () => {
    await using mesh = await startMesh({ model: [new Error("the line is dead")] });
    const result = await mesh.execute("calculator", "anything");
    expect(result).toMatchObject({ status: "failure", code: null, repairs: 0, error: { category: "model" } });
    expect(result.error?.message).toContain("the line is dead");
  });

  it("names the limit that its code hit, and repairs it", async () => {
    const agent = defineAgent({
      role: "looper",
      capabilities: ["loop"],
      systemPrompt: "Loop.",
      limits: { cpuMs: 100 },
    });
    await using mesh = await startMesh({ model: [fenced("for (;;);"), fenced("result = 'ended'")] }, agent);
    const result = await mesh.execute(agent, "loop");
    expect(result).toMatchObject({ status: "success", output: "ended", repairs: 1 });
    expect(result.attempts[0]?.error).toMatchObject({ category: "limit" });
    expect(result.attempts[0]?.error?.message).toContain("cpuMs");
  });

  it("ends at its deadline, whatever its code or model does", async () => {
    const agent = defineAgent({
      role: "sleeper",
      capabilities: ["sleep"],
      systemPrompt: "Sleep.",
      limits: { taskMs: 150 },
    });
    const code = fenced("await new Promise((resolve) => setTimeout(resolve, 60000)); result = 1");
    await using mesh = await startMesh({ model: () => code }, agent);
    const result = await mesh.execute(agent, "sleep");
    expect(result).toMatchObject({ status: "failure", error: { category: "timeout" } });
    expect(result.error?.message).toContain("EXECUTION_TIMEOUT");
  });

  it("can be cancelled while the model thinks: the call is aborted", async () => {
    let aborted = false;
    let heard: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (heard = resolve));
    const model = {
      name: "slow",
      ask: (_: unknown, call: { signal?: AbortSignal } = {}) =>
        new Promise<never>((_resolve, reject) => {
          heard();
          call.signal?.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          });
        }),
    };
    await using mesh = await startMesh({ model });
    const running = mesh.execute("calculator", { id: "slow-1", task: "think" });
    await asked;
    const result = await mesh.cancel("slow-1", "too slow");
    expect(result).toMatchObject({
      status: "cancelled",
      error: { message: "too slow", category: "cancelled" },
    });
    expect(await running).toEqual(result);
    expect(aborted).toBe(true);
  });

  it("can be cancelled in the very moment it is given, by id and by signal", async () => {
    await using mesh = await startMesh({ model: () => fenced("result = 1") });
    const running = mesh.execute("calculator", { id: "early", task: "x" });
    expect((await mesh.cancel("early", "changed my mind")).status).toBe("cancelled");
    expect((await running).error?.message).toBe("changed my mind");
    const aborted = await mesh.execute("calculator", "y", { signal: AbortSignal.abort() });
    expect(aborted.status).toBe("cancelled");
  });

  it("can be cancelled by a signal while its guest runs: the guest and its tools end", async () => {
    const controller = new AbortController();
    let resolve: (word: string) => void = () => undefined;
    const toolAborted = new Promise<string>((ready) => (resolve = ready));
    const wait = defineTool({
      description: "Waits for ever.",
      input: z.object({}),
      execute: (_, { signal }) => {
        signal.addEventListener("abort", () => resolve("aborted"));
        controller.abort();
        return new Promise<never>(() => undefined);
      },
    });
    const agent = defineAgent({
      role: "waiter",
      capabilities: ["wait"],
      systemPrompt: "Wait.",
      tools: { wait },
    });
    await using mesh = await startMesh({ model: () => fenced("result = await tools.wait({})") }, agent);
    const result = await mesh.execute(agent, "wait", { signal: controller.signal });
    expect(result.status).toBe("cancelled");
    expect(await toolAborted).toBe("aborted");
  });

  it("tells its listener of each state, the code, console output and tools as they come", async () => {
    const ping = defineTool({ description: "Pings.", input: z.object({}), execute: () => "pong" });
    const agent = defineAgent({
      role: "pinger",
      capabilities: ["ping"],
      systemPrompt: "Ping.",
      tools: { ping },
    });
    const code = "console.warn('hi');\nresult = await tools.ping({})";
    await using mesh = await startMesh(
      { model: [{ text: fenced(code), chunks: ["```js\n", code, "\n```"] }] },
      agent,
    );
    const events: TaskEvent[] = [];
    await mesh.execute(agent, { id: "p", task: "ping" }, { onEvent: (event) => events.push(event) });
    const seen = events.map((event) => (event.type === "state" ? event.state : event.type));
    expect(seen).toEqual([
      "queued",
      "generating",
      "text",
      "text",
      "text",
      "code",
      "executing",
      "console",
      "tool",
      "tool",
      "settling",
      "done",
    ]);
    expect(events.every(({ taskId, role }) => taskId === "p" && role === "pinger")).toBe(true);
  });

  it("is stored while it runs and when it has ended, with the value as it was", async () => {
    const agent = defineAgent({ role: "mapper", capabilities: ["map"], systemPrompt: "Map." });
    await using mesh = await startMesh(
      { model: () => fenced("result = new Map([['n', 12n], ['nan', NaN]])") },
      agent,
    );
    const stored: string[] = [];
    const result = await mesh.execute(agent, "map", {
      onEvent: (event) => {
        if (event.type === "state") stored.push(event.state);
      },
    });
    const kept = await mesh.results.read("mapper", result.resultId);
    expect(kept).toMatchObject({ status: "success", taskId: result.taskId, task: "map" });
    expect(kept).toHaveProperty(
      "output",
      new Map<string, unknown>([
        ["n", 12n],
        ["nan", NaN],
      ]),
    );
    expect(stored.at(-1)).toBe("done");
  });

  it("registers working code, verified by its first success and golden by its fifth", async () => {
    await using mesh = await startMesh({ model: () => fenced("result = 2") });
    const first = await mesh.execute("calculator", "one plus one");
    expect(first.functionId).not.toBeNull();
    const entry = await mesh.registry.get(first.functionId ?? "");
    expect(entry).toMatchObject({ stage: "verified", code: "result = 2" });
    for (let i = 0; i < 4; i++) await mesh.execute("calculator", "one plus  one");
    expect((await mesh.registry.get(first.functionId ?? ""))?.stage).toBe("golden");
  });

  it.each([
    ["an empty text", "  ", /has no text/],
    ["an object without a text", { context: {} }, /has no text/],
    ["an id that is no name", { id: "a b", task: "x" }, /task id "a b" is not valid/],
    ["an unknown option", { task: "x", contxt: {} }, /Unknown task option "contxt"/],
    ["a context that is a list", { task: "x", context: [] }, /context is an object/],
  ])("is refused with %s", async (_, task, message) => {
    await using mesh = await startMesh({});
    await expect(mesh.execute("calculator", task as string)).rejects.toThrow(message);
  });

  it("is refused where its context cannot cross into the sandbox, and says where", async () => {
    const model = createScriptedModel(() => fenced("result = 1"));
    await using mesh = await startMesh({ model });
    const deep = { task: "x", context: { deep: { fn: () => 1 } } };
    await expect(mesh.execute("calculator", deep)).rejects.toMatchObject({
      code: "TASK_INVALID",
      message: expect.stringContaining("$.deep.fn") as string,
    });
    const large = { task: "x", context: { text: "x".repeat(9 * 1024 * 1024) } };
    await expect(mesh.execute("calculator", large)).rejects.toThrow(/context cannot be handed on/);
    expect(model.requests).toHaveLength(0);
  });
});
