// What people steer over HTTP: approvals and agents.
import { defineAgent } from "fettle";
import { describe, expect, it } from "vitest";
import { readEvents } from "./event-reader.ts";
import { startService, testAgents } from "./service.ts";

const careful = defineAgent({
  role: "careful",
  capabilities: ["care"],
  systemPrompt: "You write code.",
  approval: "code",
});

describe("an approval over HTTP", () => {
  it("is listed, given once, and the task goes on", async () => {
    await using service = await startService([careful], { mesh: { model: ["result = 1", "result = 2"] } });
    await service.post("/v1/tasks?wait=0", { agent: "careful", task: "go", id: "t1" });
    await readEvents(await service.app.request("/v1/tasks/t1/events")).until("approval-asked");
    const { body } = await service.get("/v1/approvals");
    expect(body).toMatchObject({ approvals: [{ approvalId: "t1-a1", subject: { type: "code" } }] });
    const refused = await service.post("/v1/approvals/t1-a1/reject", { by: "ann", note: "use 2" });
    expect(refused).toMatchObject({ status: 200, body: { status: "rejected", by: "ann", note: "use 2" } });
    const again = await service.post("/v1/approvals/t1-a1/approve");
    expect([404, 409]).toContain(again.status);
    const events = readEvents(await service.app.request("/v1/tasks/t1/events"));
    await events.until("approval-asked");
    await events.until("approval-asked");
    expect(await service.post("/v1/approvals/t1-a2/approve")).toMatchObject({
      status: 200,
      body: { status: "approved" },
    });
    expect(await service.get("/v1/tasks/t1/result?wait=60")).toMatchObject({ body: { output: 2 } });
    expect(await service.post("/v1/approvals/t9-a1/approve")).toMatchObject({
      status: 404,
      body: { code: "APPROVAL_UNKNOWN" },
    });
  });
});

describe("agents over HTTP", () => {
  it("are listed, and paused so that their tasks wait until they are resumed", async () => {
    await using service = await startService(testAgents().agents);
    const { body } = await service.get("/v1/agents");
    expect(body["agents"]).toContainEqual({
      role: "echo",
      capabilities: ["echoing"],
      actors: 1,
      here: { kind: "custom", actors: 1, ready: 1, running: 0 },
    });
    const paused = await service.post("/v1/agents/echo/pause");
    expect(paused).toMatchObject({
      status: 200,
      body: { role: "echo", here: { ready: 0 }, switched: 1, silent: [] },
    });
    const waiting = await service.post("/v1/tasks?wait=0", { agent: "echo", task: "go", id: "t1" });
    expect(waiting.status).toBe(202);
    expect(await service.post("/v1/agents/echo/resume")).toMatchObject({ body: { here: { ready: 1 } } });
    expect(await service.get("/v1/tasks/t1/result?wait=60")).toMatchObject({
      status: 200,
      body: { output: "go" },
    });
    const node = String(service.mesh.node);
    expect(await service.post(`/v1/agents/echo/pause?node=${node}`)).toMatchObject({
      body: { here: { ready: 0 } },
    });
    expect(await service.post("/v1/agents/echo/resume?node=elsewhere")).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND", detail: `No node "elsewhere" is in this mesh (there are: ${node}).` },
    });
    expect(await service.post("/v1/agents/nobody/pause")).toMatchObject({
      status: 404,
      body: { code: "AGENT_UNKNOWN" },
    });
  });
});
