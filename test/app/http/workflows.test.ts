// Workflows over HTTP: begun, joined, followed, read from their records, cancelled.
import { describe, expect, it } from "vitest";
import { readEvents } from "./event-reader.ts";
import { startService, testAgents } from "./service.ts";

const steps = [
  { id: "one", agent: "echo", task: "first" },
  { id: "two", agent: "echo", task: "second", dependsOn: ["one"] },
];

describe("a workflow over HTTP", () => {
  it("is run, and its result is there again from its record", async () => {
    await using service = await startService(testAgents().agents);
    const ran = await service.post("/v1/workflows", { id: "w1", steps });
    expect(ran).toMatchObject({
      status: 200,
      body: { status: "success", outputs: { one: "first", two: "second" } },
    });
    const read = await service.get("/v1/workflows/w1");
    expect(read).toMatchObject({
      status: 200,
      body: {
        status: "success",
        steps: [
          { id: "one", status: "success" },
          { id: "two", dependsOn: ["one"] },
        ],
      },
    });
    const result = await service.get("/v1/workflows/w1/result");
    expect(result).toMatchObject({ status: 200, body: { recorded: true, outputs: { two: "second" } } });
    expect(await service.post("/v1/workflows", { id: "w1", steps })).toMatchObject({
      body: { recorded: true },
    });
    const other = await service.post("/v1/workflows", { id: "w1", steps: steps.slice(0, 1) });
    expect(other).toMatchObject({ status: 409, body: { code: "WORKFLOW_TAKEN" } });
  });

  it("is answered for once it has a record, waited for elsewhere, and followed", async () => {
    const { agents, held } = testAgents();
    await using service = await startService(agents);
    const body = { id: "w1", steps: [{ id: "wait", agent: "held", task: "go" }, ...steps.slice(0, 1)] };
    const asked = await service.post("/v1/workflows", body, { Prefer: "respond-async" });
    expect(asked).toMatchObject({
      status: 202,
      body: { status: "running", links: { events: "/v1/workflows/w1/events" } },
    });
    expect(asked.headers.get("location")).toBe("/v1/workflows/w1");
    const following = readEvents(await service.app.request("/v1/workflows/w1/events"));
    const waiting = service.get("/v1/workflows/w1/result?wait=60");
    await following.until("step-ended");
    held.resolve("done");
    expect(await waiting).toMatchObject({ status: 200, body: { outputs: { wait: "done" } } });
    const rest = await following.rest();
    expect(rest.at(-1)).toMatchObject({ event: "ended", data: { status: "success" } });
    const lastId = rest.at(-1)?.id ?? "";
    expect((await service.get(`/v1/workflows/w1/events?after=${lastId}`)).status).toBe(204);
    const { body: list } = await service.get("/v1/workflows");
    expect(list).toMatchObject({ workflows: [{ workflowId: "w1", status: "success" }], next: null });
  });

  it("is cancelled with its steps", async () => {
    await using service = await startService(testAgents().agents);
    const body = { id: "w1", steps: [{ id: "wait", agent: "held", task: "go" }] };
    await service.post("/v1/workflows?wait=0", body);
    const cancelled = await service.post("/v1/workflows/w1/cancel", { reason: "no need" });
    expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled" } });
    expect(await service.post("/v1/workflows/w1/cancel")).toMatchObject({
      status: 409,
      body: { code: "WORKFLOW_ENDED" },
    });
  });

  it("is refused where its steps are wrong, with the place", async () => {
    await using service = await startService(testAgents().agents);
    const wrong = await service.post("/v1/workflows", {
      steps: [{ agent: "echo", task: "go", when: { step: 1, equal: 2 } }],
    });
    expect(wrong).toMatchObject({ status: 422, body: { code: "REQUEST_INVALID" } });
    expect(JSON.stringify(wrong.body["errors"])).toContain("/steps/0/when");
    const circle = [
      { id: "a", agent: "echo", task: "go", dependsOn: ["b"] },
      { id: "b", agent: "echo", task: "go", dependsOn: ["a"] },
    ];
    expect(await service.post("/v1/workflows", { steps: circle })).toMatchObject({
      status: 422,
      body: { code: "WORKFLOW_INVALID" },
    });
    const nobody = await service.post("/v1/workflows", { steps: [{ agent: "nobody", task: "go" }] });
    expect(nobody).toMatchObject({ status: 404, body: { code: "AGENT_UNKNOWN" } });
  });
});
