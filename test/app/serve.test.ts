// `fettle serve`: what it serves and says, what it refuses, how it ends, and that over NATS it is a door to all nodes.
import { mkdtemp, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";
import { layProject } from "../harness/project-folder.ts";
import { runFettle, type Run } from "../harness/program.ts";
import { readEvents } from "./http/event-reader.ts";

const AGENTS = `import { defineAgent } from "fettle";
const agent = (role, handle) => defineAgent({ role, capabilities: [role + "ing"], handle });
export const agents = [
  agent("echo", (task) => task.task),
  agent("slow", (task) => new Promise((resolve) => setTimeout(() => resolve(task.task), 1_500))),
];
`;
const TOKEN = "a-token-that-is-long-enough";

let folder = "";
beforeAll(async () => {
  folder = await layProject("serve", { "agents.js": AGENTS, token: `${TOKEN}\n` });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface LiveServe {
  readonly url: string;
  readonly told: Readonly<Record<string, unknown>>;
  readonly ended: Promise<Run>;
  post(
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
  get(path: string): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves once it has said that on standard error. */
  heard(text: string): Promise<void>;
}

async function startServe(args: readonly string[], env: Record<string, string> = {}): Promise<LiveServe> {
  const running = defer<ChildProcess>();
  const data = await mkdtemp(join(folder, "data-"));
  const ended = runFettle(["serve", ...args, "--port", "0", "--json"], {
    cwd: folder,
    env: { FETTLE_DATA_DIRECTORY: join(data, "state"), LOG_DIRECTORY: join(data, "logs"), ...env },
    onStart: (child) => running.resolve(child),
  });
  const child = await running.promise;
  if (child.stdout === null) throw new Error("It has no output.");
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) throw new Error(`It ended: ${(await ended).stderr}`);
  const told = JSON.parse(first.value) as Readonly<Record<string, unknown>>;
  const url = String(told["url"]);
  let said = "";
  const hearers = new Set<() => void>();
  child.stderr?.on("data", (chunk: string) => {
    said += chunk;
    for (const hearer of hearers) hearer();
  });
  const ask = async (path: string, init: RequestInit) => {
    const headers = { Authorization: `Bearer ${TOKEN}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(url + path, { ...init, headers });
    return { status: response.status, body: (await response.json()) as Readonly<Record<string, unknown>> };
  };
  return {
    url,
    told,
    ended,
    heard: (text) =>
      new Promise((resolve) => {
        const look = () => {
          if (!said.includes(text)) return;
          hearers.delete(look);
          resolve();
        };
        hearers.add(look);
        look();
      }),
    get: (path) => ask(path, {}),
    post: (path, body = {}) =>
      ask(path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    signal: (signal) => {
      // Of a child's own `kill`, Deno delivers the first signal only.
      if (child.pid !== undefined) process.kill(child.pid, signal);
    },
  };
}

describe("fettle serve", () => {
  it("serves a file's agents, says where, and ends in order once every request in hand is answered", async () => {
    const live = await startServe(["agents.js"]);
    expect(live.told).toMatchObject({
      type: "listening",
      mode: "embedded",
      roles: [{ role: "echo", capabilities: ["echoing"] }, { role: "slow" }],
    });
    expect(await live.get("/ready")).toMatchObject({ status: 200, body: { status: "ready" } });
    expect(await live.post("/v1/tasks", { agent: "echo", task: "hello" })).toMatchObject({
      status: 200,
      body: { output: "hello" },
    });
    const slow = live.post("/v1/tasks", { agent: "slow", task: "still", id: "s1" });
    while ((await live.get("/v1/tasks/s1")).status !== 200);
    live.signal("SIGTERM");
    expect(await slow).toMatchObject({ status: 200, body: { output: "still" } });
    const { code, stderr, stdout } = await live.ended;
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(
      `fettle: serves echo, slow in the mesh "default" at ${live.url} (to try it: ${live.url}/docs)`,
    );
    expect(stderr).toContain("takes no more requests");
    expect(stderr).toContain("has left the mesh");
  });

  it("ends without waiting when it is told a second time, and goes on at the next start with what it left", async () => {
    const data = await mkdtemp(join(folder, "data-"));
    const env = { FETTLE_DATA_DIRECTORY: join(data, "state"), LOG_DIRECTORY: join(data, "logs") };
    const live = await startServe(["agents.js"], env);
    const waiting = live
      .post("/v1/tasks", { agent: "slow", task: "still", id: "s1" })
      .catch(() => "broken off");
    while ((await live.get("/v1/tasks/s1")).status !== 200);
    live.signal("SIGTERM");
    await live.heard("takes no more requests");
    live.signal("SIGTERM");
    expect(["broken off", 200, 202, 503]).toContain(
      await waiting.then((told) => (typeof told === "string" ? told : told.status)),
    );
    const { code, stderr } = await live.ended;
    expect(code).toBe(0);
    expect(stderr).toContain("leaves at once what was given to it");
    const next = await startServe(["agents.js"], env);
    expect(await next.get("/v1/tasks/s1/result?wait=30")).toMatchObject({
      status: 200,
      body: { output: "still" },
    });
    next.signal("SIGTERM");
    expect(await next.ended).toMatchObject({ code: 0 });
  });

  it("takes its token from a file, asks for it for all but its page to try it, and shows it nowhere", async () => {
    const live = await startServe(["agents.js", "--token-file", "token"]);
    expect((await fetch(`${live.url}/v1/agents`)).status).toBe(401);
    expect((await live.get("/v1/agents")).status).toBe(200);
    const opened = await fetch(live.url);
    expect(opened).toMatchObject({ status: 200, url: `${live.url}/docs` });
    expect(await opened.text()).toContain("<title>");
    live.signal("SIGINT");
    const { stdout, stderr } = await live.ended;
    expect(stdout + stderr).not.toContain(TOKEN);
  });

  it("shows its metrics on a port of their own, and at /metrics behind its token, where they are on", async () => {
    const measured = ["agents.js", "--token-file", "token"];
    const live = await startServe(measured, { FETTLE_METRICS_PORT: "0" });
    await live.post("/v1/tasks", { agent: "echo", task: "hello" });
    expect((await fetch(`${live.url}/metrics`)).status).toBe(401);
    const read = (method: string) =>
      fetch(`${live.url}/metrics`, { method, headers: { Authorization: `Bearer ${TOKEN}` } });
    const page = await read("GET");
    expect(page.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await page.text()).toContain('fettle_tasks_total{role="echo",status="success"} 1');
    expect(await (await read("HEAD")).text()).toBe("");
    expect((await read("POST")).status).toBe(405);
    const plain = await startServe(["agents.js"]);
    expect(await plain.get("/metrics")).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining("FETTLE_METRICS=1") as string },
    });
    for (const one of [live, plain]) one.signal("SIGTERM");
    const { stderr } = await live.ended;
    const [own = ""] = /http:\/\/127\.0\.0\.1:\d+\/metrics/.exec(stderr) ?? [];
    expect(own).not.toBe("");
    expect(own).not.toContain(live.url);
    await plain.ended;
  });

  it("says what is missing or wrong, and exits with 1", async () => {
    const fails = (...args: string[]) => runFettle(["serve", ...args], { cwd: folder });
    const [none, open, short, file, port] = await Promise.all([
      fails(),
      fails("agents.js", "--host", "0.0.0.0"),
      runFettle(["serve", "agents.js"], { cwd: folder, env: { FETTLE_HTTP_TOKEN: "short" } }),
      fails("agents.js", "--token-file", "nowhere"),
      fails("agents.js", "--port", "many"),
    ]);
    expect(none).toMatchObject({ code: 1 });
    expect(none.stderr).toMatch(
      /^fettle: Cannot serve: no agents are named.*fettle serve agents\.ts.*--server nats:/,
    );
    expect(open).toMatchObject({ code: 1 });
    expect(open.stderr).toContain("Cannot serve on 0.0.0.0: others can reach that");
    expect(short.stderr).toContain("at least 16 characters");
    expect(short.stderr).not.toContain('"short"');
    expect(file.stderr).toContain('Cannot read the token from "nowhere"');
    expect(port.stderr).toContain(
      'command line: FETTLE_HTTP_PORT="many": expected a whole number from 0 to 65535',
    );
  });
});

describe("fettle serve over NATS", () => {
  const server = serverForTests();

  it("runs, follows, cancels and lists tasks and workflows of agents on other nodes", async () => {
    const FETTLE_MESH = newMeshName();
    const env = { FETTLE_MESH, NATS_URL: server.get().url };
    const [door, node] = await Promise.all([startServe([], env), startServe(["agents.js"], env)]);
    expect(door.told).toMatchObject({ mode: "distributed", mesh: FETTLE_MESH, roles: [] });
    while ((await door.post("/v1/tasks", { agent: "echo", task: "hello", id: "t1" })).status !== 200);
    expect(await door.get("/v1/tasks/t1/result")).toMatchObject({ body: { output: "hello" } });
    const { body } = await door.get("/v1/agents");
    expect(body["agents"]).toContainEqual({ role: "echo", capabilities: ["echoing"], actors: 1, here: null });

    const asked = await door.post("/v1/tasks?wait=0", { agent: "slow", task: "go", id: "t2" });
    expect(asked.status).toBe(202);
    const events = await readEvents(await fetch(`${door.url}/v1/tasks/t2/events`)).rest();
    const kinds = events.filter(({ id }) => id !== null).map(({ event }) => event);
    expect(kinds.at(0)).toBe("accepted");
    expect(kinds.at(-1)).toBe("finished");
    const last = events.at(-1)?.id ?? "";
    // The same place in the stream is known to every node.
    const elsewhere = await fetch(`${node.url}/v1/tasks/t2/events`, { headers: { "Last-Event-ID": last } });
    expect(elsewhere.status).toBe(204);

    await door.post("/v1/tasks?wait=0", { agent: "slow", task: "go", id: "t3" });
    const cancelled = await door.post("/v1/tasks/t3/cancel", { reason: "no need" });
    expect(cancelled).toMatchObject({ status: 200, body: { status: "cancelled" } });
    const steps = [
      { id: "one", agent: "echo", task: "a" },
      { id: "two", agent: "echo", task: "b", dependsOn: ["one"] },
    ];
    expect(await door.post("/v1/workflows", { id: "w1", steps })).toMatchObject({
      status: 200,
      body: { status: "success", outputs: { one: "a", two: "b" } },
    });
    expect(await node.get("/v1/workflows/w1")).toMatchObject({ body: { status: "success" } });
    const { body: list } = await node.get("/v1/tasks?role=slow");
    expect(list).toMatchObject({ tasks: [{ taskId: "t3", status: "cancelled" }, { taskId: "t2" }] });

    expect(await door.get("/v1/tasks/nowhere")).toMatchObject({
      status: 404,
      body: { detail: expect.stringContaining("once a node has drawn it") as string },
    });
    // A role is paused where it runs, from wherever that is asked.
    expect(await door.post("/v1/agents/echo/pause")).toMatchObject({
      status: 200,
      body: { role: "echo", here: null, switched: 1, silent: [] },
    });
    expect(await door.post("/v1/tasks?wait=0", { agent: "echo", task: "later", id: "t4" })).toMatchObject({
      status: 202,
    });
    const { body: agents } = await node.get("/v1/agents");
    expect(agents["agents"]).toContainEqual(
      expect.objectContaining({ role: "echo", here: expect.objectContaining({ ready: 0 }) as object }),
    );
    const back = await door.post(`/v1/agents/echo/resume?node=${String(node.told["node"])}`);
    expect(back).toMatchObject({ status: 200, body: { switched: 1 } });
    expect(await door.get("/v1/tasks/t4/result?wait=30")).toMatchObject({ body: { output: "later" } });
    for (const one of [door, node]) one.signal("SIGTERM");
    expect(await Promise.all([door.ended, node.ended])).toMatchObject([{ code: 0 }, { code: 0 }]);
  });
});
