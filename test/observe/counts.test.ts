// Each metric against what really happened: meshes in memory, real sandboxes, scripted models.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createMetrics,
  defineAgent,
  defineTool,
  type AgentDefinition,
  type Metrics,
  type PromptAgentOptions,
} from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, createScriptedModel, TestMesh, type Script } from "fettle/testing";
import { defer } from "#src/core/deferred";
import { createSubjects } from "#src/core/subjects";
import { LabelValues } from "#src/observe/label-values";
import { readPool } from "#src/observe/measured-sandbox";
import { SandboxNode } from "#src/sandbox/remote/node";
import { createRemoteSandbox } from "#src/sandbox/remote/remote-sandbox";
import { Exposition } from "../harness/exposition.ts";
import { dyingAtEnd } from "../harness/dying-fabric.ts";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const answer = { costUsd: 0.5, tokens: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 } };
const scripted = (script: Script) => createScriptedModel(script, { answer });
const coder = (options: Partial<PromptAgentOptions<"coder", unknown>> = {}) =>
  defineAgent({ role: "coder", capabilities: ["coding"], systemPrompt: "You write code.", ...options });
const pageOf = async (metrics: Metrics) => Exposition.parse(await metrics.text());

async function start(agent: AgentDefinition, script: Script, metrics = createMetrics({ process: false })) {
  const mesh = await new TestMesh({ sandbox, model: scripted(script), telemetry: metrics })
    .add(agent)
    .start();
  return { mesh, metrics };
}

describe("a task's metrics", () => {
  it("count its tool calls by tool and outcome", async () => {
    const look = defineTool({
      description: "Looks.",
      input: z.object({ at: z.string() }),
      execute: ({ at }) => {
        if (at === "nothing") throw new Error("There is nothing.");
        return at;
      },
    });
    const code = `await tools.look({ at: "a" }); await tools.look({ at: "b" });
try { await tools.look({ at: "nothing" }); } catch {}
result = 1;`;
    const { mesh, metrics } = await start(coder({ tools: { look } }), [code]);
    await using _ = mesh;
    expect(await mesh.execute("coder", "Look.")).toMatchObject({ status: "success" });
    const page = await pageOf(metrics);
    const labels = { role: "coder", tool: "look" };
    expect(page.sum("fettle_tool_calls_total", { ...labels, outcome: "returned" })).toBe(2);
    expect(page.sum("fettle_tool_calls_total", { ...labels, outcome: "failed" })).toBe(1);
    expect(page.sum("fettle_tool_call_duration_seconds_count", labels)).toBe(3);
  });

  it("count a run that is ended at a limit by that limit, and the task's failure by its category", async () => {
    const { mesh, metrics } = await start(coder({ maxRepairs: 0, limits: { cpuMs: 20 } }), ["for (;;);"]);
    await using _ = mesh;
    expect(await mesh.execute("coder", "Never end.")).toMatchObject({ status: "failure" });
    const page = await pageOf(metrics);
    expect(page.sum("fettle_sandbox_limit_kills_total", { limit: "cpuMs" })).toBe(1);
    expect(page.sum("fettle_sandbox_runs_total", { outcome: "limit", place: "local" })).toBe(1);
    expect(page.sum("fettle_sandbox_cpu_seconds_sum")).toBeGreaterThan(0.01);
    expect(page.sum("fettle_task_failures_total", { role: "coder", category: "limit" })).toBe(1);
    expect(page.sum("fettle_tasks_total", { status: "failure" })).toBe(1);
    expect(page.sum("fettle_repairs_total")).toBe(0);
  });

  it("count a model that fails apart from one that answers, and answers without a price", async () => {
    const script = [new Error("The provider is down."), { text: "result = 1", costUsd: null }];
    const { mesh, metrics } = await start(coder(), script);
    await using _ = mesh;
    expect((await mesh.execute("coder", "Fail.")).error?.category).toBe("model");
    expect((await mesh.execute("coder", "Answer.")).status).toBe("success");
    const page = await pageOf(metrics);
    expect(page.sum("fettle_model_calls_total", { outcome: "failed", provider: "unknown" })).toBe(1);
    expect(page.sum("fettle_model_calls_total", { outcome: "answered", provider: "scripted" })).toBe(1);
    expect(page.sum("fettle_model_unpriced_calls_total", { provider: "scripted", model: "script" })).toBe(1);
    expect(page.sum("fettle_model_cost_usd_total")).toBe(0);
    expect(page.sum("fettle_task_failures_total", { category: "model" })).toBe(1);
  });

  it("count an answer from a recording as a call that cost nothing", async () => {
    const { mesh, metrics } = await start(coder(), [{ text: "result = 1", replayed: true }]);
    await using _ = mesh;
    expect(await mesh.execute("coder", "Play back.")).toMatchObject({ status: "success", replayed: true });
    const page = await pageOf(metrics);
    expect(page.sum("fettle_model_calls_total", { outcome: "played-back" })).toBe(1);
    expect(page.sum("fettle_model_cost_usd_total") + page.sum("fettle_model_tokens_total")).toBe(0);
    expect(page.sum("fettle_model_call_duration_seconds_count")).toBe(0);
  });

  it("count what a person is asked and answers", async () => {
    const { mesh, metrics } = await start(coder({ approval: "code" }), ["result = 1"]);
    await using _ = mesh;
    const asked = defer<string>();
    mesh.subscribe((event) => event.type === "approval" && asked.resolve(event.approvalId));
    const running = mesh.execute("coder", "Ask first.");
    const approvalId = await asked.promise;
    expect((await pageOf(metrics)).sum("fettle_tasks_running", { role: "coder" })).toBe(1);
    await mesh.approve(approvalId);
    expect(await running).toMatchObject({ status: "success" });
    const page = await pageOf(metrics);
    expect(page.sum("fettle_approvals_asked_total", { role: "coder", subject: "code" })).toBe(1);
    expect(page.sum("fettle_approvals_answered_total", { decision: "approved" })).toBe(1);
    expect(page.sum("fettle_model_calls_total")).toBe(1);
  });

  it("hold no id, no address and no text of a task", async () => {
    const { mesh, metrics } = await start(coder(), ["result = missing", "result = 1"]);
    await using _ = mesh;
    const result = await mesh.execute("coder", { id: "task-id-4711", task: "A secret wish." });
    const text = await metrics.text();
    const unwanted = [
      "task-id-4711",
      result.resultId,
      "coder.",
      "secret wish",
      "missing",
      String(mesh.node) + '"',
    ];
    for (const one of unwanted) expect(text).not.toContain(one);
  });
});

describe("metrics of what is not a task", () => {
  it("tell of actors, of messages that wait in mailboxes, and of tasks that wait in the queue", async () => {
    const held = defer<null>();
    const entered = defer<null>();
    const clerk = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      concurrency: 1,
      handle: async () => {
        entered.resolve(null);
        await held.promise;
        return null;
      },
    });
    const { mesh, metrics } = await start(clerk, []);
    await using _ = mesh;
    await mesh.spawn(clerk);
    mesh.pause("clerk");
    const tasks = [1, 2, 3].map((number) => mesh.execute("clerk", `Task ${number}`));
    await mesh.send("clerk", "one");
    await mesh.send("clerk", "two");
    const page = await pageOf(metrics);
    expect(page.sum("fettle_actors", { role: "clerk" })).toBe(2);
    expect(page.sum("fettle_mailbox_messages", { role: "clerk" })).toBe(2);
    expect(page.sum("fettle_queue_tasks", { role: "clerk", state: "dead" })).toBe(0);
    expect(page.sum("fettle_queue_tasks", { role: "clerk" })).toBe(3);
    mesh.resume("clerk");
    await entered.promise;
    held.resolve(null);
    await Promise.all(tasks);
    const after = await pageOf(metrics);
    expect(after.sum("fettle_mailbox_messages", { role: "clerk" })).toBe(0);
    expect(after.sum("fettle_tasks_total", { role: "clerk", status: "success" })).toBe(3);
    expect(after.sum("fettle_sandbox_runs_total")).toBe(0);
  });

  it("count workflows and what an actor compresses for itself", async () => {
    const clerk = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      handle: async (message, { memory }) =>
        message.type === "ask"
          ? (await memory.longTerm.compress(["A long report. ".repeat(500)], { as: "r", maxTokens: 50 })).text
          : message.type,
    });
    const metrics = createMetrics({ process: false });
    const options = { sandbox, model: scripted(["Short."]), telemetry: metrics };
    await using mesh = await new TestMesh(options).add(clerk).add(coder()).start();
    const steps = [
      { id: "one", agent: "clerk", task: "First." },
      { id: "two", agent: "clerk", task: "Second.", dependsOn: ["one"] },
    ];
    expect((await mesh.workflow("w-1", steps)).status).toBe("success");
    expect((await mesh.workflow("w-1", steps)).status).toBe("success");
    expect(await mesh.ask("clerk", "Compress.")).toBe("Short.");
    const page = await pageOf(metrics);
    expect(page.sum("fettle_workflows_total", { status: "success" })).toBe(1);
    expect(page.sum("fettle_workflow_duration_seconds_count")).toBe(1);
    expect(page.sum("fettle_takeovers_total")).toBe(0);
    expect(page.sum("fettle_tasks_total")).toBe(2);
    expect(page.sum("fettle_model_calls_total", { role: "clerk", purpose: "compress" })).toBe(1);
    expect(page.sum("fettle_model_cost_usd_total", { role: "clerk" })).toBe(0.5);
  });

  it("leave out what cannot be read in time, say so, and hold nothing up", async () => {
    const metrics = createMetrics({ process: false });
    metrics.read("nodes", () => new Promise(() => undefined));
    metrics.read("actors", () => Promise.reject(new Error("The server is away.")));
    const end = metrics.read("actors", () => [{ labels: { role: "coder" }, value: 2 }]);
    const page = await pageOf(metrics);
    expect(page.sum("fettle_actors", { role: "coder" })).toBe(2);
    expect(page.metrics.get("fettle_nodes")?.samples).toEqual([]);
    const again = await pageOf(metrics);
    expect(again.sum("fettle_readings_failed_total", { reading: "nodes" })).toBeGreaterThan(0);
    end();
    expect((await pageOf(metrics)).sum("fettle_actors")).toBe(0);
  });

  it("keep the values of a label few, whatever models call themselves", async () => {
    const values = new LabelValues(2);
    expect(["a", "b", "c", "a", "d"].map((value) => values.of("model", value))).toEqual([
      "a",
      "b",
      "other",
      "a",
      "other",
    ]);
    const metrics = createMetrics({ process: false });
    for (let index = 0; index < 150; index += 1) {
      const model = `model-${index} "of the\nday"\\`;
      const told = { ...answer, text: "", provider: "p", model, finish: "stop" as const, replayed: false };
      metrics.tell({ type: "model-answer", role: "coder", answer: told, ms: 1 });
    }
    const page = await pageOf(metrics);
    expect(page.metrics.get("fettle_model_calls_total")?.samples).toHaveLength(101);
    expect(page.sum("fettle_model_calls_total", { model: "other" })).toBe(50);
    expect(page.sum("fettle_model_calls_total", { model: 'model-7 "of the\nday"\\' })).toBe(1);
  });
});

describe("the metrics of a sandbox that has more to do than room", () => {
  it("tell which guests wait for it, which for a tool, and how many isolates and spares there are", async () => {
    await using narrow = createSandbox({ isolates: 1, guestsPerIsolate: 1 });
    const [entered, held] = [defer<null>(), defer<null>()];
    const wait = defineTool({
      description: "Waits.",
      input: z.object({}),
      execute: async () => {
        entered.resolve(null);
        await held.promise;
        return 1;
      },
    });
    const metrics = createMetrics({ process: false });
    const model = scripted(() => "result = await tools.wait({})");
    const agent = coder({ tools: { wait } });
    await using mesh = await new TestMesh({ sandbox: narrow, model, telemetry: metrics }).add(agent).start();
    const tasks = [mesh.execute("coder", "One."), mesh.execute("coder", "Two.")];
    await entered.promise;
    const waiting = async () => {
      const page = await pageOf(metrics);
      return ["answer", "isolate"].map((what) => page.sum("fettle_sandbox_guests_waiting", { for: what }));
    };
    await expect.poll(waiting).toEqual([1, 1]);
    expect((await pageOf(metrics)).sum("fettle_sandbox_isolates", { state: "up" })).toBe(1);
    held.resolve(null);
    for (const { status } of await Promise.all(tasks)) expect(status).toBe("success");
    expect(await waiting()).toEqual([0, 0]);
    const spares = async () => (await pageOf(metrics)).sum("fettle_sandbox_spares");
    await expect.poll(spares).toBeGreaterThan(0);
  });
});

describe("a sandbox node's metrics", () => {
  it("count the runs that it does for others, which count them as done elsewhere", async () => {
    await using fabric = createMemoryFabric();
    const place = { messages: fabric.messages, subjects: createSubjects("sandboxes") };
    const [asking, serving] = [createMetrics({ process: false }), createMetrics({ process: false })];
    await using node = new SandboxNode({ ...place, name: "n", isolates: 1, telemetry: serving });
    const unread = readPool(node, serving);
    await using remote = createRemoteSandbox(place);
    const options = { sandbox: remote, model: scripted(["for (;;);", "result = 1"]), telemetry: asking };
    await using mesh = await new TestMesh(options).add(coder({ limits: { cpuMs: 20 } })).start();
    expect(await mesh.execute("coder", "Run elsewhere.")).toMatchObject({ status: "success", repairs: 1 });
    const pages = [await pageOf(asking), await pageOf(serving)];
    const runs = (place: string, outcome: string) =>
      pages.map((page) => page.sum("fettle_sandbox_runs_total", { place, outcome }));
    expect(runs("local", "limit")).toEqual([0, 1]);
    expect(runs("local", "success")).toEqual([0, 1]);
    expect(runs("remote", "limit")).toEqual([1, 0]);
    expect(runs("remote", "success")).toEqual([1, 0]);
    expect(pages.map((page) => page.sum("fettle_sandbox_isolates", { state: "up" }))).toEqual([0, 1]);
    expect(pages[1]?.sum("fettle_sandbox_memory_bytes_count", { place: "local" })).toBe(2);
    unread();
  });
});

describe("a workflow that another process goes on with", () => {
  it("is counted as taken over once, and as ended once", async () => {
    const fabric = createMemoryFabric();
    const [before, after] = [createMetrics({ process: false }), createMetrics({ process: false })];
    const [entered, held] = [defer<null>(), defer<null>()];
    const clerk = defineAgent({
      role: "clerk",
      capabilities: ["x"],
      handle: async () => {
        entered.resolve(null);
        await held.promise;
        return null;
      },
    });
    const steps = [{ id: "one", agent: "clerk", task: "Do." }];
    const first = await new TestMesh({ sandbox, fabric, telemetry: before }).add(clerk).start();
    first.workflow("w-1", steps).catch(() => undefined);
    await entered.promise;
    await first.stop({ mode: "suspend" });
    held.resolve(null);
    await using second = await new TestMesh({ sandbox, fabric, telemetry: after }).add(clerk).start();
    expect((await second.workflow("w-1", steps)).status).toBe("success");
    const pages = [await pageOf(before), await pageOf(after)];
    const counted = (name: string, labels?: Readonly<Record<string, string>>) =>
      pages.map((page) => page.sum(name, labels));
    expect(counted("fettle_takeovers_total", { kind: "workflow" })).toEqual([0, 1]);
    expect(counted("fettle_workflows_total", { status: "success" })).toEqual([0, 1]);
    expect(counted("fettle_workflow_duration_seconds_count")).toEqual([0, 1]);
    await fabric.close();
  });
});

describe("a task that another process goes on with", () => {
  const act = defineTool({ description: "Acts.", input: z.object({}), execute: () => 1 });

  it("is counted once over both, its calls and its cost as well", async () => {
    const fabric = createMemoryFabric();
    const { dying, settled } = dyingAtEnd(fabric);
    const [before, after] = [createMetrics({ process: false }), createMetrics({ process: false })];
    const agent = coder({ tools: { act } });
    const options = { sandbox, model: scripted(["result = await tools.act({})"]) };
    const first = await new TestMesh({ ...options, fabric: dying, telemetry: before }).add(agent).start();
    first.execute("coder", { id: "t1", task: "Act." }).catch(() => undefined);
    await settled;
    await first.stop({ mode: "suspend" });
    await using second = await new TestMesh({ ...options, fabric, telemetry: after }).add(agent).start();
    expect(await second.execute("coder", { id: "t1", task: "Act." })).toMatchObject({
      status: "success",
      output: 1,
    });
    const pages = [await pageOf(before), await pageOf(after)];
    const counted = (name: string) => pages.map((page) => page.sum(name));
    expect(counted("fettle_tasks_accepted_total")).toEqual([1, 0]);
    expect(counted("fettle_model_calls_total")).toEqual([1, 0]);
    expect(counted("fettle_model_cost_usd_total")).toEqual([0.5, 0]);
    expect(counted("fettle_model_tokens_total")).toEqual([15, 0]);
    expect(counted("fettle_tool_calls_total")).toEqual([1, 0]);
    expect(counted("fettle_sandbox_runs_total")).toEqual([1, 0]);
    expect(counted("fettle_tasks_total")).toEqual([0, 1]);
    expect(counted("fettle_task_duration_seconds_count")).toEqual([0, 1]);
    await fabric.close();
  });
});
