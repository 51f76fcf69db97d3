// What the inspector tells of a mesh in one process, and what can be done from it.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineAgent, defineTool, type AgentDefinition } from "fettle";
import { TestMesh } from "fettle/testing";
import type {
  ActorPage,
  ApprovalPage,
  Charts,
  MeshOverview,
  Moment,
  TaskDetail,
  TaskPage,
  WorkflowDetail,
  WorkflowPage,
} from "#src/app/inspector/shapes";
import { fenced, lookAt } from "./looking.ts";

const worker = defineAgent({ role: "worker", capabilities: ["adding"], systemPrompt: "You add numbers." });
const careful = defineAgent({
  role: "careful",
  capabilities: ["asking"],
  systemPrompt: "You ask first.",
  approval: "code",
});
const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => ("task" in message ? message.task : message.body),
});

async function started(
  model: string[] | (() => Promise<string>),
  agents: readonly AgentDefinition[] = [worker],
): Promise<TestMesh> {
  const mesh = new TestMesh({ model });
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  return mesh;
}

const BROKEN = fenced("console.warn('careful');\nconst a = missing;\nresult = a;");
const MENDED = fenced("result = { sum: 3 };");

describe("a task through a repair", () => {
  it("is told moment by moment, as it was, with code to compare and prompts as they were asked", async () => {
    await using mesh = await started([BROKEN, MENDED]);
    await using looking = await lookAt(mesh);
    await mesh.execute("worker", { id: "t1", task: "Add 1 and 2.", context: { a: 1, password: "hunter2" } });
    const { body } = await looking.get<TaskDetail>("api/tasks/t1");
    expect(body.task).toMatchObject({ taskId: "t1", status: "success", state: "done", repairs: 1 });
    expect(body.kind).toBe("prompt");
    expect(JSON.parse(body.context)).toEqual({ a: 1, password: "[redacted]" });
    expect(body.result).toMatchObject({ status: "success", output: '{\n  "sum": 3\n}', repairs: 1 });
    const { moments } = body;
    expect(moments.map(({ index }) => index)).toEqual(moments.map((_, index) => index));
    const states = moments.map(({ state }) => state).filter((one, at, all) => one !== all[at - 1]);
    expect(states).toEqual([
      null,
      "queued",
      "generating",
      "executing",
      "repairing",
      "executing",
      "settling",
      "done",
    ]);
    expect(moments.map(({ title }) => title)).toEqual([
      "accepted for worker",
      "taken up by test",
      "waits for its turn",
      "the model writes code",
      "model asked for a first draft",
      "model answered",
      "the code runs",
      "run 1 started",
      "run 1 failed",
      "the model mends its code",
      "model asked for repair 1",
      "model answered",
      "the code runs",
      "run 2 started",
      "run 2 succeeded",
      "stores the result",
      "finished: success",
    ]);
    const codes = moments.flatMap(({ code }) => (code === undefined ? [] : [code]));
    expect(codes).toMatchObject([
      { attempt: 1, previous: null, language: "javascript" },
      { attempt: 2, previous: codes[0]?.text, text: "result = { sum: 3 };" },
    ]);
    const failed = moments.find(({ error }) => error !== undefined);
    expect(failed).toMatchObject({
      type: "run-finished",
      tone: "bad",
      error: { line: 2, name: "ReferenceError" },
      console: [{ level: "warn", text: "careful" }],
    });
    const [first, second] = moments.flatMap(({ prompt }) => (prompt === undefined ? [] : [prompt]));
    expect(first?.note).toBeNull();
    expect(first?.messages.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(first?.messages[0]?.text).toContain("You add numbers.");
    expect(first?.messages[1]?.text).toContain("Add 1 and 2.");
    expect(second?.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(second?.messages[3]?.text).toContain("ReferenceError");
  });

  it("has its prompts told just as its model was asked, with the code of like tasks", async () => {
    const asked: { system: string; messages: readonly { content: string }[] }[] = [];
    const answers = [MENDED, BROKEN, MENDED];
    const mesh = new TestMesh({
      model: ((request: never) => {
        asked.push(request);
        return answers.shift() ?? "";
      }) as never,
    });
    mesh.add(worker);
    await mesh.start();
    await using _ = mesh;
    await using looking = await lookAt(mesh);
    await mesh.execute("worker", "Add 1 and 3.");
    asked.length = 0;
    await mesh.execute("worker", { id: "t1", task: "Add 1 and 2.", context: { a: 1 } });
    const { body } = await looking.get<TaskDetail>("api/tasks/t1");
    const shown = body.moments.flatMap(({ prompt }) => (prompt === undefined ? [] : [prompt]));
    const texts = shown.map(({ messages }) => messages.map(({ text }) => text));
    expect(texts).toEqual(
      asked.map(({ system, messages }) => [system, ...messages.map(({ content }) => content)]),
    );
    expect(texts).toHaveLength(2);
    for (const [, first] of texts) expect(first).toContain("It solved: Add 1 and 3.");
  });

  it("is followed live: each moment once, then its end, and text as the model writes it", async () => {
    await using mesh = await started([BROKEN, MENDED]);
    await using looking = await lookAt(mesh);
    await using events = await looking.events("?task=t1");
    await events.next("mesh");
    await mesh.execute("worker", { id: "t1", task: "Add." });
    const end = await events.next("task", ({ task }) => task.endedAt !== null);
    expect(end).toMatchObject({ task: { status: "success", repairs: 1 }, result: { status: "success" } });
    await events.next("tasks", ({ tasks }) => tasks.some(({ status }) => status === "success"));
    const { body } = await looking.get<TaskDetail>("api/tasks/t1");
    const told: Moment[] = [];
    let text = "";
    for (const event of events.seen) {
      if (event.type === "moment") told.push(event.moment);
      if (event.type === "text") text += event.text;
    }
    expect(told).toEqual(body.moments);
    expect(text).toBe(BROKEN + MENDED);
    const changes = events.seen.flatMap((event) => (event.type === "tasks" ? event.tasks : []));
    expect(changes.flatMap(({ states }) => states)).toContain("repairing");
  });

  it("shows tools with what they were asked and gave", async () => {
    const tools = {
      add: defineTool({
        description: "Adds.",
        input: z.object({ a: z.number(), token: z.string() }),
        execute: ({ a }) => a + 1,
      }),
      fail: defineTool({
        description: "Fails.",
        input: z.object({}),
        execute: () => {
          throw new RangeError("too far");
        },
      }),
    };
    const handy = defineAgent({ role: "handy", capabilities: ["using"], systemPrompt: "Use tools.", tools });
    const code = `const a = await tools.add({ a: 1, token: "t0psecret" });
try { await tools.fail({}); } catch (error) { result = [a, error.message]; }`;
    await using mesh = await started([fenced(code)], [handy]);
    await using looking = await lookAt(mesh);
    await mesh.execute("handy", { id: "t1", task: "Go." });
    const { body } = await looking.get<TaskDetail>("api/tasks/t1");
    const returned = body.moments.filter(({ type }) => type === "tool-returned").map(({ tool }) => tool);
    expect(returned).toMatchObject([
      { name: "add", ok: true, output: "2", callId: "t1-1:0" },
      { name: "fail", ok: false, output: expect.stringContaining("too far") as string },
    ]);
    expect(JSON.parse(returned[0]?.input ?? "")).toEqual({ a: 1, token: "[redacted]" });
  });
});

describe("the mesh at a glance", () => {
  it("tells nodes, agents and what became of tasks, and an actor's moves", async () => {
    await using mesh = await started([MENDED], [worker, echo]);
    await using looking = await lookAt(mesh);
    await using events = await looking.events();
    await events.next("mesh");
    await mesh.execute("worker", "Add.");
    const { mesh: seen } = await events.next("mesh", (event) => event.mesh.totals.success === 1);
    expect(seen).toMatchObject({
      name: "test",
      mode: "embedded",
      can: { cancel: true, pause: true, approve: true },
      models: [expect.any(String) as string],
      nodes: [{ name: "test", isSelf: true, state: "up", actors: 2, places: 64 }],
      agents: [
        { role: "echo", kind: "custom" },
        { role: "worker", kind: "prompt", success: 1 },
      ],
      totals: { actors: 2, running: 0, awaitingApproval: 0 },
    });
    expect(await looking.post("api/agents/worker/pause")).toMatchObject({
      status: 200,
      body: { done: true },
    });
    const { actors } = await events.next("actors");
    expect(actors).toMatchObject([
      { address: "worker.1", node: "test", from: "serving.accepting", to: "serving.paused" },
    ]);
    const paused = await looking.get<MeshOverview>("api/mesh");
    expect(paused.body.agents[1]).toMatchObject({ isPaused: true, states: { "serving.paused": 1 } });
    await looking.post("api/agents/worker/resume");
    expect((await looking.get<MeshOverview>("api/mesh")).body.agents[1]).toMatchObject({ isPaused: false });
    expect(await looking.post("api/agents/nobody/pause")).toMatchObject({ status: 404 });
  });

  it("gives the runtime's charts, laid out", async () => {
    await using mesh = await started([]);
    await using looking = await lookAt(mesh);
    const { body, headers } = await looking.get<Charts>("api/charts");
    expect(Object.keys(body)).toEqual([
      "agent",
      "agent.brief",
      "task",
      "task.brief",
      "workflow",
      "step",
      "item",
    ]);
    expect(body["task"]?.states.map(({ id }) => id)).toContain("task.working.generating");
    expect(headers.get("etag")).toMatch(/^".+"$/);
  });
});

describe("lists", () => {
  it("come in pages, newest first, searched and by role and status", async () => {
    await using mesh = await started([], [echo]);
    await using looking = await lookAt(mesh);
    for (let one = 0; one < 7; one += 1) {
      await mesh.execute("echo", { id: `t${one}`, task: one === 3 ? "Find the Needle" : `hay ${one}` });
    }
    const ids = ({ tasks }: TaskPage) => tasks.map(({ taskId }) => taskId);
    const first = (await looking.get<TaskPage>("api/tasks?limit=3")).body;
    expect(first).toMatchObject({ total: 7, isWhole: true });
    const second = (await looking.get<TaskPage>(`api/tasks?limit=3&cursor=${first.cursor ?? ""}`)).body;
    const third = (await looking.get<TaskPage>(`api/tasks?limit=3&cursor=${second.cursor ?? ""}`)).body;
    expect([...ids(first), ...ids(second), ...ids(third)]).toHaveLength(7);
    expect(new Set([...ids(first), ...ids(second), ...ids(third)]).size).toBe(7);
    expect(third.cursor).toBeNull();
    expect(ids((await looking.get<TaskPage>("api/tasks?query=needle")).body)).toEqual(["t3"]);
    expect((await looking.get<TaskPage>("api/tasks?status=failure")).body.total).toBe(0);
    expect((await looking.get<TaskPage>("api/tasks?role=echo&status=success")).body.total).toBe(7);
    expect(await looking.get("api/tasks?limit=1000")).toMatchObject({
      status: 400,
      body: { code: "PARAMETER_INVALID" },
    });
    expect(await looking.get("api/tasks/nothing")).toMatchObject({
      status: 404,
      body: { code: "TASK_UNKNOWN" },
    });
  });

  it("give actors in pages, searched, by role, node and state", async () => {
    await using mesh = await started([], [echo]);
    await using looking = await lookAt(mesh);
    for (let one = 0; one < 30; one += 1) await mesh.spawn(echo);
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: ActorPage = (await looking.get<ActorPage>(`api/actors?limit=10&cursor=${cursor}`)).body;
      expect(page.total).toBe(31);
      seen.push(...page.actors.map(({ address }) => address));
      ({ cursor } = page);
    }
    expect(new Set(seen).size).toBe(31);
    expect((await looking.get<ActorPage>("api/actors?query=echo.31")).body.total).toBe(1);
    expect((await looking.get<ActorPage>("api/actors?state=paused")).body.total).toBe(0);
    expect((await looking.get<ActorPage>("api/actors?node=other")).body.total).toBe(0);
  });
});

describe("from the inspector", () => {
  it("an approval is answered, and the task goes on", async () => {
    await using mesh = await started([MENDED], [careful]);
    await using looking = await lookAt(mesh);
    await using events = await looking.events("?task=t1");
    await events.next("mesh");
    const result = mesh.execute("careful", { id: "t1", task: "Add." });
    const asked = await events.next("approval", ({ approval }) => approval !== null);
    expect(asked.approval).toMatchObject({
      taskId: "t1",
      subject: { type: "code", code: "result = { sum: 3 };" },
    });
    expect((await looking.get<ApprovalPage>("api/approvals")).body).toMatchObject({ total: 1 });
    const [row] = (await looking.get<TaskPage>("api/tasks")).body.tasks;
    expect(row).toMatchObject({ status: "awaiting-approval", state: "awaitingApproval" });
    const answered = await looking.post(`api/approvals/${asked.approvalId}/approve`, { note: "go on" });
    expect(answered.status).toBe(200);
    expect(await result).toMatchObject({ status: "success", output: { sum: 3 } });
    expect(await events.next("approval")).toMatchObject({ approvalId: asked.approvalId, approval: null });
    const { moment } = await events.next("moment", (event) => event.moment.type === "approval-answered");
    expect(moment).toMatchObject({
      tone: "good",
      approval: { answer: { decision: "approved", by: "inspector", note: "go on" } },
    });
    const again = await looking.post(`api/approvals/${asked.approvalId}/reject`);
    expect([404, 409]).toContain(again.status);
  });

  it("a task is cancelled, with the reason", async () => {
    await using mesh = await started(() => new Promise<string>(() => undefined));
    await using looking = await lookAt(mesh);
    await using events = await looking.events();
    const result = mesh.execute("worker", { id: "t1", task: "Add." });
    await events.next("tasks", ({ tasks }) => tasks.some(({ states }) => states.includes("generating")));
    expect(await looking.post("api/tasks/t1/cancel", { reason: "no more" })).toMatchObject({ status: 200 });
    expect(await result).toMatchObject({ status: "cancelled", error: { message: "no more" } });
    expect(await looking.post("api/tasks/t1/cancel")).toMatchObject({ status: 404 });
  });

  it("a workflow is followed as a graph with progress", async () => {
    await using mesh = await started([], [echo]);
    await using looking = await lookAt(mesh);
    await using events = await looking.events("?workflow=w1");
    await events.next("mesh");
    await mesh.workflow("w1", [
      { id: "first", agent: "echo", task: "one" },
      { id: "second", agent: "echo", task: "two", dependsOn: ["first"] },
    ]);
    await events.next("workflows", ({ workflowIds }) => workflowIds.includes("w1"));
    const { body } = await looking.get<WorkflowDetail>("api/workflows/w1");
    expect(body.workflow).toMatchObject({ status: "success", steps: 2, stepsEnded: 2 });
    expect(body.steps).toMatchObject([
      { id: "first", status: "success", success: 1, tasks: [{ taskId: "w1-first", status: "success" }] },
      { id: "second", dependsOn: ["first"] },
    ]);
    expect(body.graph?.states.map(({ id }) => id)).toEqual(["w1", "w1.first", "w1.second"]);
    expect((await looking.get<WorkflowPage>("api/workflows?query=W1")).body).toMatchObject({ total: 1 });
    expect(await looking.get("api/workflows/none")).toMatchObject({ status: 404 });
  });
});
