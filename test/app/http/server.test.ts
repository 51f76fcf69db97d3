// The service on a real server: connections that break, readers that do not read, bodies that are too large, and its end.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { defineAgent } from "fettle";
import { createHttpApp, httpPlace, openHttpServer, type HttpServer } from "fettle/http";
import { TestMesh, type TestMeshOptions } from "fettle/testing";
import { describe, expect, it, vi } from "vitest";
import { defer } from "#src/core/deferred";
import { silentLog } from "#src/core/log";
import { readEvents } from "./event-reader.ts";
import { testAgents } from "./service.ts";

const JSON_TYPE = { "Content-Type": "application/json" };

interface Live extends AsyncDisposable {
  readonly mesh: TestMesh;
  readonly app: ReturnType<typeof createHttpApp>;
  readonly server: HttpServer;
  readonly ending: AbortController;
  submit(task: object): Promise<void>;
}

async function serve(
  agents = testAgents().agents,
  options: TestMeshOptions = {},
  graceMs = 200,
  log = silentLog,
): Promise<Live> {
  const mesh = new TestMesh(options);
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  const ending = new AbortController();
  const app = createHttpApp(mesh, {
    signal: ending.signal,
    log,
    graceMs,
    heartbeatMs: 20,
    maxBodyBytes: 1_000_000,
  });
  const server = await openHttpServer(app.fetch, { host: "127.0.0.1", port: 0 });
  return {
    mesh,
    app,
    server,
    ending,
    submit: async (task) => {
      const init = { method: "POST", headers: JSON_TYPE, body: JSON.stringify(task) };
      const response = await fetch(`${server.url}/v1/tasks?wait=0`, init);
      expect([200, 202]).toContain(response.status);
      await response.body?.cancel();
    },
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await server.close();
      await mesh.stop({ mode: "cancel" });
    },
  };
}

/** Counts who listens to tasks. */
function countListeners({ mesh }: Live): { count: number } {
  const listening = { count: 0 };
  const { view } = mesh;
  const hear = view.hear.bind(view);
  vi.spyOn(view, "hear").mockImplementation((id, listener) => {
    const unhear = hear(id, listener);
    listening.count += 1;
    return () => {
      listening.count -= 1;
      unhear();
    };
  });
  return listening;
}

async function rawRequest({ server }: Live, lines: readonly string[]): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write([...lines, "", ""].join("\r\n"));
  return socket;
}

describe("the service on a server", () => {
  it("streams events as they happen", async () => {
    const { agents, held } = testAgents();
    await using live = await serve(agents);
    await live.submit({ agent: "held", task: "go", id: "t1" });
    const events = readEvents(await fetch(`${live.server.url}/v1/tasks/t1/events`));
    await events.until("handler-started");
    held.resolve("done");
    expect((await events.rest()).at(-1)).toMatchObject({
      event: "finished",
      data: { result: { output: "done" } },
    });
  });

  it("hears nothing more for a reader whose connection broke", async () => {
    await using live = await serve();
    await live.submit({ agent: "held", task: "go", id: "t1" });
    const listening = countListeners(live);
    const socket = await rawRequest(live, ["GET /v1/tasks/t1/events HTTP/1.1", "Host: localhost"]);
    await once(socket, "data");
    expect(listening.count).toBe(1);
    socket.destroy();
    await vi.waitFor(() => expect(listening.count).toBe(0), 5_000);
  });

  it("holds nothing for whoever asks for the headers of a stream alone", async () => {
    await using live = await serve();
    await live.submit({ agent: "held", task: "go", id: "t1" });
    const listening = countListeners(live);
    const response = await fetch(`${live.server.url}/v1/tasks/t1/events`, { method: "HEAD" });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    expect(listening.count).toBe(0);
  });

  it("reads no more of a journal than a reader takes who does not read", async () => {
    const large = "x".repeat(200_000);
    const talker = defineAgent({ role: "talker", capabilities: ["x"], systemPrompt: "Talk." });
    await using live = await serve([talker], {
      model: Array.from({ length: 40 }, () => `${large}\n\nno code`),
      maxRepairs: 19,
    });
    await live.submit({ agent: "talker", task: "go", id: "t1" });
    await vi.waitFor(async () => expect(await live.mesh.view.tasks.result("t1")).not.toBeNull(), 20_000);
    let read = 0;
    const { tasks } = live.mesh.view;
    const after = tasks.after.bind(tasks);
    vi.spyOn(tasks, "after").mockImplementation((id, mark, limit) => {
      read += 1;
      return after(id, mark, Math.min(limit, 2));
    });
    const socket = await rawRequest(live, ["GET /v1/tasks/t1/events HTTP/1.1", "Host: localhost"]);
    socket.pause();
    const whole = (await live.mesh.view.tasks.read("t1")).length;
    await vi.waitFor(() => expect(read).toBeGreaterThan(0), 5_000);
    let before = -1;
    while (before !== read) {
      before = read;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(read * 2).toBeLessThan(whole);
    socket.destroy();
  });

  it("goes on with a task whose asker went away", async () => {
    const { agents, held } = testAgents();
    await using live = await serve(agents);
    const body = JSON.stringify({ agent: "held", task: "go", id: "t1" });
    const socket = await rawRequest(live, [
      "POST /v1/tasks HTTP/1.1",
      "Host: localhost",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      "",
      body,
    ]);
    await vi.waitFor(async () => expect(await live.mesh.view.tasks.find("t1")).not.toBeNull(), 5_000);
    socket.destroy();
    held.resolve("done");
    const response = await fetch(`${live.server.url}/v1/tasks/t1/result?wait=30`);
    expect(await response.json()).toMatchObject({ status: "success", output: "done" });
  });

  it("refuses a body that is too large, also one that comes in pieces", async () => {
    await using live = await serve();
    const body = JSON.stringify({ agent: "echo", task: "x".repeat(1_500_000) });
    const pieces = new Blob([body]).stream();
    for (const given of [{ body }, { body: pieces, duplex: "half" as const }]) {
      const response = await fetch(`${live.server.url}/v1/tasks`, {
        method: "POST",
        headers: JSON_TYPE,
        ...given,
      });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ code: "BODY_TOO_LARGE" });
    }
  });

  it("bounds the bodies of routes that a program adds, too, however it reads them", async () => {
    await using live = await serve();
    live.app.post("/text", async (c) => c.text(String((await c.req.text()).length)));
    live.app.post("/pieces", async (c) => {
      let bytes = 0;
      for await (const chunk of c.req.raw.body as unknown as AsyncIterable<Uint8Array>)
        bytes += chunk.byteLength;
      return c.text(String(bytes));
    });
    const post = async (path: string, bytes: number, isTold: boolean) => {
      const text = "x".repeat(bytes);
      const given = isTold ? { body: text } : { body: new Blob([text]).stream(), duplex: "half" as const };
      const response = await fetch(live.server.url + path, { method: "POST", ...given });
      return [response.status, (await response.text()).replace(/^.*"code":"(\w+)".*$/s, "$1")];
    };
    for (const path of ["/text", "/pieces"]) {
      for (const isTold of [true, false]) {
        expect(await post(path, 1_000_000, isTold)).toEqual([200, "1000000"]);
        expect(await post(path, 1_500_000, isTold)).toEqual([413, "BODY_TOO_LARGE"]);
      }
    }
  });

  it("takes it for no fault of its own that a client goes away in the middle of its body", async () => {
    const answered = defer<number>();
    const faults: string[] = [];
    const log = {
      ...silentLog,
      info: (fields: object) => answered.resolve((fields as { readonly status: number }).status),
      error: (_: object, message: string) => faults.push(message),
    };
    await using live = await serve(undefined, {}, 200, log);
    const head = ["POST /v1/tasks HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
    const socket = await rawRequest(live, [...head, "Content-Length: 200", "", '{ "agent"']);
    socket.destroy();
    expect(await answered.promise).toBe(400);
    expect(faults).toEqual([]);
  });

  it("gives what a route of the program was given by another server", async () => {
    await using live = await serve();
    live.app.get("/elsewhere", () => fetch("data:text/plain,hello"));
    const response = await fetch(`${live.server.url}/elsewhere`, { headers: { "X-Request-Id": "r1" } });
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    expect(response.headers.get("x-request-id")).toBe("r1");
  });

  it("answers HEAD as GET, without the body", async () => {
    await using live = await serve();
    const response = await fetch(`${live.server.url}/v1/tasks`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  it("ends with every request answered: results within the grace, then where they will be", async () => {
    const { agents, held } = testAgents();
    await using live = await serve(agents, {}, 400);
    const ask = async (agent: string, id: string) => {
      const init = { method: "POST", headers: JSON_TYPE, body: JSON.stringify({ agent, task: "go", id }) };
      const response = await fetch(`${live.server.url}/v1/tasks`, init);
      return { status: response.status, body: await response.json() };
    };
    const stuck = defineAgent({
      role: "stuck",
      capabilities: ["x"],
      handle: () => new Promise(() => undefined),
    });
    await live.mesh.spawn(stuck);
    const [quick, slow] = [ask("held", "t1"), ask("stuck", "t2")];
    for (const id of ["t1", "t2"]) {
      await vi.waitFor(async () => expect(await live.mesh.view.tasks.find(id)).not.toBeNull(), 5_000);
    }
    const events = readEvents(await fetch(`${live.server.url}/v1/tasks/t2/events`));
    await events.until("handler-started");
    live.ending.abort();
    const closed = live.server.close({ graceMs: 5_000 });
    held.resolve("done");
    expect(await quick).toMatchObject({ status: 200, body: { output: "done" } });
    expect(await slow).toMatchObject({ status: 202, body: { taskId: "t2" } });
    expect(await events.rest()).toEqual([]);
    await closed;
    await expect(fetch(`${live.server.url}/health`)).rejects.toThrow();
  });
});

describe("where the service may listen", () => {
  it("is loopback without a token, and anywhere with one that is long enough", () => {
    const token = "a-token-that-is-long";
    expect(httpPlace({ host: "127.0.0.1", port: 0, token: undefined }).hosts).toContain("localhost");
    expect(httpPlace({ host: "::1", port: 0, token: undefined }).hosts).toContain("[::1]");
    for (const host of ["0.0.0.0", "127.0.0.1"]) {
      expect(httpPlace({ host, port: 0, token }).hosts).toBeUndefined();
    }
    for (const host of ["0.0.0.0", "::", "10.0.0.5", "example.org", "127.0.0.1.example.org"]) {
      expect(() => httpPlace({ host, port: 0, token: undefined })).toThrow("FETTLE_HTTP_TOKEN");
    }
    expect(() => httpPlace({ host: "127.0.0.1", port: 0, token: "short" })).toThrow("at least 16 characters");
    expect(() => httpPlace({ host: "127.0.0.1", port: 0, token: `${token} x` })).toThrow("white space");
  });

  it("is told where the port is taken", async () => {
    await using live = await serve();
    const { port } = live.server;
    await expect(openHttpServer(() => new Response(), { host: "127.0.0.1", port })).rejects.toThrow(
      `Cannot listen on 127.0.0.1:${port}: another program listens there. Choose another port: --port`,
    );
  });
});
