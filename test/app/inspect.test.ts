// `fettle inspect` and `fettle serve --inspect` as their users start them: where they say that they are, what is there, who
// may look, what they refuse, and how they end.
import { mkdtemp, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MeshOverview, TaskDetail, TaskPage } from "#src/app/inspector/shapes";
import { completionEvents, events, startServer } from "../model/server.ts";
import { ask, groundForTests, post, shownBy, TOKEN } from "./inspecting.ts";
import { readEvents } from "./inspector/looking.ts";
import { readAt } from "./stately/tool.ts";
import { fenced } from "./stored-tasks.ts";

const ground = groundForTests();
const readEventsAt = async (url: string) => readEvents(await fetch(new URL("api/events", url)));
const isWorker = (name = "") => name.startsWith("worker.");
const answer = (code: string) => events(completionEvents([fenced(code)]));

describe("fettle inspect", () => {
  it("shows what is stored, while a program works on it, and ends when it is told to", async () => {
    const env = { FETTLE_DATA_DIRECTORY: await mkdtemp(join(ground.folder, "data-")), FETTLE_MESH: "shop" };
    await using serving = await ground.start(["serve", "agents.js"], env);
    const { url: service } = await shownBy(serving);
    await post(service, { agent: "echo", task: "hello", id: "t1" });
    await using inspecting = await ground.start(["inspect"], env);
    const shown = await shownBy(inspecting);
    expect(shown).toMatchObject({ type: "listening", mesh: "shop", mode: "embedded" });
    expect(shown.url).toBe(`http://127.0.0.1:${shown.port}/inspect/`);
    const page = await fetch(shown.url);
    expect(page.headers.get("content-type")).toContain("text/html");
    expect(await page.text()).toContain("<!doctype html>");
    expect(await ask<MeshOverview>(shown.url, "api/mesh")).toMatchObject({
      name: "shop",
      mode: "stored",
      can: { cancel: false, pause: false, approve: true },
    });
    const list = await ask<TaskPage>(shown.url, "api/tasks");
    expect(list?.tasks).toMatchObject([{ taskId: "t1", role: "echo", status: "success" }]);
    inspecting.signal("SIGTERM");
    const { code, stdout, stderr } = await inspecting.ended;
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(
      /^fettle: shows the mesh "shop" as it is stored in \S+ at http:\/\/127\.0\.0\.1:\d+\/inspect\/$/m,
    );
    serving.signal("SIGTERM");
    expect(await serving.ended).toMatchObject({ code: 0 });
  });

  it("shows what comes where nothing is stored yet, and makes no folder until then", async () => {
    const data = join(await mkdtemp(join(ground.folder, "data-")), "later");
    await using inspecting = await ground.start(["inspect"], { FETTLE_DATA_DIRECTORY: data });
    const { url } = await shownBy(inspecting);
    await using events = await readEventsAt(url);
    expect(await ask<TaskPage>(url, "api/tasks")).toMatchObject({ tasks: [], total: 0 });
    await expect(stat(data)).rejects.toThrow("ENOENT");
    await using serving = await ground.start(["serve", "agents.js"], { FETTLE_DATA_DIRECTORY: data });
    await post((await shownBy(serving)).url, { agent: "echo", task: "hello", id: "t1" });
    await events.next("mesh", ({ mesh }) => mesh.totals.success === 1);
    expect((await ask<TaskPage>(url, "api/tasks"))?.tasks).toMatchObject([{ taskId: "t1" }]);
    for (const one of [inspecting, serving]) one.signal("SIGTERM");
    for (const one of [inspecting, serving]) expect(await one.ended).toMatchObject({ code: 0 });
  });

  it("runs agents and shows them, and hands over what they do when it ends", async () => {
    await using inspecting = await ground.start(["inspect", "agents.js"]);
    const { url } = await shownBy(inspecting);
    const overview = await ask<MeshOverview>(url, "api/mesh");
    expect(overview).toMatchObject({ mode: "embedded", can: { cancel: true, pause: true } });
    expect(overview?.agents.map(({ role }) => role)).toEqual(["echo", "slow", "worker"]);
    inspecting.signal("SIGINT");
    const { code, stderr } = await inspecting.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`shows the mesh "default", with echo, slow, worker at ${url}`);
    expect(stderr).toContain("has left the mesh");
  });

  it("asks for a token where others could reach it, and shows it nowhere", async () => {
    const open = await ground.run(["inspect", "--host", "0.0.0.0"]);
    expect(open).toMatchObject({ code: 1, stdout: "" });
    expect(open.stderr).toContain("Cannot serve on 0.0.0.0: others can reach that");
    expect(open.stderr).toContain("FETTLE_INSPECT_TOKEN (or --token-file)");
    await using inspecting = await ground.start(["inspect", "--host", "0.0.0.0", "--token-file", "token"]);
    const { port } = await shownBy(inspecting);
    const url = `http://127.0.0.1:${port}/inspect/`;
    expect((await fetch(url)).status).toBe(200);
    expect(await ask(url, "api/mesh")).toBeNull();
    expect(await ask(url, "api/mesh", "another-token-of-some-length")).toBeNull();
    expect(await ask(url, "api/mesh", TOKEN)).toMatchObject({ mode: "stored" });
    inspecting.signal("SIGTERM");
    const { code, stdout, stderr } = await inspecting.ended;
    expect(code).toBe(0);
    expect(stderr).toContain("(the page asks for the token)");
    expect(stdout + stderr).not.toContain(TOKEN);
  });

  it("says that its port is taken, and what to do, when it is started twice", async () => {
    await using inspecting = await ground.start(["inspect"]);
    const { port } = await shownBy(inspecting);
    for (const command of [["inspect"], ["inspect", "agents.js"]]) {
      const second = await ground.run([...command, "--port", String(port)]);
      expect(second).toMatchObject({ code: 1, stdout: "" });
      expect(second.stderr).toContain(
        `Cannot listen on 127.0.0.1:${port}: another program listens there. Choose another port: --port, FETTLE_INSPECT_PORT, 0`,
      );
      expect(second.stderr).not.toContain("    at ");
    }
    expect((await fetch(`http://127.0.0.1:${port}/inspect/`)).status).toBe(200);
  });

  it("goes on with what another program left, and leaves it to the next start when it ends", async () => {
    const data = { FETTLE_DATA_DIRECTORY: await mkdtemp(join(ground.folder, "data-")) };
    await using serving = await ground.start(["serve", "agents.js"], data);
    const { url: service } = await shownBy(serving);
    await post(service, { agent: "slow", task: "go", id: "t1" }, "?wait=0");
    await serving.heard("a task is begun");
    serving.signal("SIGKILL");
    await serving.ended;
    for (let starts = 0; starts < 2; starts += 1) {
      await using inspecting = await ground.start(["inspect", "agents.js"], data);
      const { url } = await shownBy(inspecting);
      await inspecting.heard("a task is begun");
      const status = async () => (await ask<TaskDetail>(url, "api/tasks/t1"))?.task.status;
      await expect.poll(status, { timeout: 20_000 }).toBe("running");
      inspecting.signal("SIGTERM");
      const { code, stderr } = await inspecting.ended;
      expect(code).toBe(0);
      expect(stderr).toContain("a task is left to others");
    }
  });

  it("feeds XState's tools with --stately: not from stored data, but from what its agents do", async () => {
    const stored = await ground.run(["inspect", "--stately"]);
    expect(stored).toMatchObject({ code: 1, stdout: "" });
    expect(stored.stderr).toContain(
      "Cannot feed XState's tools from stored data: the charts run in another program",
    );
    await using inspecting = await ground.start(["inspect", "agents.js", "--stately"]);
    const { stately } = await shownBy(inspecting);
    const tool = readAt(stately ?? null);
    expect(await tool.first(({ name }) => isWorker(name))).toMatchObject({
      snapshot: { value: { serving: "accepting" } },
    });
    inspecting.signal("SIGTERM");
    const { code, stderr } = await inspecting.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`feeds XState's tools on this machine at ${stately?.socketUrl ?? "?"}\n`);
    expect(stderr).toMatch(
      /open http:\/\/127\.0\.0\.1:\d+\/\S+ \(a page that loads https:\/\/stately\.ai and hands it/,
    );
  });
});

describe("fettle serve --inspect", () => {
  it("shows the mesh beside its service, with its token, and says where", async () => {
    await using serving = await ground.start(["serve", "agents.js", "--inspect", "--token-file", "token"]);
    const { url, inspector = "" } = await shownBy(serving);
    expect(inspector).toBe(`${url}/inspect/`);
    expect((await fetch(inspector)).status).toBe(200);
    expect(await ask(inspector, "api/mesh")).toBeNull();
    expect(await ask(inspector, "api/mesh", TOKEN)).toMatchObject({ mode: "embedded", name: "default" });
    serving.signal("SIGTERM");
    const { code, stderr } = await serving.ended;
    expect(code).toBe(0);
    expect(stderr).toContain(`fettle: shows the mesh at ${inspector}\n`);
    expect(stderr).not.toContain("XState");
  });

  it("has no page unless it is asked for one", async () => {
    await using serving = await ground.start(["serve", "agents.js"]);
    const { url, inspector, stately } = await shownBy(serving);
    expect([inspector, stately]).toEqual([undefined, undefined]);
    expect((await fetch(`${url}/inspect/`)).status).toBe(404);
  });

  it("feeds XState's tools with --stately: a task through a repair is seen there state by state", async () => {
    await using model = await startServer([answer("result = nothing.here;"), answer("result = 42;")]);
    const env = { OPENAI_BASE_URL: model.url };
    await using serving = await ground.start(["serve", "agents.js", "--stately"], env);
    const { url, inspector, stately } = await shownBy(serving);
    expect(inspector).toBe(`${url}/inspect/`);
    const tool = readAt(stately ?? null);
    await tool.first(({ name }) => isWorker(name));
    const result = await post(url, { agent: "worker", task: "Say 42.", id: "t1" });
    expect(result).toMatchObject({ output: 42, repairs: 1 });
    expect(await tool.states("task-t1")).toEqual([
      "queued",
      "working.generating",
      "working.executing",
      "working.repairing",
      "working.executing",
      "settling",
      "done",
    ]);
    serving.signal("SIGTERM");
    expect(await serving.ended).toMatchObject({ code: 0 });
  });

  it("says that the port for XState's tools is taken", async () => {
    await using serving = await ground.start(["serve", "agents.js", "--stately"]);
    const { stately } = await shownBy(serving);
    const { port } = new URL(stately?.url ?? "");
    const second = await ground.run(["serve", "agents.js", "--stately"], { FETTLE_STATELY_PORT: port });
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toContain(
      `Cannot listen on 127.0.0.1:${port}: another program listens there. Choose another port: FETTLE_STATELY_PORT, 0`,
    );
  });
});
