// Meshes of one name in task queues of their own: what each takes up, goes on with, and leaves to the others.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { createMemoryFabric, defineAgent, loadConfig, Mesh, type Fabric } from "fettle";
import { nodeName } from "#src/app/node-name";
import { defer } from "#src/core/deferred";
import { readEntries, writeEntries, type JournalEntry } from "#src/core/journal";
import { createSubjects } from "#src/core/subjects";

const config = loadConfig({ env: { LOG_LEVEL: "silent" }, envFile: null });
const subjects = createSubjects("default");
const TERMS = {
  kind: "custom",
  maxRepairs: 0,
  deadlineMs: 60_000,
  approval: "never",
  recalls: false,
  routes: false,
  profile: null,
} as const;

/** Answers tasks with its name; those of the text "wait" only once it is released. */
function worker(name: string) {
  const [began, open] = [defer<undefined>(), defer<undefined>()];
  let calls = 0;
  const agent = defineAgent({
    role: "worker",
    capabilities: ["x"],
    handle: async (message, actor) => {
      calls += 1;
      if (message.type === "task" && message.task === "wait") {
        began.resolve(undefined);
        const aborted = new Promise((_, reject) =>
          actor.signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true }),
        );
        await Promise.race([open.promise, aborted]);
      }
      return name;
    },
  });
  return { agent, began: began.promise, release: () => open.resolve(undefined), calls: () => calls };
}

/** A started mesh of one worker. */
function start(fabric: Fabric, agent: ReturnType<typeof worker>["agent"], taskQueue?: string) {
  return new Mesh({ config, fabric, ...(taskQueue === undefined ? {} : { taskQueue }) }).add(agent).start();
}

async function journalOf(fabric: Fabric, taskId: string): Promise<readonly JournalEntry[]> {
  const stored = await fabric.ledger.read(subjects.journal(taskId));
  return stored.flatMap(({ payload }) => readEntries(payload, taskId));
}

const typesOf = (entries: readonly JournalEntry[]) => entries.map(({ type }) => type);

describe("a mesh with a task queue", () => {
  it("never takes up tasks of another queue or of the common one, and theirs do not take up its own", async () => {
    await using fabric = createMemoryFabric();
    const queues = ["a", "b", undefined];
    for (const queue of queues) {
      const { agent, began } = worker("first");
      const mesh = await start(fabric, agent, queue);
      const left = mesh.execute("worker", { id: `of-${queue ?? "all"}`, task: "wait" });
      left.catch(() => undefined);
      await began;
      await mesh.stop({ mode: "suspend" });
    }
    // One at a time is alone with what three have left.
    for (const queue of queues) {
      const own = `of-${queue ?? "all"}`;
      const { agent, release } = worker(`again ${own}`);
      release();
      await using mesh = await start(fabric, agent, queue);
      expect(await mesh.execute("worker", { id: own, task: "wait" })).toMatchObject({
        output: `again ${own}`,
      });
      expect(await mesh.execute("worker", "at once")).toMatchObject({ output: `again ${own}` });
      for (const other of queues.slice(queues.indexOf(queue) + 1)) {
        const entries = await journalOf(fabric, `of-${other ?? "all"}`);
        expect(typesOf(entries).at(-1)).toBe("left");
      }
    }
    const [accepted, claimed] = await journalOf(fabric, "of-a");
    expect([accepted, claimed]).toMatchObject([{ queue: "a" }, { type: "claimed", queue: "a" }]);
  });

  it("does side by side with another what is given to it, by its own agent of the same role", async () => {
    await using fabric = createMemoryFabric();
    const [ours, theirs] = [worker("ours"), worker("theirs")];
    await using first = await start(fabric, ours.agent, "a");
    await using second = await start(fabric, theirs.agent);
    const all = (mesh: typeof first) =>
      Promise.all(Array.from({ length: 20 }, (_, at) => mesh.execute("worker", `task ${at}`)));
    const [one, two] = await Promise.all([all(first), all(second)]);
    expect(new Set(one.map(({ output }) => output))).toEqual(new Set(["ours"]));
    expect(new Set(two.map(({ output }) => output))).toEqual(new Set(["theirs"]));
    expect([ours.calls(), theirs.calls()]).toEqual([20, 20]);
  });

  it("puts the tasks that its agents give to others into the same queue", async () => {
    await using fabric = createMemoryFabric();
    const clerk = (name: string) =>
      defineAgent({ role: "clerk", capabilities: ["x"], handle: async () => name });
    const boss = defineAgent({
      role: "boss",
      capabilities: ["x"],
      handle: async (_, actor) =>
        (await actor.execute("clerk", { id: "given-1", task: "Do it" })).output ?? null,
    });
    await using other = await new Mesh({ config, fabric }).add(clerk("other")).start();
    await using mesh = await new Mesh({ config, fabric, taskQueue: "a" }).add(boss).add(clerk("own")).start();
    expect(await mesh.execute("boss", "Have it done")).toMatchObject({ output: "own" });
    expect(await journalOf(fabric, "given-1")).toMatchObject({ 0: { type: "accepted", queue: "a" } });
    expect(other.agents).toHaveLength(1);
  });

  it("goes on with its own unfinished workflows at its start, and with no others", async () => {
    await using fabric = createMemoryFabric();
    const steps = [{ id: "one", agent: "worker", task: "wait" }];
    for (const queue of ["a", undefined]) {
      const { agent, began } = worker("first");
      const mesh = await start(fabric, agent, queue);
      mesh.workflow(`flow-${queue ?? "all"}`, steps).catch(() => undefined);
      await began;
      await mesh.stop({ mode: "suspend" });
    }
    const { agent, release } = worker("second");
    release();
    const mesh = await start(fabric, agent, "a");
    const ended = new Promise<string>((resolve) =>
      mesh.subscribe((event) => event.type === "workflow-finished" && resolve(event.workflowId)),
    );
    expect(await ended).toBe("flow-a");
    await mesh.stop();
    const recordOf = async (id: string) =>
      (await fabric.ledger.read(`default.workflow.${id}`)).map(({ payload }) => payload);
    expect((await recordOf("flow-a")).at(-1)).toContain('"ended"');
    expect(await recordOf("flow-all")).toHaveLength(1);
    expect((await recordOf("flow-all"))[0]).toContain('"started"');
  });

  it("refuses a name that is none", async () => {
    const mesh = new Mesh({ config, fabric: createMemoryFabric(), taskQueue: "a.b" });
    await expect(mesh.start()).rejects.toThrow('The task queue "a.b" is not a valid name');
  });
});

/** Resolves when the task's message waits again in the queue of its own name. */
async function isPutBack(fabric: Fabric): Promise<void> {
  while ((await fabric.queue.size(subjects.tasks("worker", "t1"))).waiting === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a task that is given to meshes of two task queues", () => {
  it("is left to the one that works on it; the other waits and gives its result", async () => {
    await using fabric = createMemoryFabric();
    const [ours, theirs] = [worker("ours"), worker("theirs")];
    await using first = await start(fabric, ours.agent);
    const running = first.execute("worker", { id: "t1", task: "wait" });
    await ours.began;
    await using second = await start(fabric, theirs.agent, "t1");
    const joined = second.execute("worker", { id: "t1", task: "wait" });
    // The second has the task's message in hand once, and puts it back.
    await isPutBack(fabric);
    ours.release();
    const result = await running;
    expect(result).toMatchObject({ status: "success", output: "ours" });
    expect(await joined).toEqual(result);
    expect([ours.calls(), theirs.calls()]).toEqual([1, 0]);
    expect(typesOf(await journalOf(fabric, "t1")).filter((type) => type === "claimed")).toHaveLength(1);
    await second.stop({ mode: "suspend" });
  });

  it("is cancelled by the one that waits for it, for both", async () => {
    await using fabric = createMemoryFabric();
    const [ours, theirs] = [worker("ours"), worker("theirs")];
    await using first = await start(fabric, ours.agent);
    const running = first.execute("worker", { id: "t1", task: "wait" });
    await ours.began;
    await using second = await start(fabric, theirs.agent, "t1");
    const stop = new AbortController();
    const joined = second.execute("worker", { id: "t1", task: "wait" }, { signal: stop.signal });
    await isPutBack(fabric);
    stop.abort();
    const result = await joined;
    expect(result).toMatchObject({ status: "cancelled", error: { category: "cancelled" } });
    // The one that worked on it hears of it with what it records next.
    ours.release();
    expect(await running).toEqual(result);
  });

  it("is gone on with by the other where the process that worked on it is gone, or has left it", async () => {
    await using fabric = createMemoryFabric();
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const gone = nodeName().replace(`-${process.pid}-`, `-${pid}-`);
    for (const [taskId, last] of [
      ["killed", []],
      ["left", [{ at: 3, type: "left", node: "another-host-1-0123abcd", reason: "stopped" }]],
    ] as const) {
      const accepted: JournalEntry = {
        at: 1,
        type: "accepted",
        taskId,
        role: "worker",
        task: "go",
        context: {},
        resultId: `r-${taskId}`,
        step: null,
        budget: null,
        profile: null,
      };
      const claimed: JournalEntry = { at: 2, type: "claimed", node: gone, terms: TERMS };
      await fabric.ledger.append(subjects.journal(taskId), writeEntries([accepted, claimed, ...last]), 0);
      const { agent } = worker("second");
      await using mesh = await start(fabric, agent, taskId);
      const result = await mesh.execute("worker", { id: taskId, task: "go" });
      expect(result).toMatchObject({ status: "success", output: "second" });
    }
  });
});
