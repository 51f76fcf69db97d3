// Tasks over HTTP: what an asker is told, when, and that a task never depends on whoever asked for it.
import { describe, expect, it } from "vitest";
import { startService, testAgents } from "./service.ts";

describe("POST /v1/tasks", () => {
  it("waits for the result and gives it", async () => {
    await using service = await startService(testAgents().agents);
    const answer = await service.post("/v1/tasks", { agent: "echo", task: "hello", id: "t1" });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: "success", output: "hello", taskId: "t1", role: "echo" });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("content-location")).toBe("/v1/tasks/t1/result");
  });

  it("gives a failed task as a result like any other", async () => {
    await using service = await startService(testAgents().agents);
    const answer = await service.post("/v1/tasks", { agent: "failing", task: "go" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("fettle-status")).toBe("failure");
    expect(answer.body).toMatchObject({
      status: "failure",
      error: { message: expect.stringContaining("too far") as string },
    });
  });

  it.each([
    ["?wait=0", {}, null],
    ["", { Prefer: "respond-async" }, "respond-async"],
    ["", { Prefer: "handling=lenient, respond-async, wait=0" }, "wait=0"],
  ])(
    "answers 202 with where the task is, asked by %s %o, and the result comes there",
    async (query, headers, applied) => {
      const { agents, held } = testAgents();
      await using service = await startService(agents);
      const asked = await service.post(`/v1/tasks${query}`, { agent: "held", task: "go", id: "t1" }, headers);
      expect(asked.status).toBe(202);
      expect(asked.headers.get("location")).toBe("/v1/tasks/t1");
      expect(asked.headers.get("retry-after")).toBe("2");
      expect(asked.headers.get("preference-applied")).toBe(applied);
      expect(asked.body).toMatchObject({ taskId: "t1", links: { result: "/v1/tasks/t1/result" } });
      const early = await service.get("/v1/tasks/t1/result");
      expect(early.status).toBe(202);
      const late = service.get("/v1/tasks/t1/result?wait=60");
      held.resolve("done");
      expect(await late).toMatchObject({ status: 200, body: { output: "done" } });
      expect(await service.get("/v1/tasks/t1")).toMatchObject({ status: 200, body: { status: "success" } });
    },
  );

  it("answers 202 once the time that was asked for is over", async () => {
    await using service = await startService(testAgents().agents);
    const answer = await service.post("/v1/tasks", { agent: "held", task: "go" }, { Prefer: "wait=1" });
    expect(answer.status).toBe(202);
    expect(answer.headers.get("preference-applied")).toBe("wait=1");
  });

  it("joins or answers the same id, and refuses it for another task", async () => {
    const { agents, held } = testAgents();
    await using service = await startService(agents);
    const task = { agent: "held", task: "go", id: "t1" };
    await service.post("/v1/tasks?wait=0", task);
    const joined = service.post("/v1/tasks", task);
    const other = await service.post("/v1/tasks", { ...task, task: "stay" });
    expect(other).toMatchObject({ status: 409, body: { code: "TASK_TAKEN", retryable: false } });
    held.resolve(1);
    expect((await joined).body).toMatchObject({ output: 1 });
    const again = await service.post(
      "/v1/tasks",
      { agent: "held", task: "go" },
      { "Idempotency-Key": '"t1"' },
    );
    expect(again).toMatchObject({ status: 200, body: { taskId: "t1", output: 1 } });
  });

  it("hands context, profile, budget and the caller's trace to the task", async () => {
    await using service = await startService(testAgents().agents);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const body = { agent: "echo", task: "go", id: "t1", context: { a: [1] }, budget: { usd: 1 } };
    await service.post("/v1/tasks", body, { traceparent });
    const journal = await service.get("/v1/tasks/t1/journal");
    expect(journal.body).toMatchObject({
      task: { taskId: "t1", status: "success" },
      entries: expect.arrayContaining([
        expect.objectContaining({
          type: "accepted",
          context: { a: [1] },
          budget: { usd: 1 },
          trace: traceparent,
        }),
        expect.objectContaining({ type: "finished" }),
      ]) as unknown,
    });
    await service.post("/v1/tasks", { agent: "echo", task: "go", id: "t2" }, { traceparent: "nonsense" });
    expect(JSON.stringify((await service.get("/v1/tasks/t2/journal")).body)).not.toContain("nonsense");
  });
});

describe("the list of tasks", () => {
  it("comes in pages, the newest first, each task once", async () => {
    await using service = await startService(testAgents().agents);
    for (const n of [1, 2, 3, 4, 5])
      await service.post("/v1/tasks", { agent: "echo", task: "go", id: `t${n}` });
    await service.post("/v1/tasks", { agent: "failing", task: "go", id: "f1" });
    const seen: string[] = [];
    let next: unknown = "/v1/tasks?limit=2&role=echo";
    while (typeof next === "string") {
      const { body } = await service.get(next);
      const tasks = body["tasks"] as readonly { readonly taskId: string }[];
      expect(tasks.length).toBeLessThanOrEqual(2);
      seen.push(...tasks.map(({ taskId }) => taskId));
      next = body["next"];
    }
    expect(seen.sort()).toEqual(["t1", "t2", "t3", "t4", "t5"]);
    const { body } = await service.get("/v1/tasks?status=failure");
    expect(body).toMatchObject({ tasks: [{ taskId: "f1" }], next: null });
  });
});

describe("a cancel", () => {
  it("ends the task and gives its result; a second one is told that it has ended", async () => {
    await using service = await startService(testAgents().agents);
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    const cancelled = await service.post("/v1/tasks/t1/cancel", { reason: "no need" });
    expect(cancelled).toMatchObject({
      status: 200,
      body: { status: "cancelled", error: { message: "no need" } },
    });
    expect(await service.post("/v1/tasks/t1/cancel")).toMatchObject({
      status: 409,
      body: { code: "TASK_ENDED" },
    });
    expect(await service.post("/v1/tasks/t2/cancel")).toMatchObject({
      status: 404,
      body: { code: "TASK_UNKNOWN" },
    });
  });
});
