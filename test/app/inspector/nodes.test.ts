// One inspector over several nodes of a mesh on a real NATS server: it has no agents, and sees and steers them all.
import { describe, expect, it } from "vitest";
import { Mesh } from "fettle";
import { loadConfig } from "#src/app/config";
import type { ActorPage, MeshOverview, TaskDetail, TaskPage } from "#src/app/inspector/shapes";
import { silentLog } from "#src/core/log";
import { Crew, fenced, gate, groundForTests } from "../../nodes/crew.ts";
import { readEvents, type EventReader } from "./looking.ts";

const ground = groundForTests();

/** A node without agents that serves the inspector, as `fettle inspect --server` does. */
async function observe(crew: Crew): Promise<Mesh> {
  const config = loadConfig({ env: { NATS_URL: ground.server.url, FETTLE_MESH: crew.mesh }, envFile: null });
  const mesh = new Mesh({ config, log: silentLog, inspector: { port: 0 } });
  await mesh.start();
  // A test that fails does not wait for what it began.
  mesh[Symbol.asyncDispose] = () => mesh.stop({ mode: "cancel" });
  return mesh;
}

async function get<T>(mesh: Mesh, path: string): Promise<T> {
  const answer = await fetch(new URL(path, mesh.inspectorUrl ?? ""));
  return (await answer.json()) as T;
}

async function post(mesh: Mesh, path: string, body: object = {}): Promise<number> {
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(new URL(path, mesh.inspectorUrl ?? ""), init);
  await answer.text();
  return answer.status;
}

async function follow(mesh: Mesh, query = ""): Promise<EventReader> {
  const events = readEvents(await fetch(new URL(`api/events${query}`, mesh.inspectorUrl ?? "")));
  await events.next("mesh");
  return events;
}

const isUp =
  (count: number) =>
  ({ mesh }: { mesh: MeshOverview }) =>
    mesh.nodes.filter(({ isSelf, state, actors }) => !isSelf && state === "up" && actors > 0).length ===
    count;

describe.concurrent("an inspector over NATS", () => {
  it("sees all nodes, their actors and tasks, and one that is killed as gone", async () => {
    await using crew = new Crew(ground);
    crew.answer(async () => fenced("result = 42"));
    const [a] = await Promise.all([
      crew.start("a", { agents: ["worker"] }),
      crew.start("b", { agents: ["worker", "guarded"] }),
    ]);
    await using mesh = await observe(crew);
    await using events = await follow(mesh, "?task=t-seen");
    const { mesh: seen } = await events.next("mesh", isUp(2));
    expect(seen).toMatchObject({ mode: "distributed", name: crew.mesh });
    expect(seen.agents).toMatchObject([
      { role: "guarded", kind: "prompt", actors: 1 },
      { role: "worker", actors: 2, states: { "serving.accepting": 2 } },
    ]);
    const { actors, total } = await get<ActorPage>(mesh, "api/actors?role=worker");
    expect(total).toBe(2);
    expect(new Set(actors.map(({ node }) => node)).size).toBe(2);
    await mesh.execute("worker", { id: "t-seen", task: "Do t-seen." });
    await events.next("task", ({ task }) => task.status === "success");
    const detail = await get<TaskDetail>(mesh, "api/tasks/t-seen");
    const [prompt] = detail.moments.flatMap((moment) => moment.prompt ?? []);
    expect(prompt?.messages[0]?.text).toContain("You are the worker.");
    await events.next("tasks", ({ tasks }) => tasks.some(({ states }) => states.includes("done")));
    await a.kill();
    const { mesh: left } = await events.next("mesh", (event) =>
      event.mesh.nodes.some(({ state }) => state === "gone"),
    );
    expect(left.nodes.filter(({ state }) => state === "up")).toHaveLength(2);
    expect(left.nodes.find(({ state }) => state === "gone")).toMatchObject({ actors: 0, running: 0 });
    expect(left.agents.find(({ role }) => role === "worker")).toMatchObject({ actors: 1 });
    expect(left.totals.success).toBe(1);
  });

  it("answers, cancels and pauses what is on other nodes", async () => {
    await using crew = new Crew(ground);
    const held = gate();
    crew.answer(async ({ text }) => {
      if (text.includes("t-held")) await held.passed;
      return fenced("result = 42");
    });
    await crew.start("a", { agents: ["worker", "guarded"] });
    await using mesh = await observe(crew);
    await using events = await follow(mesh);
    await events.next("mesh", isUp(1));
    const guarded = mesh.execute("guarded", { id: "t-asks", task: "Do t-asks." });
    const { approvalId } = await events.next("approval", ({ approval }) => approval !== null);
    expect(await post(mesh, `api/approvals/${approvalId}/approve`)).toBe(200);
    expect(await guarded).toMatchObject({ status: "success", output: 42 });
    const cancelled = mesh.execute("worker", { id: "t-held", task: "Do t-held." });
    await events.next("tasks", ({ tasks }) =>
      tasks.some(({ taskId, states }) => taskId === "t-held" && states.includes("generating")),
    );
    const found = async () => (await get<TaskPage>(mesh, "api/tasks?query=t-held")).tasks;
    const row = { taskId: "t-held", state: "generating", status: "running" };
    await expect.poll(found, { timeout: 20_000 }).toMatchObject([row]);
    expect(await post(mesh, "api/tasks/t-held/cancel", { reason: "no more" })).toBe(200);
    expect(await cancelled).toMatchObject({ status: "cancelled", error: { message: "no more" } });
    held.open();
    expect(await post(mesh, "api/agents/worker/pause")).toBe(200);
    const paused = await get<MeshOverview>(mesh, "api/mesh");
    expect(paused.agents.find(({ role }) => role === "worker")).toMatchObject({ isPaused: true });
    const { actors } = await events.next("actors");
    expect(actors).toMatchObject([{ to: "serving.paused" }]);
    expect(await post(mesh, "api/agents/worker/resume")).toBe(200);
    expect(await mesh.execute("worker", "Do t-again.")).toMatchObject({ output: 42 });
  });
});
