// Server-sent events: each stored entry once, over any number of connections; readers that are slow or gone cost nothing.
import { defineAgent } from "fettle";
import { describe, expect, it, vi } from "vitest";
import { readEvents, type EventReader, type ReadEvent } from "./event-reader.ts";
import { startService, testAgents, type TestService } from "./service.ts";

const writer = defineAgent({ role: "writer", capabilities: ["writing"], systemPrompt: "You write code." });

async function follow(service: TestService, path: string, lastId?: string): Promise<EventReader> {
  const response = await service.app.request(
    path,
    lastId === undefined ? {} : { headers: { "Last-Event-ID": lastId } },
  );
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  return readEvents(response);
}

function kinds(events: readonly ReadEvent[]): readonly string[] {
  return events.map(({ event }) => event);
}

describe("the events of a task", () => {
  it("are the entries of its journal, and between them its text and console", async () => {
    await using service = await startService([writer], {
      mesh: { model: ["result = nothing.there", "console.log('hi'); result = 6 * 7"] },
    });
    await service.post("/v1/tasks?wait=0", { agent: "writer", task: "go", id: "t1" });
    const events = await (await follow(service, "/v1/tasks/t1/events")).rest();
    const stored = events.filter(({ id }) => id !== null);
    const { body } = await service.get("/v1/tasks/t1/journal");
    expect(stored.map(({ data }) => data)).toEqual(body["entries"]);
    expect(kinds(stored).filter((kind) => kind !== "state")).toEqual([
      ...["accepted", "claimed", "model-asked", "model-answered", "run-started", "run-finished"],
      ...["model-asked", "model-answered", "run-started", "run-finished", "finished"],
    ]);
    expect(events.at(-1)).toMatchObject({ event: "finished", data: { result: { output: 42, repairs: 1 } } });
    const told = new Set(kinds(events.filter(({ id }) => id === null)));
    expect([...told].every((kind) => ["text", "console"].includes(kind))).toBe(true);
  });

  it("go on after the last one that was read, none twice and none left out", async () => {
    const { agents, held } = testAgents();
    await using service = await startService(agents);
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    const first = await follow(service, "/v1/tasks/t1/events");
    const before = await first.until("handler-started");
    await first.leave();
    held.resolve("done");
    await service.get("/v1/tasks/t1/result?wait=60");
    const lastId = before.at(-1)?.id ?? "";
    const after = await (await follow(service, "/v1/tasks/t1/events", lastId)).rest();
    const whole = await (await follow(service, "/v1/tasks/t1/events")).rest();
    expect([...before, ...after]).toEqual(whole);
    expect(kinds(after).at(-1)).toBe("finished");
    expect(
      (await service.get("/v1/tasks/t1/events", { "Last-Event-ID": after.at(-1)?.id ?? "" })).status,
    ).toBe(204);
  });

  it("come at once, as they happen", async () => {
    const { agents, held } = testAgents();
    await using service = await startService(agents);
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    const events = await follow(service, "/v1/tasks/t1/events");
    await events.until("handler-started");
    held.resolve("done");
    expect(kinds(await events.rest()).at(-1)).toBe("finished");
  });

  it("are kept alive by heartbeats", async () => {
    await using service = await startService(testAgents().agents, { heartbeatMs: 20 });
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    const events = await follow(service, "/v1/tasks/t1/events");
    await events.until("handler-started");
    void events.next();
    await vi.waitFor(() => expect(events.comments).toContain(": alive"), 5_000);
    await events.leave();
  });

  it("end when the service does, so that the reader connects to another", async () => {
    await using service = await startService(testAgents().agents);
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    const events = await follow(service, "/v1/tasks/t1/events");
    await events.until("handler-started");
    service.end();
    expect(await events.rest()).toEqual([]);
  });

  it("are heard no more for a reader that has gone, or that takes nothing", async () => {
    const { agents, held } = testAgents();
    await using service = await startService(agents, { heartbeatMs: 5 });
    await service.post("/v1/tasks?wait=0", { agent: "held", task: "go", id: "t1" });
    let listening = 0;
    const { view } = service.mesh;
    const hear = view.hear.bind(view);
    vi.spyOn(view, "hear").mockImplementation((id, listener) => {
      const unhear = hear(id, listener);
      listening += 1;
      return () => {
        listening -= 1;
        unhear();
      };
    });
    const gone = await follow(service, "/v1/tasks/t1/events");
    await gone.next();
    const idle = (await service.app.request("/v1/tasks/t1/events")).body?.getReader();
    await idle?.read();
    expect(listening).toBe(2);
    await gone.leave();
    await vi.waitFor(() => expect(listening).toBe(0), 10_000);
    await expect(idle?.read()).rejects.toThrow("takes nothing");
    held.resolve(1);
  });

  it("are refused for a task that there is none of, and after an id that is none", async () => {
    await using service = await startService(testAgents().agents);
    expect(await service.get("/v1/tasks/t9/events")).toMatchObject({
      status: 404,
      body: { code: "TASK_UNKNOWN" },
    });
    await service.post("/v1/tasks", { agent: "echo", task: "go", id: "t1" });
    const answer = await service.get("/v1/tasks/t1/events?after=x");
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ parameter: "after" }] } });
  });
});
