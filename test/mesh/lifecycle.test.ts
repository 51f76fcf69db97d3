import { afterAll, describe, expect, it } from "vitest";
import { defineAgent, type Budget } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createScriptedModel, TestMesh } from "fettle/testing";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

const clerk = defineAgent({ role: "clerk", capabilities: ["write"], handle: () => "done" });
const coder = defineAgent({ role: "coder", capabilities: ["code"], systemPrompt: "Code." });

describe("a mesh", () => {
  it("says how to mend a use before its start", async () => {
    const mesh = new TestMesh().add(clerk);
    await expect(mesh.execute("clerk", "x")).rejects.toThrow(
      /Cannot execute a task of "clerk".*Call start\(\) first/,
    );
    await expect(mesh.send("clerk", "x")).rejects.toMatchObject({ code: "MESH_STATE" });
    await expect(mesh.workflow("w", [])).rejects.toMatchObject({ code: "MESH_STATE" });
  });

  it("refuses a second start, additions after it, and any use after its stop", async () => {
    const mesh = new TestMesh().add(clerk);
    await mesh.start();
    await expect(mesh.start()).rejects.toThrow(/started already/);
    expect(() => mesh.add(coder)).toThrow(/Use spawn\(\)/);
    await mesh.stop();
    await expect(mesh.execute("clerk", "x")).rejects.toThrow(/the mesh is stopped/);
    await mesh.stop();
  });

  it("refuses a second agent with a role that is taken", () => {
    const mesh = new TestMesh().add(clerk);
    const other = defineAgent({ role: "clerk", capabilities: ["other"], handle: () => 1 });
    expect(() => mesh.add(other)).toThrow(expect.objectContaining({ code: "ROLE_DUPLICATE" }));
  });

  it("names the known roles when asked for an unknown one", async () => {
    await using mesh = await new TestMesh().add(clerk).start();
    await expect(mesh.execute("clark", "x")).rejects.toThrow(/No agent with the role "clark".*known: clerk/);
  });

  it("lists its agents, each ready to be given tasks", async () => {
    await using mesh = await new TestMesh({ sandbox, model: ["result = 1"] }).add(clerk).add(coder).start();
    expect(mesh.agents.map(({ role }) => role)).toEqual(["clerk", "coder"]);
    const [first] = mesh.agents;
    expect(await first?.execute("write")).toMatchObject({ status: "success", output: "done" });
  });

  it("drains: what was accepted is done before stop resolves", async () => {
    const release: (() => void)[] = [];
    const slow = defineAgent({
      role: "slow",
      capabilities: ["wait"],
      handle: () => new Promise((resolve) => release.push(() => resolve("finished"))),
    });
    const mesh = await new TestMesh().add(slow).start();
    const running = mesh.execute("slow", "wait");
    const stopped = mesh.stop({ mode: "drain" });
    await expect(mesh.execute("slow", "more")).rejects.toThrow(/mesh is stopping/);
    while (release.length === 0) await new Promise(setImmediate);
    release[0]?.();
    expect(await running).toMatchObject({ status: "success", output: "finished" });
    await stopped;
  });

  it("drains tasks that give tasks to other agents", async () => {
    const boss = defineAgent({
      role: "boss",
      capabilities: ["lead"],
      handle: async (_, actor) => {
        await new Promise(setImmediate);
        return (await actor.execute("clerk", "sub")).output;
      },
    });
    const mesh = await new TestMesh().add(boss).add(clerk).start();
    const running = mesh.execute("boss", "lead");
    await mesh.stop();
    expect(await running).toMatchObject({ status: "success", output: "done" });
  });

  it("cancels what runs and waits, by choice; each task still gets its result", async () => {
    const model = { name: "silent", ask: () => new Promise<never>(() => undefined) };
    const mesh = await new TestMesh({ sandbox, model, concurrency: 1 }).add(coder).start();
    const running = [1, 2, 3].map((n) => mesh.execute("coder", `task ${n}`));
    await mesh.stop({ mode: "cancel" });
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
    ]);
  });

  it("cancels what is left when draining takes longer than it may", async () => {
    const model = { name: "silent", ask: () => new Promise<never>(() => undefined) };
    const mesh = await new TestMesh({ sandbox, model }).add(coder).start();
    const running = mesh.execute("coder", "never ends");
    await mesh.stop({ timeoutMs: 20 });
    expect((await running).status).toBe("cancelled");
  });

  it.each(["cancel", "suspend"] as const)(
    "hastens its end where it drains and is told to %s",
    async (mode) => {
      const model = { name: "silent", ask: () => new Promise<never>(() => undefined) };
      const mesh = await new TestMesh({ sandbox, model }).add(coder).start();
      const running = mesh.execute("coder", "never ends").then(
        ({ status }) => status,
        (error: unknown) => (error as Error).name,
      );
      const drained = mesh.stop();
      await mesh.stop({ mode });
      await drained;
      expect(await running).toBe(mode === "cancel" ? "cancelled" : "MeshStateError");
    },
  );

  it("fails to start with what its parts say, and closes what it had opened", async () => {
    class Broken extends TestMesh {
      closed = false;
      protected override async open() {
        const resources = await super.open();
        const close = async () => {
          this.closed = true;
          await resources.close();
        };
        return { ...resources, close, openSandbox: () => Promise.reject(new Error("no isolate")) };
      }
    }
    const mesh = new Broken();
    mesh.add(coder);
    await expect(mesh.start()).rejects.toThrow("no isolate");
    expect(mesh.closed).toBe(true);
    await expect(mesh.execute("coder", "x")).rejects.toThrow(/stopped/);
  });

  it("needs neither model nor sandbox where no agent writes code", async () => {
    class Bare extends TestMesh {
      protected override async open() {
        const refuse = () => Promise.reject(new Error("not needed"));
        return { ...(await super.open()), openModel: refuse, openSandbox: refuse };
      }
    }
    const mesh = new Bare();
    mesh.add(clerk);
    await mesh.start();
    expect(await mesh.execute("clerk", "x")).toMatchObject({ status: "success" });
    await mesh.stop();
  });

  it("asks an agent's own model in place of the mesh's", async () => {
    const own = createScriptedModel(["result = 'own'"]);
    const agent = defineAgent({ role: "own", capabilities: ["x"], systemPrompt: "x", model: own });
    const model = createScriptedModel([]);
    await using mesh = await new TestMesh({ sandbox, model }).add(agent).start();
    expect(await mesh.execute(agent, "x")).toMatchObject({ output: "own" });
    expect(model.requests).toHaveLength(0);
  });

  it("bounds how many tasks run at once, over all agents", async () => {
    let running = 0;
    let most = 0;
    const model = createScriptedModel(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      return "result = 1";
    });
    const other = defineAgent({ role: "other", capabilities: ["code"], systemPrompt: "Code." });
    await using mesh = await new TestMesh({ sandbox, model, concurrency: 3 }).add(coder).add(other).start();
    const all = Array.from({ length: 12 }, (_, i) =>
      mesh.execute(i % 2 === 0 ? "coder" : "other", `task ${i}`),
    );
    const results = await Promise.all(all);
    expect(results.every(({ status }) => status === "success")).toBe(true);
    expect(most).toBeLessThanOrEqual(3);
  });

  it("shares tasks that come at once among the actors of a role", async () => {
    const namer = defineAgent({ role: "namer", capabilities: ["x"], handle: (_, actor) => actor.self });
    await using mesh = await new TestMesh().add(namer).start();
    await mesh.spawn(namer);
    const results = await Promise.all([1, 2, 3, 4].map((n) => mesh.execute("namer", `task ${n}`)));
    expect(results.map(({ output }) => output)).toEqual(["namer.1", "namer.2", "namer.1", "namer.2"]);
  });

  it("refuses a task beyond an agent's queue with an error, and runs those it took", async () => {
    const small = defineAgent({
      role: "small",
      capabilities: ["x"],
      systemPrompt: "x",
      concurrency: 1,
      mailboxSize: 2,
    });
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const model = createScriptedModel(async () => {
      await gate;
      return "result = 1";
    });
    await using mesh = await new TestMesh({ sandbox, model }).add(small).start();
    const running = [1, 2, 3].map((n) => mesh.execute("small", `task ${n}`));
    await expect(mesh.execute("small", "one too many")).rejects.toMatchObject({ code: "QUEUE_FULL" });
    release();
    const results = await Promise.all(running);
    expect(results.map(({ status }) => status)).toEqual(["success", "success", "success"]);
  });

  it("refuses a task whose result cannot be begun on disk, and takes the next when it can", async () => {
    const small = defineAgent({
      role: "small",
      capabilities: ["x"],
      handle: () => 1,
      concurrency: 1,
      mailboxSize: 1,
    });
    const mesh = await new TestMesh().add(small).start();
    const write = mesh.fabric.blobs.write.bind(mesh.fabric.blobs);
    mesh.fabric.blobs.write = () => Promise.reject(new Error("disk full"));
    for (let i = 0; i < 5; i++) await expect(mesh.execute("small", "x")).rejects.toThrow("disk full");
    mesh.fabric.blobs.write = write;
    expect((await mesh.execute("small", "x")).status).toBe("success");
    await mesh.stop();
  });

  it("keeps a paused agent's tasks waiting and runs them when it is resumed", async () => {
    await using mesh = await new TestMesh({ sandbox, model: ["result = 1"] }).add(coder).start();
    mesh.pause("coder");
    const states: string[] = [];
    const running = mesh.execute("coder", "x", {
      onEvent: (event) => event.type === "state" && states.push(event.state),
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(states).toEqual(["queued"]);
    mesh.resume("coder");
    expect((await running).status).toBe("success");
  });

  it("joins a task that is given again under its id, and refuses another one", async () => {
    const handled: string[] = [];
    let release: (value: string) => void = () => undefined;
    const handling = new Promise<void>((handles) => {
      release = () => handles();
    });
    const slow = defineAgent({
      role: "slow",
      capabilities: ["x"],
      handle: async (message) => {
        handled.push(message.id);
        await handling;
        return "ok";
      },
    });
    await using mesh = await new TestMesh().add(slow).start();
    const running = mesh.execute("slow", { id: "same", task: "x" });
    const joined = mesh.execute("slow", { id: "same", task: "x" });
    await expect(mesh.execute("slow", { id: "same", task: "y" })).rejects.toThrow(
      /"same" is taken: it says "x"/,
    );
    await expect(mesh.cancel("unknown")).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    release("");
    expect(await running).toMatchObject({ status: "success", output: "ok" });
    expect(await joined).toEqual(await running);
    expect(await mesh.execute("slow", { id: "same", task: "x" })).toEqual(await running);
    await expect(mesh.execute("slow", { id: "same", task: "y" })).rejects.toThrow(/"same" is taken/);
    expect(handled).toEqual(["same"]);
  });

  it("refuses the id of a task for one with another profile or budget, also once that has ended", async () => {
    const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "code" });
    const given = { id: "same", task: "x", profile: "coder", budget: { modelCalls: 2, usd: 3 } } as const;
    const model = ["```js\nresult = 1\n```"];
    await using mesh = await new TestMesh({ sandbox, model }).add(coder).start();
    const running = mesh.execute("coder", given);
    const refused = async () => {
      const { profile: _, ...unprofiled } = given;
      const { budget: __, ...unlimited } = given;
      await expect(mesh.execute("coder", { ...given, profile: "researcher" })).rejects.toThrow(
        'The task id "same" is taken: it was given with the profile "coder". An id stands for one task for ever',
      );
      await expect(mesh.execute("coder", unprofiled)).rejects.toThrow(/with the profile "coder"/);
      const budgets = [{ modelCalls: 3, usd: 3 }, { modelCalls: 2 }, { ...given.budget, onExceeded: "ask" }];
      for (const budget of budgets as Budget[]) {
        await expect(mesh.execute("coder", { ...given, budget })).rejects.toThrow(
          /its budget is another, and lifted by mesh\.raiseBudget\("task:same", …\) while it has not ended/,
        );
      }
      await expect(mesh.execute("coder", unlimited)).rejects.toThrow(/its budget is another/);
    };
    await refused();
    const result = await running;
    expect(result).toMatchObject({ status: "success", output: 1 });
    await refused();
    // Limits that are written otherwise are the same limits.
    const budget = { onExceeded: "fail", usd: 3, tokens: undefined, modelCalls: 2 } as const;
    expect(await mesh.execute("coder", { ...given, budget })).toEqual(result);
  });

  it("refuses a profile and a budget for the id of a task that was given without", async () => {
    const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "code" });
    const model = ["```js\nresult = 1\n```"];
    await using mesh = await new TestMesh({ sandbox, model }).add(coder).start();
    const given = { id: "same", task: "x" };
    await mesh.execute("coder", given);
    await expect(mesh.execute("coder", { ...given, profile: "coder" })).rejects.toThrow(
      /it was given without a profile/,
    );
    await expect(mesh.execute("coder", { ...given, budget: { modelCalls: 9 } })).rejects.toThrow(
      /it was given without a budget/,
    );
  });

  it("shows every transition to XState's inspection API", async () => {
    const seen = new Set<string>();
    const mesh = new TestMesh({
      sandbox,
      model: ["throw 1", "result = 1"],
      inspect: (event) => {
        if (event.type !== "@xstate.snapshot") return;
        const { value } = event.snapshot as { value?: unknown };
        if (value !== undefined) seen.add(JSON.stringify(value));
      },
    });
    mesh.add(coder);
    await mesh.start();
    await mesh.execute("coder", "x");
    await mesh.stop();
    for (const state of ["generating", "executing", "repairing"]) {
      expect(seen).toContain(JSON.stringify({ working: state }));
    }
    for (const state of ['"queued"', '"settling"', '"done"', '{"serving":"accepting"}', '"stopped"']) {
      expect(seen).toContain(state);
    }
  });
});
