// `fettle node --inspect` and `fettle inspect --server` with a real server: one page, and XState's tools, over all nodes.
import { describe, expect, it } from "vitest";
import type { MeshOverview } from "#src/app/inspector/shapes";
import { newMeshName, serverForTests } from "../fabric/nats/mesh-server.ts";
import type { LiveCommand } from "../harness/live-command.ts";
import { ask, groundForTests, post, shownBy, TOKEN } from "./inspecting.ts";
import { readAt } from "./stately/tool.ts";

const server = serverForTests();
const ground = groundForTests();

function onMesh(mesh = newMeshName()): Readonly<Record<string, string>> {
  return { FETTLE_MESH: mesh, NATS_URL: server.get().url };
}

/** The inspector's page of a command, once it shows so many nodes that have actors. */
async function seeNodes(url: string, count: number, token?: string): Promise<MeshOverview> {
  for (;;) {
    const overview = await ask<MeshOverview>(url, "api/mesh", token);
    const up = overview?.nodes.filter(({ state, actors }) => state === "up" && actors > 0) ?? [];
    if (overview !== null && up.length === count) return overview;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ends(...commands: readonly LiveCommand[]): Promise<void> {
  for (const command of commands) command.signal("SIGTERM");
  for (const { ended } of commands) expect(await ended).toMatchObject({ code: 0 });
}

describe("fettle node --inspect", () => {
  it("shows all nodes, says where, asks for its token, and ends with its node", async () => {
    const env = onMesh();
    const inspected = { ...env, FETTLE_INSPECT_HOST: "0.0.0.0", FETTLE_INSPECT_TOKEN: TOKEN };
    await using first = await ground.start(["node", "agents.js", "--role", "echo", "--inspect"], inspected);
    await using second = await ground.start(["node", "agents.js", "--role", "worker"], env);
    const { inspector = "", type } = await shownBy(first);
    expect(type).toBe("started");
    expect((await shownBy(second)).inspector).toBeUndefined();
    const url = inspector.replace("0.0.0.0", "127.0.0.1");
    expect((await fetch(url)).status).toBe(200);
    expect(await ask(url, "api/mesh")).toBeNull();
    const { mode, agents } = await seeNodes(url, 2, TOKEN);
    expect(mode).toBe("distributed");
    expect(agents.map(({ role }) => role)).toEqual(["echo", "worker"]);
    await ends(first, second);
    const { stderr } = await first.ended;
    expect(stderr).toContain(`fettle: shows the mesh at ${inspector}\n`);
    expect(stderr).not.toContain(TOKEN);
    await expect(fetch(url)).rejects.toThrow();
  });

  it("does not start where the page's port is taken, or others could look without a token", async () => {
    const env = onMesh();
    await using first = await ground.start(["inspect"], env);
    const { port } = await shownBy(first);
    const taken = await ground.run(["node", "agents.js", "--inspect"], {
      ...env,
      FETTLE_INSPECT_PORT: String(port),
    });
    expect(taken).toMatchObject({ code: 1, stdout: "" });
    expect(taken.stderr).toContain(`Cannot listen on 127.0.0.1:${port}: another program listens there`);
    const open = await ground.run(["node", "agents.js", "--inspect"], {
      ...env,
      FETTLE_INSPECT_HOST: "0.0.0.0",
    });
    expect(open).toMatchObject({ code: 1, stdout: "" });
    expect(open.stderr).toContain("Cannot serve on 0.0.0.0: others can reach that");
    await ends(first);
  });
});

describe("fettle inspect --server", () => {
  it("shows all nodes without being one that works, and feeds XState's tools with the states of their tasks", async () => {
    const { NATS_URL = "", ...mesh } = onMesh();
    const node = ["node", "agents.js", "--server", NATS_URL, "--role", "echo", "--stately"];
    await using working = await ground.start(node, mesh);
    await using door = await ground.start(["serve", "--server", NATS_URL], mesh);
    await using looking = await ground.start(["inspect", "--server", NATS_URL, "--stately"], mesh);
    const { url, mode, stately } = await shownBy(looking);
    expect(mode).toBe("distributed");
    await seeNodes(url, 1);
    const [far, near] = [readAt(stately ?? null), readAt((await shownBy(working)).stately ?? null)];
    await near.first(({ name = "" }) => name.startsWith("echo."));
    // The tool is told of what comes once it has been let in.
    const service = (await shownBy(door)).url;
    const give = (id: string) => post(service, { agent: "echo", task: "hello", id });
    for (let tasks = 0; far.seen.length === 0; tasks += 1) await give(`before-${tasks}`);
    expect(await give("t1")).toMatchObject({ status: "success" });
    const states = ["queued", "working.handling", "settling", "done"];
    expect(await near.states("task-t1")).toEqual(states);
    expect(await far.states("task-t1")).toEqual(states);
    const [seenNear, seenFar] = await Promise.all([near.actor("task-t1"), far.actor("task-t1")]);
    expect(seenFar.definition).toBe(seenNear.definition);
    const ended = far.seen.find(
      ({ sessionId, snapshot }) => sessionId === seenFar.sessionId && snapshot?.status === "done",
    );
    expect(ended?.snapshot?.context).toEqual({
      taskId: "t1",
      role: "echo",
      node: expect.any(String) as string,
    });
    expect(far.seen.some(({ name = "" }) => name.startsWith("echo."))).toBe(false);
    await ends(looking, door, working);
  });
});
