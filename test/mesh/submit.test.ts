// Tasks that are given and not waited for: accepted means stored, whatever becomes of whoever gave them.
import { defineAgent } from "fettle";
import { createMemoryFabric, TestMesh } from "fettle/testing";
import { describe, expect, it } from "vitest";
import { defer } from "#src/core/deferred";

function agents() {
  const held = defer<unknown>();
  return { held, agent: defineAgent({ role: "held", capabilities: ["x"], handle: () => held.promise }) };
}

describe("mesh.submit", () => {
  it("resolves once the task is in its journal, and its result comes when it has ended", async () => {
    const { held, agent } = agents();
    await using mesh = new TestMesh().add(agent);
    await mesh.start();
    const { taskId, result } = await mesh.submit("held", "Go");
    expect(await mesh.view.tasks.find(taskId)).toMatchObject({ taskId, role: "held", task: "Go" });
    expect(await mesh.view.tasks.result(taskId)).toBeNull();
    held.resolve("done");
    expect(await result).toMatchObject({ status: "success", output: "done", taskId });
    expect(await mesh.view.tasks.result(taskId)).toMatchObject({ output: "done" });
  });

  it("joins a task that runs, and one that has ended", async () => {
    const { held, agent } = agents();
    await using mesh = new TestMesh().add(agent);
    await mesh.start();
    const task = { id: "t1", task: "Go" };
    const first = await mesh.submit("held", task);
    const second = await mesh.submit("held", task);
    held.resolve(7);
    expect(await Promise.all([first.result, second.result])).toMatchObject([{ output: 7 }, { output: 7 }]);
    const third = await mesh.submit("held", task);
    expect(await third.result).toMatchObject({ output: 7 });
  });

  it("rejects where the task is not accepted", async () => {
    const { agent } = agents();
    await using mesh = new TestMesh().add(agent);
    await expect(mesh.submit("held", "Go")).rejects.toThrow("not started");
    await mesh.start();
    await expect(mesh.submit("nobody", "Go")).rejects.toMatchObject({ code: "AGENT_UNKNOWN" });
    await expect(mesh.submit("held", " ")).rejects.toMatchObject({ code: "TASK_INVALID" });
    await mesh.submit("held", { id: "t1", task: "Go" });
    await expect(mesh.submit("held", { id: "t1", task: "Stay" })).rejects.toMatchObject({ isTaken: true });
    await mesh.stop({ mode: "cancel" });
  });

  it("leaves nothing unheard where nobody waits for the result of a task that the mesh leaves for its next start", async () => {
    const { held, agent } = agents();
    const fabric = createMemoryFabric();
    const first = new TestMesh({ fabric }).add(agent);
    await first.start();
    const { taskId } = await first.submit("held", "Go");
    await first.stop({ mode: "suspend" });
    await using second = new TestMesh({ fabric }).add(agent);
    held.resolve("later");
    await second.start();
    const { result } = await second.submit("held", { id: taskId, task: "Go" });
    expect(await result).toMatchObject({ output: "later" });
  });
});

describe("mesh.view", () => {
  it("hears one task, and forgets who no longer listens", async () => {
    const { held, agent } = agents();
    await using mesh = new TestMesh().add(agent);
    await mesh.start();
    const [states, others]: [unknown[], unknown[]] = [[], []];
    const unhear = mesh.view.hear("t1", (event) => states.push(event["state"]));
    mesh.view.hear("t2", (event) => others.push(event));
    const { result } = await mesh.submit("held", { id: "t1", task: "Go" });
    held.resolve(1);
    await result;
    expect(states).toContain("handling");
    expect(others).toEqual([]);
    unhear();
    const heard = states.length;
    await (
      await mesh.submit("held", { id: "t1b", task: "Go" })
    ).result;
    expect(states).toHaveLength(heard);
  });

  it("lists workflows by their records: what waits, runs, was left out and has ended", async () => {
    const { held, agent } = agents();
    const echo = defineAgent({ role: "echo", capabilities: ["x"], handle: () => "yes" });
    await using mesh = new TestMesh().add(agent).add(echo);
    await mesh.start();
    const running = mesh.workflow("w1", [
      { id: "first", agent: "echo", task: "Go" },
      { id: "never", agent: "echo", task: "Go", when: { step: "first", equals: "no" } },
      { id: "second", agent: "held", task: "Go", dependsOn: ["first"] },
      { id: "third", agent: "echo", task: "Go", dependsOn: ["second"] },
    ]);
    const { workflows } = mesh.view;
    const statuses = async () => (await workflows.find("w1"))?.steps.map(({ status }) => status);
    const before = ["success", "skipped", "running", "waiting"];
    while (JSON.stringify(await statuses()) !== JSON.stringify(before)) await new Promise(setImmediate);
    held.resolve(1);
    await running;
    expect(await statuses()).toEqual(["success", "skipped", "success", "success"]);
    expect(await workflows.find("w1")).toMatchObject({
      status: "success",
      endedAt: expect.any(Number) as number,
    });
    expect(await workflows.find("w2")).toBeNull();
    expect(await workflows.list({ limit: 1 })).toMatchObject({ workflows: [{ workflowId: "w1" }], more: 0 });
  });
});
