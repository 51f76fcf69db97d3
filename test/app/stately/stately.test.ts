// XState's own tools, fed: what they are told, by the receiver that they use, and who is told nothing.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { createActor, createMachine, type InspectionEvent } from "xstate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineAgent, Mesh, type MeshOptions } from "fettle";
import { createScriptedModel } from "fettle/testing";
import { taskMachine } from "fettle/machines";
import { loadConfig } from "#src/app/config";
import { silentLog } from "#src/core/log";
import { Veil } from "#src/app/inspector/veil";
import { LiveActors } from "#src/app/stately/live-actors";
import { openReader } from "#src/app/stately/reader";
import { loadLibrary } from "#src/app/stately/library";
import { pathOf } from "#actors/state-path";
import { gate } from "../../nodes/crew.ts";
import { fenced } from "../inspector/looking.ts";
import { readAt, type Tool } from "./tool.ts";

const SECRET = "kQ7vX2pLm9-configured-key";

const worker = defineAgent({ role: "worker", capabilities: ["working"], systemPrompt: "You work." });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fettle-stately-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function started(answers: readonly string[], options: MeshOptions = {}): Promise<Mesh> {
  const env = {
    FETTLE_DATA_DIRECTORY: mkdtempSync(join(folder, "data-")),
    LOG_DIRECTORY: join(folder, "logs"),
    FETTLE_SANDBOX_ISOLATES: "1",
    OPENAI_API_KEY: SECRET,
  };
  const mesh = new Mesh({
    config: loadConfig({ env, envFile: null }),
    log: silentLog,
    model: createScriptedModel([...answers]),
    inspector: { port: 0, stately: true },
    ...options,
  });
  mesh.add(worker);
  await mesh.start();
  return mesh;
}

/** A tool that reads already. */
async function reading(mesh: Mesh): Promise<Tool> {
  const tool = readAt(mesh.stately);
  await tool.actor("worker.1");
  return tool;
}

describe("XState's tools", () => {
  it("are told of a task through a repair, state by state, with its chart, events and result", async () => {
    await using mesh = await started([fenced("result = nothing.here;"), fenced("result = 42;")]);
    const tool = await reading(mesh);
    const agent = await tool.actor("worker.1");
    expect(agent).toMatchObject({ snapshot: { status: "active", value: { serving: "accepting" } } });
    const result = await mesh.execute("worker", { id: "t1", task: "Say 42." });
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
    const task = await tool.actor("task-t1");
    const own = tool.seen.filter(({ sessionId }) => sessionId === task.sessionId);
    expect(own.at(-1)).toMatchObject({
      snapshot: { status: "done", output: { status: "success", output: 42 } },
    });
    expect(own.every(({ rootId }) => rootId === task.sessionId)).toBe(true);
    expect(own.map(({ event }) => event?.type)).toContain("xstate.done.actor.0.task.working.executing");
    await tool.first(({ event }) => event?.type === "taskEnded");
    const told = tool.seen.filter(
      (event) => event.type === "@xstate.event" && event.sessionId === agent.sessionId,
    );
    expect(told.map(({ event }) => event?.type)).toEqual(["taskStarted", "taskEnded"]);
    const effects = tool.seen.filter(({ parentId }) => parentId === task.sessionId);
    expect(effects.length).toBeGreaterThanOrEqual(6);
  });

  it("are given charts that XState takes again, with the names of guards, actions and effects", async () => {
    await using mesh = await started([fenced("result = 42;")]);
    const tool = await reading(mesh);
    await mesh.execute("worker", { id: "t1", task: "Say 42." });
    const { definition = "" } = await tool.actor("task-t1");
    const chart = createMachine(JSON.parse(definition) as object);
    expect(statesOf(chart.root)).toEqual(statesOf(taskMachine.root));
    expect(chart.events).toEqual(taskMachine.events);
  });

  it("that come late are told of what is at work, and of nothing that has ended", async () => {
    const held = gate();
    const model = createScriptedModel(async (_, index) => {
      if (index === 0) return fenced("result = 1;");
      await held.passed;
      return fenced("result = 2;");
    });
    await using mesh = await started([], { model });
    await mesh.execute("worker", { id: "t1", task: "Say 1." });
    const second = mesh.execute("worker", { id: "t2", task: "Say 2." });
    const early = await reading(mesh);
    await early.first(({ snapshot }) => pathOf(snapshot?.value ?? "") === "working.generating");
    const late = await reading(mesh);
    const found = await late.actor("task-t2");
    expect(found).toMatchObject({ snapshot: { value: { working: "generating" } } });
    held.open();
    await second;
    expect((await late.states("task-t2")).at(-1)).toBe("done");
    expect(late.seen.filter(({ name }) => name === "task-t1")).toEqual([]);
  });

  it("find nothing left of tasks that were cancelled, failed or broken off", async () => {
    const held = gate();
    const model = createScriptedModel(async ({ messages }) => {
      if (!JSON.stringify(messages).includes("Hold.")) return fenced("throw new Error('no');");
      await held.passed;
      return fenced("result = 1;");
    });
    await using mesh = await started([], { model });
    const early = await reading(mesh);
    const cancelled = mesh.execute("worker", { id: "t1", task: "Hold." });
    await early.first(({ snapshot }) => pathOf(snapshot?.value ?? "") === "working.generating");
    await mesh.cancel("t1");
    expect(await cancelled).toMatchObject({ status: "cancelled" });
    expect(await mesh.execute("worker", { id: "t2", task: "Fail." })).toMatchObject({ status: "failure" });
    expect((await early.states("task-t1")).slice(-2)).toEqual(["settling", "cancelled"]);
    const late = await reading(mesh);
    held.open();
    await mesh.execute("worker", { id: "t3", task: "Hold." });
    await late.actor("task-t3");
    const names = late.seen.filter(({ type }) => type === "@xstate.actor").map(({ name }) => name);
    expect(names.slice(0, 3)).toEqual(["worker.1", "0.agent.serving", "task-t3"]);
  });

  it("are never told a configured key, whatever has the shape or the name of one, and of large values the begin", async () => {
    const large = "x".repeat(400_000);
    await using mesh = await started([
      fenced(`throw new Error("${SECRET}");`),
      fenced(
        `result = { ${JSON.stringify(SECRET)}: 1, apiKey: "abc" + "-def", shape: "sk-aaaaaaaaaaaaaaaaaaaa", large: "x".repeat(400_000), many: Array(50_000).fill(7) };`,
      ),
    ]);
    const tool = await reading(mesh);
    await mesh.execute("worker", { id: "t1", task: `Use ${SECRET}.`, context: { note: SECRET } });
    await tool.states("task-t1");
    const text = JSON.stringify(tool.seen);
    for (const hidden of [SECRET, "abc-def", "sk-aaaa", large.slice(0, 20_000)])
      expect(text.includes(hidden)).toBe(false);
    for (const shown of ["[redacted]", "characters in all"]) expect(text.includes(shown)).toBe(true);
    const { snapshot } = tool.seen.filter((event) => event.name === undefined).at(-1) ?? {};
    expect(snapshot).toBeDefined();
    for (const event of tool.seen) expect(JSON.stringify(event).length).toBeLessThan(300_000);
  });

  it("are told beside whoever is told by the mesh's own inspect", async () => {
    const own: string[] = [];
    await using mesh = await started([fenced("result = 42;")], { inspect: ({ type }) => own.push(type) });
    const tool = await reading(mesh);
    await mesh.execute("worker", { id: "t1", task: "Say 42." });
    await tool.states("task-t1");
    expect(own).toContain("@xstate.snapshot");
  });
});

describe("the address at which XState's tools are fed", () => {
  it("is on loopback, cannot be guessed, and is gone once the mesh has stopped", async () => {
    const mesh = await started([]);
    const { url, socketUrl } = mesh.stately ?? { url: "", socketUrl: "" };
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f-]{36}$/);
    expect(socketUrl).toBe(url.replace("http", "ws"));
    for (const path of ["/", "/inspect", "/00000000-0000-4000-8000-000000000000"]) {
      expect((await fetch(new URL(path, url))).status).toBe(404);
      await expect(opened(new URL(path, socketUrl).href)).rejects.toThrow("404");
    }
    const socket = await opened(socketUrl);
    const closed = once(socket, "close");
    await mesh.stop();
    expect((await closed)[0]).toBe(1_001);
    await expect(fetch(url)).rejects.toThrow();
  });

  it("gives a page that names whose inspector it loads, and may load and send nothing else", async () => {
    await using mesh = await started([]);
    const answer = await fetch(mesh.stately?.url ?? "");
    const page = await answer.text();
    expect(page).toContain('<iframe src="https://stately.ai/inspect"');
    expect(page).toContain("a page from\n<b>https://stately.ai</b>, and is given all that is shown");
    const policy = answer.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-src https://stately.ai https://*.stately.ai;");
    expect(policy).not.toContain("unsafe");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("takes eight readers and no message of theirs that is long", async () => {
    await using mesh = await started([]);
    const { socketUrl } = mesh.stately ?? { socketUrl: "" };
    const sockets = await Promise.all(Array.from({ length: 8 }, () => opened(socketUrl)));
    await expect(opened(socketUrl)).rejects.toThrow("503");
    const [first] = sockets;
    const closed = once(first as WebSocket, "close");
    first?.send("x".repeat(10_000));
    await closed;
    (await opened(socketUrl)).close();
  });

  it("is none where nobody asked for it, and then no chart is inspected", async () => {
    await using mesh = await started([], { inspector: { port: 0 } });
    expect(mesh.stately).toBeNull();
  });
});

describe("a reader", () => {
  const machine = createMachine({
    id: "m",
    initial: "a",
    states: { a: { on: { go: "b" } }, b: { on: { end: "c" } }, c: { type: "final" } },
  });

  it("that is too slow misses what it cannot take, and is told anew of what is at work once it can", async () => {
    const { createInspector } = await loadLibrary();
    const live = new LiveActors();
    const told: { readonly type: string; readonly snapshot?: { readonly value?: unknown } }[] = [];
    let wake: () => void = () => undefined;
    const line = {
      waiting: 0,
      send: (text: string) => {
        told.push(JSON.parse(text) as (typeof told)[number]);
        wake();
      },
    };
    const next = async (count: number) => {
      while (told.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const close = openReader(live, line, { createInspector, veil: new Veil(), log: silentLog });
    const actor = createActor(machine, { inspect: live.hear });
    actor.start();
    await next(3);
    line.waiting = 64 * 1024 * 1024;
    actor.send({ type: "go" });
    line.waiting = 0;
    const other = createActor(machine, { inspect: live.hear });
    await next(5);
    expect(told.slice(3).map(({ type, snapshot }) => [type, snapshot?.value])).toEqual([
      ["@xstate.actor", "b"],
      ["@xstate.actor", "a"],
    ]);
    close();
    other.stop();
    actor.stop();
  });

  it("never lets what an actor holds break the actor", async () => {
    const { createInspector } = await loadLibrary();
    const live = new LiveActors();
    const told: string[] = [];
    const line = { waiting: 0, send: (text: string) => told.push(text) };
    openReader(live, line, { createInspector, veil: new Veil(), log: silentLog });
    const cycle: Record<string, unknown> = { big: 12n, of: new Map([["k", 1]]) };
    cycle["self"] = cycle;
    const awkward = createMachine({
      id: "awkward",
      context: {
        cycle,
        bad: {
          toJSON: () => {
            throw new Error("no");
          },
        },
      },
      initial: "a",
      states: { a: { on: { go: "b" } }, b: { type: "final" } },
    });
    const actor = createActor(awkward, { inspect: live.hear });
    actor.start();
    actor.send({ type: "go" });
    expect(actor.getSnapshot().status).toBe("done");
    await expect.poll(() => told.length).toBeGreaterThanOrEqual(5);
  });

  it("leaves nothing of an actor behind that has ended", () => {
    const live = new LiveActors();
    const actor = createActor(machine, { inspect: live.hear });
    const found = () => {
      const events: InspectionEvent[] = [];
      live.tellAgain((event) => events.push(event), 500);
      return events.length;
    };
    actor.start();
    expect(found()).toBe(1);
    actor.send({ type: "go" });
    actor.send({ type: "end" });
    expect(found()).toBe(0);
  });
});

interface Node {
  readonly id: string;
  readonly states: Readonly<Record<string, Node>>;
}

/** The states of a chart, in order. */
function statesOf({ id, states }: Node): readonly string[] {
  return [id, ...Object.values(states).flatMap(statesOf)];
}

/** @throws Error with the status of the answer, where it is refused. */
async function opened(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  await once(socket, "open");
  return socket;
}
