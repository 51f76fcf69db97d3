// Traces of real tasks, read back from memory.
import { trace } from "@opentelemetry/api";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createTracing, defineAgent, defineTool, type PromptAgentOptions } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel, TestMesh, type Script } from "fettle/testing";
import { defer } from "#src/core/deferred";
import { createSubjects } from "#src/core/subjects";
import { SandboxNode } from "#src/sandbox/remote/node";
import { createRemoteSandbox } from "#src/sandbox/remote/remote-sandbox";
import { dyingAtEnd } from "../harness/dying-fabric.ts";
import { tracing, type Traced } from "./spans.ts";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const answer = {
  provider: "anthropic",
  model: "model-1",
  costUsd: 0.5,
  tokens: { input: 10, output: 5, cacheRead: 3, cacheWrite: 2 },
};
const scripted = (script: Script) => createScriptedModel(script, { answer });
const coder = (options: Partial<PromptAgentOptions<"coder", unknown>> = {}) =>
  defineAgent({ role: "coder", capabilities: ["coding"], systemPrompt: "You write code.", ...options });
const look = defineTool({
  description: "Looks.",
  input: z.object({ at: z.string() }),
  execute: ({ at }) => {
    if (at === "nothing") throw new RangeError("There is nothing.");
    return at;
  },
});

describe("the trace of a task", () => {
  it("has the agent's span above the model's, the run's, the tools' and the repair's, each with its times", async () => {
    const traced = tracing();
    const { provider } = traced;
    const inTool = defer<string | undefined>();
    const probe = defineTool({
      description: "Tells.",
      input: z.object({}),
      execute: () => {
        inTool.resolve(trace.getActiveSpan()?.spanContext().spanId);
        return 1;
      },
    });
    const script = [
      'await tools.look({ at: "nothing" })',
      'await tools.probe({}); result = await tools.look({ at: "here" })',
    ];
    const telemetry = createTracing({ tracerProvider: provider });
    const mesh = await new TestMesh({ sandbox, model: scripted(script), telemetry })
      .add(coder({ tools: { look, probe } }))
      .start();
    await using _ = mesh;
    const result = await mesh.execute("coder", { id: "t1", task: "Look." });
    expect(result).toMatchObject({ status: "success", output: "here", repairs: 1 });
    const agent = traced.one("invoke_agent coder");
    expect(agent.attributes).toMatchObject({
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": "coder",
      "gen_ai.conversation.id": "t1",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.usage.input_tokens": 30,
      "gen_ai.usage.output_tokens": 10,
      "fettle.node": "test",
      "fettle.repairs": 1,
      "fettle.status": "success",
      "fettle.cost_usd": 1,
    });
    expect(agent.status.code).toBe(0);
    expect(traced.above(agent)).toBe("fettle.accept");
    const chats = traced.named("chat model-1");
    expect(chats.map((span) => traced.above(span))).toEqual(["invoke_agent coder", "fettle.repair"]);
    expect(chats[0]?.kind).toBe(2);
    expect(chats[0]?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "anthropic",
      "gen_ai.request.model": "model-1",
      "gen_ai.response.model": "model-1",
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": 15,
      "gen_ai.usage.output_tokens": 5,
      "gen_ai.usage.cache_read.input_tokens": 3,
      "gen_ai.usage.cache_creation.input_tokens": 2,
      "fettle.model.purpose": "generate",
    });
    const runs = traced.named("fettle.sandbox.run");
    expect(runs.map((span) => traced.above(span))).toEqual(["invoke_agent coder", "fettle.repair"]);
    expect(runs[0]?.attributes["error.type"]).toBe("RangeError");
    expect(runs[0]?.status.code).toBe(2);
    expect(runs[1]?.attributes).toMatchObject({ "fettle.attempt": 2, "fettle.sandbox.tool_calls": 2 });
    const tools = traced.spans.filter(({ name }) => name.startsWith("execute_tool "));
    expect(tools.map(({ name }) => name)).toEqual(
      ["look", "probe", "look"].map((name) => `execute_tool ${name}`),
    );
    expect(tools.map((span) => traced.above(span))).toEqual(tools.map(() => "fettle.sandbox.run"));
    expect(tools.map(({ attributes }) => attributes["error.type"])).toEqual([
      "RangeError",
      undefined,
      undefined,
    ]);
    expect(tools[0]?.attributes).toMatchObject({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "look",
      "gen_ai.tool.type": "function",
      "gen_ai.tool.call.id": "t1-1:0",
    });
    expect(await inTool.promise).toBe(tools[1]?.spanContext().spanId);
    expect(new Set(traced.spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    const seconds = ([whole, nanoseconds]: readonly [number, number]) => whole + nanoseconds / 1e9;
    for (const span of traced.spans) {
      expect(seconds(span.endTime)).toBeGreaterThanOrEqual(seconds(span.startTime));
      if (span.name === "fettle.accept") continue;
      expect(seconds(span.startTime)).toBeGreaterThanOrEqual(seconds(agent.startTime));
      expect(seconds(span.endTime)).toBeLessThanOrEqual(seconds(agent.endTime));
    }
  });

  it("holds nothing that people, models, guests or tools wrote, unless that is asked for, and never a key", async () => {
    const key = "sk-ant-REDACTED";
    const own = "a-secret-of-ours";
    const script = [`// ${key} ${own} GUEST\nresult = await tools.look({ at: "INPUT" })`];
    const run = async (hasContent: boolean) => {
      const traced = tracing();
      const telemetry = createTracing({ tracerProvider: traced.provider, hasContent, secrets: [own] });
      const options = { sandbox, model: scripted(script), telemetry };
      await using mesh = await new TestMesh(options).add(coder({ tools: { look } })).start();
      await mesh.execute("coder", `PROMPT ${key} ${own}`);
      return JSON.stringify(traced.spans.map(({ name, attributes, events }) => [name, attributes, events]));
    };
    const without = await run(false);
    for (const one of ["PROMPT", "GUEST", "INPUT", "You write code", key, own])
      expect(without).not.toContain(one);
    const withContent = await run(true);
    for (const one of ["PROMPT", "GUEST", "INPUT", "You write code"]) expect(withContent).toContain(one);
    for (const one of [key, own]) expect(withContent).not.toContain(one);
  });

  it("is that of the caller: what is active in the program, or what is given with the task", async () => {
    const traced = tracing();
    const telemetry = createTracing({ tracerProvider: traced.provider });
    await using mesh = await new TestMesh({
      sandbox,
      model: scripted(["result = 1", "result = 2"]),
      telemetry,
    })
      .add(coder())
      .start();
    const tracer = traced.provider.getTracer("program");
    await tracer.startActiveSpan("program", async (span) => {
      await mesh.execute("coder", "One.");
      span.end();
    });
    const program = traced.one("program").spanContext();
    expect(traced.one("invoke_agent coder").spanContext().traceId).toBe(program.traceId);
    expect(traced.above(traced.one("fettle.accept"))).toBe("program");
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    await mesh.execute("coder", "Two.", { trace: `00-${traceId}-b7ad6b7169203331-01` });
    const [, second] = traced.named("invoke_agent coder");
    expect(second?.spanContext().traceId).toBe(traceId);
    expect(traced.named("fettle.accept")[1]?.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
  });

  it("tells a model's failure, a task's failure and a cancel by their kinds", async () => {
    const traced = tracing();
    const telemetry = createTracing({ tracerProvider: traced.provider });
    const held = defer<null>();
    const entered = defer<null>();
    const model = scripted(async (_request, index) => {
      if (index === 0) throw new Error("The provider is down.");
      entered.resolve(null);
      await held.promise;
      return "result = 1";
    });
    await using mesh = await new TestMesh({ sandbox, model, telemetry }).add(coder()).start();
    await mesh.execute("coder", "Fail.");
    expect(traced.one("chat model-1").attributes["error.type"]).toBe("Error");
    const failed = traced.one("invoke_agent coder");
    expect(failed.attributes).toMatchObject({ "fettle.status": "failure", "fettle.error.category": "model" });
    expect(failed.status).toEqual({ code: 2 });
    const running = mesh.execute("coder", { id: "t2", task: "Wait." });
    await entered.promise;
    await mesh.cancel("t2");
    held.resolve(null);
    expect((await running).status).toBe("cancelled");
    const [, cancelled] = traced.named("invoke_agent coder");
    expect(cancelled?.attributes).toMatchObject({ "fettle.status": "cancelled" });
    expect(cancelled?.attributes["error.type"]).toBeDefined();
  });

  it("shows how long a person was waited for, and the run that was put away meanwhile", async () => {
    const traced = tracing();
    const telemetry = createTracing({ tracerProvider: traced.provider });
    const options = { sandbox, model: scripted(['result = await tools.look({ at: "here" })']), telemetry };
    await using mesh = await new TestMesh(options).add(coder({ tools: { look }, approval: "tools" })).start();
    mesh.subscribe((event) => event.type === "approval" && void mesh.approve(event.approvalId));
    expect((await mesh.execute("coder", "Look.")).status).toBe("success");
    expect(traced.one("fettle.approval").attributes).toMatchObject({
      "fettle.approval.subject": "tools",
      "fettle.approval.decision": "approved",
    });
    const runs = traced.named("fettle.sandbox.run").map(({ attributes }) => attributes);
    expect(runs[0]).toMatchObject({ "fettle.status": "suspended" });
    expect(runs[1]).toMatchObject({ "fettle.run.repeated": true });
  });
});

describe("the trace of a run on a sandbox node", () => {
  it("has the guest's span of that node below the run's, and the tools that it calls back", async () => {
    await using fabric = createMemoryFabric();
    const place = { messages: fabric.messages, subjects: createSubjects("sandboxes") };
    const [asking, serving] = [tracing(), tracing()];
    const telemetry = createTracing({ tracerProvider: asking.provider });
    const served = createTracing({ tracerProvider: serving.provider });
    await using _ = new SandboxNode({ ...place, name: "far", isolates: 1, telemetry: served });
    await using remote = createRemoteSandbox({ ...place, trace: () => telemetry.activeTrace() });
    const inTool = defer<string | undefined>();
    const probe = defineTool({
      description: "Tells.",
      input: z.object({}),
      execute: () => {
        inTool.resolve(trace.getActiveSpan()?.spanContext().spanId);
        return 1;
      },
    });
    const model = scripted(["await tools.probe({}); for (;;);", "result = await tools.probe({})"]);
    const agent = coder({ tools: { probe }, limits: { cpuMs: 50 } });
    await using mesh = await new TestMesh({ sandbox: remote, model, telemetry }).add(agent).start();
    expect(await mesh.execute("coder", "Run elsewhere.")).toMatchObject({ status: "success", repairs: 1 });
    await expect.poll(() => serving.spans).toHaveLength(2);
    const runs = asking.named("fettle.sandbox.run");
    const guests = serving.named("fettle.sandbox.guest");
    expect(guests.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
      runs.map((span) => span.spanContext().spanId),
    );
    expect(new Set([...asking.spans, ...guests].map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(guests[0]?.attributes).toMatchObject({ "fettle.node": "far", "error.type": "cpuMs" });
    expect(guests[1]?.attributes["error.type"]).toBeUndefined();
    expect(guests[1]?.attributes["fettle.sandbox.memory_bytes"]).toBeGreaterThan(0);
    const tools = asking.named("execute_tool probe");
    expect(tools.map((span) => asking.above(span))).toEqual(["fettle.sandbox.run", "fettle.sandbox.run"]);
    expect(await inTool.promise).toBe(tools[0]?.spanContext().spanId);
  });
});

describe("the trace of what belongs together", () => {
  it("is one for a workflow, its steps, and the tasks and messages of handlers", async () => {
    const traced = tracing();
    const telemetry = createTracing({ tracerProvider: traced.provider });
    const handled = defer<null>();
    const clerk = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      handle: async (message, actor) => {
        if (message.type !== "task") {
          if (message.type === "send") handled.resolve(null);
          return message.type;
        }
        await actor.send("clerk", "note");
        await actor.ask("clerk", "question");
        return (await actor.execute("coder", "Write.")).output;
      },
    });
    const options = { sandbox, model: scripted(["result = 1"]), telemetry };
    await using mesh = await new TestMesh(options).add(clerk).add(coder()).start();
    const done = await mesh.workflow("w1", [{ id: "first", agent: "clerk", task: "Do." }]);
    expect(done.status).toBe("success");
    await handled.promise;
    await expect.poll(() => traced.named("process clerk")).toHaveLength(2);
    const workflow = traced.one("invoke_workflow");
    expect(workflow.attributes).toMatchObject({ "fettle.workflow.id": "w1", "fettle.status": "success" });
    const step = traced.one("invoke_agent clerk");
    expect(step.attributes).toMatchObject({ "fettle.workflow.id": "w1", "fettle.workflow.step": "first" });
    const accepts = traced.named("fettle.accept").map((span) => traced.above(span));
    expect(accepts).toEqual([null, "invoke_workflow", "invoke_agent clerk"]);
    expect(traced.above(workflow)).toBe("fettle.accept");
    expect(traced.named("process clerk").map((span) => traced.above(span))).toEqual([
      "invoke_agent clerk",
      "invoke_agent clerk",
    ]);
    expect(traced.one("invoke_agent coder").spanContext().traceId).toBe(workflow.spanContext().traceId);
    expect(new Set(traced.spans.map((span) => span.spanContext().traceId)).size).toBe(1);
  });

  it("is one for a workflow that another process goes on with, and that of who asks for what came of it", async () => {
    const fabric = createMemoryFabric();
    const [before, after] = [tracing(), tracing()];
    const [entered, held] = [defer<null>(), defer<null>()];
    const clerk = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      handle: async ({ type, ...message }) => {
        if (type !== "task" || !("task" in message) || message.task !== "Second.") return "done";
        entered.resolve(null);
        await held.promise;
        return "done";
      },
    });
    const meshOf = ({ provider }: Traced) =>
      new TestMesh({ sandbox, fabric, telemetry: createTracing({ tracerProvider: provider }) })
        .add(clerk)
        .start();
    const steps = [
      { id: "one", agent: "clerk", task: "First." },
      { id: "two", agent: "clerk", task: "Second.", dependsOn: ["one"] },
    ];
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const first = await meshOf(before);
    const left = first.workflow("w1", steps, { trace: `00-${traceId}-b7ad6b7169203331-01` });
    left.catch(() => undefined);
    await entered.promise;
    await first.stop({ mode: "suspend" });
    held.resolve(null);
    await using second = await meshOf(after);
    await expect.poll(() => after.named("invoke_workflow")).toHaveLength(1);
    const [accept, ...tasks] = before.named("fettle.accept");
    expect(accept?.attributes).toMatchObject({ "fettle.workflow.id": "w1" });
    expect(accept?.parentSpanContext?.spanId).toBe("b7ad6b7169203331");
    expect(tasks).toHaveLength(2);
    const workflows = [before.one("invoke_workflow"), after.one("invoke_workflow")];
    expect(workflows.map(({ attributes }) => attributes["fettle.takeover"] ?? false)).toEqual([false, true]);
    for (const one of workflows) {
      expect(one.parentSpanContext?.spanId).toBe(accept?.spanContext().spanId);
    }
    const all = [...before.spans, ...after.spans];
    expect(new Set(all.map((span) => span.spanContext().traceId))).toEqual(new Set([traceId]));
    // Whoever asks again asks in a trace of their own.
    const other = "1af7651916cd43dd8448eb211c80319c";
    await second.workflow("w1", steps, { trace: `00-${other}-b7ad6b7169203331-01` });
    const [, again] = after.named("invoke_workflow");
    expect(again?.spanContext().traceId).toBe(other);
    expect(again?.attributes).toMatchObject({ "fettle.replayed": true });
    // Reading what came of it is no work of its own.
    await second.workflow("w1", steps);
    expect(after.named("invoke_workflow")).toHaveLength(2);
    await fabric.close();
  });

  it("is one for a task that another process goes on with, and marks what is not done again", async () => {
    const fabric = createMemoryFabric();
    const { dying, settled } = dyingAtEnd(fabric);
    const [before, after] = [tracing(), tracing()];
    const agent = coder({ tools: { look } });
    const options = { sandbox, model: scripted(['result = await tools.look({ at: "here" })']) };
    const first = await new TestMesh({
      ...options,
      fabric: dying,
      telemetry: createTracing({ tracerProvider: before.provider }),
    })
      .add(agent)
      .start();
    first.execute("coder", { id: "t1", task: "Look." }).catch(() => undefined);
    await settled;
    await first.stop({ mode: "suspend" });
    expect(before.one("invoke_agent coder").attributes).toMatchObject({ "fettle.interrupted": true });
    await using second = await new TestMesh({
      ...options,
      fabric,
      telemetry: createTracing({ tracerProvider: after.provider }),
    })
      .add(agent)
      .start();
    await second.execute("coder", { id: "t1", task: "Look." });
    const agents = [before.one("invoke_agent coder"), after.one("invoke_agent coder")];
    expect(agents[1]?.spanContext().traceId).toBe(agents[0]?.spanContext().traceId);
    expect(agents[1]?.parentSpanContext?.spanId).toBe(agents[0]?.parentSpanContext?.spanId);
    const chat = after.one("chat model-1");
    expect(chat.attributes).toMatchObject({ "fettle.replayed": true, "gen_ai.response.model": "model-1" });
    expect(chat.attributes["gen_ai.usage.input_tokens"]).toBeUndefined();
    expect(chat.duration).toEqual([0, 0]);
    expect(after.one("fettle.sandbox.run").attributes).toMatchObject({ "fettle.replayed": true });
    expect(before.one("chat model-1").attributes["fettle.replayed"]).toBeUndefined();
    await fabric.close();
  });
});
