// Requests as such: who may ask, under which name, how much, and what each mistake is answered with.
import type { Log } from "#src/core/log";
import { defineAgent } from "fettle";
import { createHttpApp } from "fettle/http";
import { TestMesh } from "fettle/testing";
import { describe, expect, it } from "vitest";
import { startService, testAgents, type TestService } from "./service.ts";

const TOKEN = "a-token-that-is-long";

function collector(): {
  readonly log: Log;
  readonly lines: { readonly level: string; readonly text: string }[];
} {
  const lines: { level: string; text: string }[] = [];
  const write = (level: string) => (fields: object, message: string) => {
    const shown = JSON.stringify(fields, (_, value: unknown) =>
      value instanceof Error ? value.stack : value,
    );
    lines.push({ level, text: `${message} ${shown}` });
  };
  return {
    lines,
    log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
  };
}

async function asked(service: TestService, path: string, init: RequestInit = {}) {
  const response = await service.app.request(path, init);
  return {
    response,
    status: response.status,
    body: (await response.json()) as Readonly<Record<string, unknown>>,
  };
}

describe("a mistake is answered as a problem", () => {
  it.each([
    ["an address that there is none of", "/v1/nothing", {}, 404, "NOT_FOUND"],
    ["an id that is no name", "/v1/tasks/a%20b", {}, 404, "NOT_FOUND"],
    ["a task that there is none of", "/v1/tasks/t9", {}, 404, "TASK_UNKNOWN"],
    ["a workflow that there is none of", "/v1/workflows/w9/events", {}, 404, "WORKFLOW_UNKNOWN"],
    ["another method", "/v1/tasks", { method: "DELETE" }, 405, "METHOD_NOT_ALLOWED"],
    [
      "a body that is no JSON by its type",
      "/v1/tasks",
      { method: "POST", body: "go" },
      415,
      "MEDIA_TYPE_UNSUPPORTED",
    ],
    ["a number that is none", "/v1/tasks?limit=many", {}, 400, "PARAMETER_INVALID"],
    ["a parameter that there is none of", "/v1/tasks?rolle=x", {}, 400, "PARAMETER_INVALID"],
  ])("%s", async (_, path, init, status, code) => {
    await using service = await startService(testAgents().agents);
    const { response, body } = await asked(service, path, init);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(body).toMatchObject({
      status,
      code,
      type: `urn:fettle:problem:${code.toLowerCase().replaceAll("_", "-")}`,
    });
    expect(body["requestId"]).toBe(response.headers.get("x-request-id"));
    if (status === 405) expect(response.headers.get("allow")).toBe("POST, GET, HEAD");
  });

  it.each([
    ["{", 400, "BODY_MALFORMED"],
    ["[]", 422, "REQUEST_INVALID"],
    ['{"agent": "echo"}', 422, "REQUEST_INVALID"],
    ['{"agent": "echo", "task": " "}', 422, "REQUEST_INVALID"],
    ['{"agent": "echo", "task": "go", "id": "a b"}', 422, "REQUEST_INVALID"],
    ['{"agent": "echo", "task": "go", "budget": {}}', 422, "DEFINITION_INVALID"],
    ['{"agent": "echo", "task": "go", "profil": "coder"}', 422, "REQUEST_INVALID"],
    ['{"agent": "nobody", "task": "go"}', 404, "AGENT_UNKNOWN"],
  ])("the body %s", async (body, status, code) => {
    await using service = await startService(testAgents().agents);
    expect(await service.post("/v1/tasks", body)).toMatchObject({ status, body: { code } });
  });

  it("names each wrong part of a body by its place", async () => {
    await using service = await startService(testAgents().agents);
    const { body } = await service.post("/v1/tasks", { agent: "a b", task: "go", budget: { usd: -1 } });
    const pointers = (body["errors"] as readonly { readonly pointer: string }[]).map(
      ({ pointer }) => pointer,
    );
    expect(pointers).toEqual(["/agent", "/budget/usd"]);
  });

  it("refuses bodies beyond the bound, whether or not they tell their size", async () => {
    await using service = await startService(testAgents().agents, { maxBodyBytes: 100 });
    const body = JSON.stringify({ agent: "echo", task: "x".repeat(100) });
    const headers = { "Content-Type": "application/json" };
    const told = { method: "POST", headers: { ...headers, "Content-Length": String(body.length) }, body };
    expect(await asked(service, "/v1/tasks", told)).toMatchObject({
      status: 413,
      body: { code: "BODY_TOO_LARGE" },
    });
    const stream = new Blob([body]).stream();
    const untold = { method: "POST", headers, body: stream, duplex: "half" } as RequestInit;
    expect(await asked(service, "/v1/tasks", untold)).toMatchObject({
      status: 413,
      body: { code: "BODY_TOO_LARGE" },
    });
  });

  it("takes no body that is compressed, and says so", async () => {
    await using service = await startService(testAgents().agents);
    const body = { agent: "echo", task: "x" };
    const refused = await service.post("/v1/tasks", body, { "Content-Encoding": "gzip" });
    expect(refused).toMatchObject({ status: 415, body: { code: "MEDIA_TYPE_UNSUPPORTED" } });
    expect(refused.headers.get("accept-encoding")).toBe("identity");
    expect((await service.post("/v1/tasks", body, { "Content-Encoding": "identity" })).status).toBe(200);
  });

  it("tells of too many tasks that they may be sent again", async () => {
    const narrow = defineAgent({
      role: "narrow",
      capabilities: ["x"],
      concurrency: 1,
      mailboxSize: 1,
      handle: () => new Promise(() => undefined),
    });
    await using service = await startService([narrow]);
    const statuses: number[] = [];
    let last: { readonly headers: Headers; readonly body: Readonly<Record<string, unknown>> } | undefined;
    for (let n = 0; n < 4; n += 1) {
      last = await service.post("/v1/tasks?wait=0", { agent: "narrow", task: "go" });
      statuses.push((last as { readonly status: number } & typeof last).status);
    }
    expect(statuses).toContain(202);
    expect(statuses.at(-1)).toBe(429);
    expect(last?.body).toMatchObject({ code: "QUEUE_FULL", retryable: true });
    expect(last?.headers.get("retry-after")).toBe("1");
  });
});

describe("a service with a token", () => {
  it("answers only those who send it, but for its health and its description", async () => {
    await using service = await startService(testAgents().agents, { token: TOKEN });
    service.app.all("/own", (c) => c.text("reached"));
    const none = await service.get("/v1/tasks");
    expect(none).toMatchObject({ status: 401, body: { code: "UNAUTHORIZED" } });
    expect(none.headers.get("www-authenticate")).toBe('Bearer realm="fettle"');
    for (const wrong of ["Bearer nope", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, "Bearer"]) {
      expect((await service.get("/v1/tasks", { Authorization: wrong })).status).toBe(401);
    }
    expect((await service.get("/v1/tasks", { Authorization: `bearer ${TOKEN}` })).status).toBe(200);
    expect((await service.get("/nothing")).status).toBe(401);
    for (const method of ["GET", "POST", "HEAD", "OPTIONS", "PROPFIND"]) {
      expect((await service.app.request("/own", { method })).status).toBe(401);
    }
    for (const path of ["/health", "/ready", "/openapi.json"])
      expect((await service.get(path)).status).toBe(200);
  });

  it("shows no secret in answers or logs", async () => {
    const { log, lines } = collector();
    const leaky = defineAgent({
      role: "leaky",
      capabilities: ["x"],
      handle: () => {
        throw new Error("oh");
      },
    });
    await using service = await startService([leaky], { token: TOKEN, log, secrets: ["a-configured-key"] });
    const headers = { Authorization: `Bearer ${TOKEN}` };
    const answers = [
      await service.get(`/v1/tasks/${TOKEN}`, headers),
      await service.get("/v1/tasks/a-configured-key", headers),
      await service.get(`/v1/tasks?token=${TOKEN}`, headers),
      await service.post("/v1/tasks", { agent: "a-configured-key", task: "go" }, headers),
    ];
    for (const { status } of answers) expect([400, 404]).toContain(status);
    expect(answers[0]?.body["detail"]).toContain("[redacted]");
    expect(lines.length).toBeGreaterThan(3);
    expect(JSON.stringify([answers, lines.filter(({ text }) => !text.includes('"path"'))])).not.toMatch(
      new RegExp(`${TOKEN}|a-configured-key`),
    );
  });
});

describe("a service on loopback", () => {
  it("answers only to its own names, and to no page of another origin", async () => {
    await using service = await startService(testAgents().agents, { hosts: ["localhost", "127.0.0.1"] });
    const ask = (headers: Record<string, string>) => service.get("/v1/tasks", headers);
    expect((await ask({ Host: "LOCALHOST:8080" })).status).toBe(200);
    expect(await ask({ Host: "evil.example:8080" })).toMatchObject({
      status: 421,
      body: { code: "HOST_REFUSED" },
    });
    expect((await ask({ Host: "127.0.0.1:8080", Origin: "http://127.0.0.1:8080" })).status).toBe(200);
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:9999"]) {
      const answer = await ask({ Host: "127.0.0.1:8080", Origin: origin });
      expect(answer).toMatchObject({ status: 403, body: { code: "ORIGIN_REFUSED" } });
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("lets pages ask of the origins that are named", async () => {
    const origins = ["https://app.example"];
    await using service = await startService(testAgents().agents, { origins, token: TOKEN });
    const preflight = await service.app.request("/v1/tasks", {
      method: "OPTIONS",
      headers: { Origin: "https://app.example", "Access-Control-Request-Method": "POST" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const ask = (origin: string, token = TOKEN) =>
      service.get("/v1/tasks", { Origin: origin, Authorization: `Bearer ${token}` });
    // Pages can read why they were refused, too.
    for (const [token, status] of [
      [TOKEN, 200],
      ["another", 401],
    ] as const) {
      const answer = await ask("https://app.example", token);
      expect(answer.status).toBe(status);
      expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.example");
    }
    expect((await ask("https://other.example")).status).toBe(403);
  });
});

describe("a request's id", () => {
  it("is the client's where that is sane, else a new one, in the answer and in the log", async () => {
    const { log, lines } = collector();
    await using service = await startService(testAgents().agents, { log });
    const given = await service.get("/v1/tasks/t9", { "X-Request-Id": "req-42" });
    expect(given.headers.get("x-request-id")).toBe("req-42");
    expect(given.body["requestId"]).toBe("req-42");
    expect(
      lines.some(({ text }) => text.includes('"requestId":"req-42"') && text.includes('"status":404')),
    ).toBe(true);
    for (const bad of ["a b", "x".repeat(129), "<script>"]) {
      const { headers } = await service.get("/health", { "X-Request-Id": bad });
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it("finds what went wrong inside in the log, where the answer does not show it", async () => {
    const { log, lines } = collector();
    await using service = await startService(testAgents().agents, { log });
    service.mesh.pending = () => Promise.reject(new TypeError("inner detail"));
    const answer = await service.get("/v1/approvals", { "X-Request-Id": "req-7" });
    expect(answer).toMatchObject({ status: 500, body: { code: "FAULT", requestId: "req-7" } });
    expect(JSON.stringify(answer.body)).not.toContain("inner detail");
    const error = lines.find(({ level }) => level === "error");
    expect(error?.text).toContain("inner detail");
    expect(error?.text).toContain("req-7");
  });
});

describe("readiness", () => {
  it("comes with the mesh's start and goes with the service's end, while health stays", async () => {
    const mesh = new TestMesh().add(testAgents().agents[0] ?? expect.fail());
    const ending = new AbortController();
    const app = createHttpApp(mesh, { signal: ending.signal });
    const ask = async (path: string) => {
      const response = await app.request(path);
      return {
        status: response.status,
        retry: response.headers.get("retry-after"),
        body: (await response.json()) as object,
      };
    };
    expect(await ask("/health")).toMatchObject({ status: 200 });
    expect(await ask("/ready")).toMatchObject({
      status: 503,
      body: { status: "not ready", mesh: "starting" },
    });
    expect(await ask("/v1/tasks")).toMatchObject({
      status: 503,
      retry: "1",
      body: { code: "STARTING", retryable: true },
    });
    await mesh.start();
    expect(await ask("/ready")).toMatchObject({
      status: 200,
      body: { status: "ready", mesh: "started", fabric: "answers", model: "not needed" },
    });
    ending.abort();
    expect(await ask("/ready")).toMatchObject({ status: 503, body: { mesh: "stopping" } });
    expect(await ask("/v1/tasks")).toMatchObject({
      status: 503,
      body: { code: "STOPPING", retryable: true },
    });
    expect(await ask("/health")).toMatchObject({ status: 200 });
    await mesh.stop();
  });

  it("is not there where the store does not answer, and says why", async () => {
    await using service = await startService(testAgents().agents);
    service.mesh.view.ping = () => Promise.reject(new Error("the disk is gone"));
    expect(await service.get("/ready")).toMatchObject({ status: 503, body: { fabric: "the disk is gone" } });
  });

  it("leaves requests in hand their time, and then tells them where their results will be", async () => {
    await using service = await startService(testAgents().agents, { graceMs: 50 });
    const waiting = service.post("/v1/tasks", { agent: "held", task: "go", id: "t1" });
    while ((await service.mesh.view.tasks.find("t1")) === null)
      await new Promise((resolve) => setImmediate(resolve));
    service.end();
    const answer = await waiting;
    expect(answer).toMatchObject({ status: 202, body: { links: { result: "/v1/tasks/t1/result" } } });
  });
});

describe("the log", () => {
  it("has a line of each request, and of those that only watch at the level debug, unless they fail", async () => {
    const { log, lines } = collector();
    await using service = await startService(testAgents().agents, { log });
    service.app.get("/inspect/api/mesh", (c) => c.text("seen"));
    service.app.get("/metrics", (c) => c.text("measured"));
    service.app.post("/inspect/api/pause", (c) => c.text("paused"));
    lines.length = 0;
    for (const path of ["/health", "/metrics", "/inspect/api/mesh", "/inspect/none", "/v1/agents"]) {
      await service.app.request(path);
    }
    await service.app.request("/inspect/api/pause", { method: "POST" });
    const told = lines.map(({ level, text }) => `${level} ${/"path":"([^"]+)"/.exec(text)?.[1] ?? ""}`);
    expect(told).toEqual([
      "debug /health",
      "debug /metrics",
      "debug /inspect/api/mesh",
      "info /inspect/none",
      "info /v1/agents",
      "info /inspect/api/pause",
    ]);
  });
});
