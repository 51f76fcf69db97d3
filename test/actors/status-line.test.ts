// What a node tells of itself: to other nodes, to the inspector, to any client.
import { describe, expect, it } from "vitest";
import { defineAgent, defineTool } from "fettle";
import { TestMesh } from "fettle/testing";
import { z } from "zod";
import { createSubjects } from "#src/core/subjects";

const worker = defineAgent({ role: "worker", capabilities: ["work"], systemPrompt: "You add numbers." });
const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => {
    if (!("body" in message)) return null;
    if (message.body === "crash") throw new Error("out of order");
    return message.body;
  },
});

async function meshOf(model: readonly string[] = ["result = 1"]): Promise<TestMesh> {
  const mesh = new TestMesh({ model: [...model] });
  mesh.add(worker);
  mesh.add(echo);
  await mesh.start();
  return mesh;
}

describe("a node's status", () => {
  it("tells its agents, the states of their actors and what became of its tasks", async () => {
    await using mesh = await meshOf(["throw new Error('no')", "result = 2"]);
    await mesh.execute("worker", "Add.");
    const status = await mesh.view.nodes.status("test");
    expect(status).toMatchObject({ node: "test", isStopping: false, places: 64 });
    expect(status.models).toHaveLength(1);
    expect(status.roles.find(({ role }) => role === "worker")).toMatchObject({
      kind: "prompt",
      actors: 1,
      paused: 0,
      states: { "serving.accepting": 1 },
      taskStates: {},
      ended: { success: 1, failure: 0, repairs: 1 },
    });
  });

  it("counts tasks in hand by their states", async () => {
    await using mesh = new TestMesh({
      model: () => new Promise<string>(() => undefined),
    });
    mesh.add(worker);
    await mesh.start();
    const generating = new Promise<void>((resolve) => {
      mesh.subscribe((event) => {
        if (event.type === "state" && event.state === "generating") resolve();
      });
    });
    void mesh.execute("worker", { id: "t1", task: "Add." });
    await generating;
    const { roles } = await mesh.view.nodes.status("test");
    expect(roles[0]?.taskStates).toEqual({ generating: 1 });
    await mesh.cancel("t1");
  });

  it("gives actors in pages by address, searched and by state", async () => {
    await using mesh = await meshOf();
    for (let one = 0; one < 5; one += 1) await mesh.spawn(worker);
    const ask = async (actors: object) => (await mesh.view.nodes.status("test", { actors })).actors;
    const first = await ask({ role: "worker", limit: 2 });
    expect(first?.total).toBe(6);
    const addresses = first?.list.map(({ address }) => address) ?? [];
    expect(addresses).toHaveLength(2);
    const next = await ask({ role: "worker", limit: 200, after: addresses[1] });
    expect(next?.list).toHaveLength(4);
    expect(next?.list.map(({ address }) => address)).not.toContain(addresses[1]);
    expect(await ask({ query: "ECHO" })).toMatchObject({ total: 1, list: [{ role: "echo" }] });
    expect(await ask({ role: "nobody" })).toEqual({ total: 0, list: [] });
    mesh.pause("echo");
    expect(await ask({ state: "paused" })).toMatchObject({ total: 1, list: [{ state: "serving.paused" }] });
    expect(await ask({ state: "serving", limit: 0 })).toEqual({ total: 7, list: [] });
  });

  it("tells how actors moved since a time, restarts and the last crash", async () => {
    await using mesh = await meshOf();
    const { moves } = await mesh.view.nodes.status("test");
    await mesh.ask("echo", "crash").catch(() => undefined);
    await expect
      .poll(async () => (await mesh.view.nodes.status("test", { actors: { role: "echo" } })).actors?.list[0])
      .toMatchObject({
        state: "serving.accepting",
        restarts: 1,
        lastCrash: { message: expect.stringContaining("out of order") as string },
      });
    const since = (await mesh.view.nodes.status("test", { since: moves.last })).moves.list;
    expect(since.map(({ from, to }) => `${from ?? ""} > ${to ?? ""}`)).toEqual([
      "serving.accepting > backingOff",
      "backingOff > preparing",
      "preparing > serving.accepting",
    ]);
  });

  it("has a role's actors paused and go on, and says how many there are and who did not answer", async () => {
    await using mesh = await meshOf();
    const { nodes } = mesh.view;
    expect(await nodes.names()).toEqual(["test"]);
    const pause = (role: string, isPaused: boolean, on = ["test"]) => nodes.pause(on, { role, isPaused });
    expect(await pause("worker", true, ["test", "away"])).toEqual({ actors: 1, silent: ["away"] });
    expect((await mesh.view.nodes.status("test")).roles[0]).toMatchObject({
      paused: 1,
      states: { "serving.paused": 1 },
    });
    expect(await pause("worker", false)).toEqual({ actors: 1, silent: [] });
    await expect(pause("nobody", true)).rejects.toThrow('No node has actors of the role "nobody" now.');
    expect((await mesh.view.nodes.status("test")).roles[0]).toMatchObject({ paused: 0 });
  });

  it("shows what an agent's models are told of it, with its tools", async () => {
    await using mesh = new TestMesh({ model: [] });
    const add = defineTool({
      description: "Adds two numbers.",
      input: z.object({ a: z.number() }),
      execute: () => 1,
    });
    mesh.add(
      defineAgent({ role: "adder", capabilities: ["adding"], systemPrompt: "You add.", tools: { add } }),
    );
    mesh.add(echo);
    await mesh.start();
    const system = await mesh.view.nodes.systemOf("test", { role: "adder", profile: null });
    expect(system).toContain("You add.");
    expect(system).toContain("Adds two numbers.");
    const prose = await mesh.view.nodes.systemOf("test", { role: "adder", profile: "communicator" });
    expect(prose).not.toContain("Adds two numbers.");
    for (const role of ["echo", "nobody"]) {
      expect(await mesh.view.nodes.systemOf("test", { role, profile: null })).toBeNull();
    }
    expect(await mesh.view.nodes.systemOf("test", { role: "adder", profile: "?" })).toBeNull();
  });

  it("is given to whoever asks all nodes, with an empty message", async () => {
    await using mesh = await meshOf();
    const { messages } = mesh.fabric;
    const answer = await messages.request(createSubjects("test").nodes("status"), "", { timeoutMs: 5_000 });
    expect(JSON.parse(answer)).toMatchObject({ v: 1, node: "test", moves: { list: [] } });
  });
});
