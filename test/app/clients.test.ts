// `fettle submit`, `fettle result` and `fettle events`: tasks for a mesh over NATS, from the shell.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { runFettle } from "../harness/program.ts";
import { serverForTests } from "../fabric/nats/mesh-server.ts";
import { openDesk, type Desk } from "../wire/desk.ts";

const server = serverForTests();
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-clients-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const echo = defineAgent({
  role: "echo",
  capabilities: ["repeat"],
  handle: (message) => {
    if (message.type !== "task") return null;
    if (message.task === "fail") throw new Error("no good");
    return new Map([["said", message.task], ...Object.entries(message.context as Record<string, string>)]);
  },
});

const fettleOn =
  (desk: Desk) =>
  (...args: string[]) =>
    runFettle(args, { cwd: folder, env: { NATS_URL: server.get().url, FETTLE_MESH: desk.name } });

describe("a task from the shell", () => {
  it("is submitted, done by a node, and its result printed by its id", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const fettle = fettleOn(desk);
    expect(
      await fettle("submit", "echo", "hello", "--id", "h1", "--context", '{"more":"data"}'),
    ).toMatchObject({
      code: 0,
      stdout: "submitted h1\n",
      stderr: "",
    });
    const result = await fettle("result", "h1", "--wait", "--json");
    expect(result.code).toBe(0);
    expect(JSON.parse(result.stdout)).toMatchObject({
      taskId: "h1",
      status: "success",
      output: { said: "hello", more: "data" },
    });
    const [again, shown] = [
      await fettle("submit", "echo", "hello", "--id", "h1", "--json"),
      await fettle("result", "h1"),
    ];
    expect(JSON.parse(again.stdout)).toMatchObject({ taskId: "h1", duplicate: true });
    expect(shown.stdout).toContain("Map(2) { 'said' => 'hello', 'more' => 'data' }");
  });

  it("can have a deadline and a trace, which are checked before", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const fettle = fettleOn(desk);
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const terms = ["--deadline", "2026-01-31T12:00:00Z", "--trace", trace];
    const late = await fettle("submit", "echo", "hello", "--id", "d1", ...terms, "--wait", "--json");
    expect(JSON.parse(late.stdout)).toMatchObject({ status: "cancelled" });
    const [accepted] = await desk.mesh.view.tasks.read("d1");
    expect(accepted).toMatchObject({ trace, deadline: Date.parse("2026-01-31T12:00:00Z") });
    const [when, what] = await Promise.all([
      fettle("submit", "echo", "hello", "--deadline", "soon"),
      fettle("submit", "echo", "hello", "--trace", "mine"),
    ]);
    expect(when).toMatchObject({ code: 1, stderr: expect.stringContaining('"soon"') as string });
    expect(what).toMatchObject({ code: 1, stderr: expect.stringContaining("traceparent") as string });
  });

  it("can be waited for, and exits as the task ends", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const fettle = fettleOn(desk);
    const [good, bad] = await Promise.all([
      fettle("submit", "echo", "hello", "--wait", "--json"),
      fettle("submit", "echo", "fail", "--wait"),
    ]);
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ status: "success", output: { said: "hello" } });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toContain("Error: no good");
  });

  it("for a role that the mesh never had is refused, as is any where the mesh is embedded", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const fettle = fettleOn(desk);
    const misspelt = await fettle("submit", "ecko", "hello");
    expect(misspelt).toMatchObject({ code: 1, stdout: "" });
    expect(misspelt.stderr).toContain('"ecko" was ever in the mesh');
    const embedded = await runFettle(["submit", "echo", "hello"], { cwd: folder });
    expect(embedded.code).toBe(1);
    expect(embedded.stderr).toContain("by NATS_URL or --server");
  });

  it("that has no result is said to have none", async () => {
    await using desk = await openDesk(server.get(), [echo]);
    const fettle = fettleOn(desk);
    const none = await fettle("result", "nothing");
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain('no result of a task "nothing"');
  });
});

describe("events in the shell", () => {
  it("are printed until the task has ended", async () => {
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const slow = defineAgent({
      role: "slow",
      capabilities: ["x"],
      handle: async () => {
        await begun;
        return "done";
      },
    });
    await using desk = await openDesk(server.get(), [slow]);
    const fettle = fettleOn(desk);
    const following = fettle("events", "e1", "--json");
    const { client, name } = desk;
    // The command listens once the server says that somebody does.
    for (;;) {
      const heard = await client
        .request(`fettle.${name}.event.e1`, '{"v":1,"type":"hello"}', { timeout: 100 })
        .catch((thrown: unknown) => (thrown as { code: string }).code);
      if (heard !== "503") break;
    }
    const asked = desk.mesh.execute("slow", { id: "e1", task: "x" });
    begin();
    await asked;
    const { code, stdout } = await following;
    expect(code).toBe(0);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.at(-1)).toMatchObject({ type: "finished", status: "success", output: "done" });
    expect(events.some(({ type }) => type === "state")).toBe(true);
    const late = await fettle("events", "e1");
    expect(late.stdout).toContain('The task "e1" has ended before: success.');
  });
});
