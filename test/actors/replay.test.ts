// A task done again from its journal alone: what is the same, what was tampered with, and what cannot be compared.
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  defineAgent,
  defineTool,
  type AgentDefinition,
  type Budget,
  type Fabric,
  type ModelRequest,
  type Task,
} from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createMemoryFabric, TestMesh, type TestMeshOptions } from "fettle/testing";
import { replayTask } from "#actors/replay";
import type { JournalEntry, JournalEntryOf, JournalEntryType } from "#src/core/journal";
import { NO_TOKENS } from "#src/core/model";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";

const sandbox = createSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;
const journalOf = (fabric: Fabric, taskId = "t1") =>
  new TaskList(fabric.ledger, { subjects: createSubjects("test") }).read(taskId);

const dice = defineTool({
  description: "Throws dice.",
  input: z.object({ sides: z.number() }),
  execute: ({ sides }) => {
    if (sides < 1) throw new RangeError("no sides");
    return 1 + Math.floor(Math.random() * sides);
  },
});
const player = defineAgent({
  role: "player",
  capabilities: ["x"],
  systemPrompt: "play",
  tools: { game: { dice } },
});

/** Does a task and gives its journal. */
async function journal(
  agent: AgentDefinition,
  options: TestMeshOptions,
  task: Partial<Task> = {},
): Promise<readonly JournalEntry[]> {
  await using fabric = createMemoryFabric();
  await using mesh = await new TestMesh({ sandbox, fabric, ...options }).add(agent).start();
  await mesh.execute(agent.role, { id: "t1", task: "x", ...task });
  return await journalOf(fabric);
}

/** A journal with the entries of one kind changed. */
function changed<T extends JournalEntryType>(
  entries: readonly JournalEntry[],
  type: T,
  change: (entry: JournalEntryOf<T>) => Partial<JournalEntryOf<T>>,
): readonly JournalEntry[] {
  const copy = entries.map((entry) =>
    entry.type === type ? { ...entry, ...change(entry as JournalEntryOf<T>) } : entry,
  );
  expect(copy).not.toEqual(entries);
  return copy;
}

const CODE = `console.log("at", Date.now());
const throws = await Promise.all([6, 20].map((sides) => game.dice({ sides })));
const failed = await game.dice({ sides: 0 }).catch(({ name }) => name);
await new Promise((resolve) => setTimeout(resolve, 5));
result = { throws, failed, chance: Math.random(), when: new Date(), greeting: context.greeting };`;

describe("a replay", () => {
  it("comes to the same by chance, time, tools, context and repairs, and calls nothing", async () => {
    const model = [fenced("game.dice.nothing.at.all"), "no code at all", fenced(CODE)];
    const entries = await journal(player, { model }, { context: { greeting: new Map([["a", 1n]]) } });
    const replay = await replayTask(entries, sandbox);
    expect(replay).toMatchObject({ taskId: "t1", verdict: "same", isEnded: true, outcome: [], notes: [] });
    expect(replay.states.map(({ replayed }) => replayed)).toEqual(
      ["queued", "generating", "executing", "repairing", "repairing", "executing", "settling"].filter(
        (state, at, all) => state !== all[at - 1],
      ),
    );
    expect(replay.runs.map(({ attempt, verdict, note }) => [attempt, verdict, note])).toEqual([
      [1, "same", null],
      [3, "same", null],
    ]);
  });

  it("finds a state, a value, a line of the console, a return, an answer and a result that were tampered with", async () => {
    const entries = await journal(player, { model: [fenced(CODE)] });
    const found = async (copy: readonly JournalEntry[]) => {
      const { verdict, states, runs, outcome } = await replayTask(copy, sandbox);
      expect(verdict).toBe("different");
      return {
        states: states.flatMap(({ same, recorded, replayed }) => (same ? [] : [[recorded, replayed]])),
        runs: runs.map((run) => [run.verdict, ...run.differences.map(({ what }) => what)]),
        outcome: outcome.map(({ what }) => what),
      };
    };
    expect(
      await found(
        changed(entries, "state", ({ state }) => (state === "executing" ? { state: "handling" } : {})),
      ),
    ).toEqual({ states: [["handling", "executing"]], runs: [["same"]], outcome: [] });
    expect(
      await found(
        changed(entries, "run-finished", ({ trial }) => ({ trial: { ...trial, output: 7 } as never })),
      ),
    ).toEqual({ states: [], runs: [["different", "value"]], outcome: ["output"] });
    const line = { level: "log", text: "another" } as const;
    expect(
      await found(
        changed(entries, "run-finished", ({ trial }) => ({ trial: { ...trial, console: [line] } })),
      ),
    ).toEqual({ states: [], runs: [["different", "console"]], outcome: ["attempts"] });
    expect(
      await found(changed(entries, "tool-returned", ({ call }) => (call === 1 ? { text: "99" } : {}))),
    ).toEqual({
      states: [],
      runs: [["different", "value"]],
      outcome: [],
    });
    expect(
      await found(changed(entries, "tool-called", ({ call }) => (call === 1 ? { input: "{}" } : {}))),
    ).toEqual({
      states: [],
      runs: [["different"]],
      outcome: [],
    });
    expect(
      await found(
        changed(entries, "model-answered", ({ answer }) => ({
          answer: { ...answer, text: fenced("result = 1") },
        })),
      ),
    ).toMatchObject({ runs: [["different"]], outcome: ["code", "attempts"] });
    expect(
      await found(
        changed(entries, "finished", ({ result }) => ({ result: { ...result, status: "failure" } })),
      ),
    ).toEqual({ states: [], runs: [["same"]], outcome: ["status"] });
    const without = entries.filter(({ type }) => type !== "state");
    expect((await found(without)).states).toHaveLength(4);
  });

  it("compares errors with their place, and takes limits from the error that cites them", async () => {
    const agent = defineAgent({
      role: "player",
      capabilities: ["x"],
      systemPrompt: "play",
      maxRepairs: 2,
      limits: { resultBytes: 100 },
    });
    const model = [
      fenced("let a = 1;\nnull.b;"),
      fenced("result = 'x'.repeat(1000)"),
      fenced("result = 'long enough'.repeat(100)"),
    ];
    const entries = await journal(agent, { model });
    const replay = await replayTask(entries, sandbox);
    expect(replay).toMatchObject({ verdict: "same", runs: [{}, {}, {}] });
    const moved = changed(entries, "run-finished", ({ attempt, trial }) =>
      attempt === 1 && !trial.ok ? { trial: { ...trial, error: { ...trial.error, line: 1 } } } : {},
    );
    expect((await replayTask(moved, sandbox)).runs[0]).toMatchObject({
      verdict: "different",
      differences: [{ what: "error", recorded: { line: 1 }, replayed: { line: 2 } }],
    });
  });

  it("tells runs that their time ended as not comparable, and those that only the agent's schema explains", async () => {
    const agent = defineAgent({
      role: "player",
      capabilities: ["x"],
      systemPrompt: "play",
      maxRepairs: 3,
      limits: { cpuMs: 50, timeoutMs: 300 },
      output: z.object({ a: z.number() }),
    });
    const model = [
      fenced("for (;;);"),
      fenced("await new Promise((resolve) => setTimeout(resolve, 60_000)); result = 1"),
      fenced("result = { a: 'one' }"),
      fenced("result = { a: 1, b: 2 }"),
    ];
    const { verdict, runs } = await replayTask(await journal(agent, { model }), sandbox);
    expect(verdict).toBe("same");
    expect(runs.map((run) => [run.verdict, run.note])).toEqual([
      ["incomparable", expect.stringContaining("for the time it computed")],
      ["incomparable", expect.stringContaining("its time was over")],
      ["same", expect.stringContaining("did not fit the agent's schema")],
      [
        "incomparable",
        expect.stringContaining("output schema, which is not in the journal, may have left it out"),
      ],
    ]);
  });

  it("follows an agent that lets one call be under way at a time", async () => {
    const agent = defineAgent({
      role: "player",
      capabilities: ["x"],
      systemPrompt: "play",
      limits: { concurrentToolCalls: 1 },
      tools: { game: { dice } },
    });
    const { verdict, runs } = await replayTask(await journal(agent, { model: [fenced(CODE)] }), sandbox);
    expect({ verdict, runs }).toMatchObject({ verdict: "same", runs: [{ verdict: "same" }] });
  });

  it("goes through approvals of calls and of code, allowed and refused", async () => {
    await using fabric = createMemoryFabric();
    const agent = (role: string, approval: "tools" | "code") =>
      defineAgent({ role, capabilities: ["x"], systemPrompt: "play", approval, tools: { game: { dice } } });
    const code = "result = [await game.dice({ sides: 6 }), await game.dice({ sides: 6 })]";
    const model = ({ purpose }: ModelRequest) =>
      fenced(purpose === "repair" ? "result = await game.dice({ sides: 2 })" : code);
    await using mesh = await new TestMesh({ sandbox, fabric, model })
      .add(agent("tools", "tools"))
      .add(agent("code", "code"))
      .start();
    const decisions = new Map([
      ["t1-a1", true],
      ["t1-a2", false],
      ["t1-a3", true],
      ["t2-a1", false],
      ["t2-a2", true],
    ]);
    mesh.subscribe((event) => {
      if (event.type !== "approval") return;
      const { approvalId } = event;
      void (decisions.get(approvalId) === true
        ? mesh.approve(approvalId)
        : mesh.reject(approvalId, { note: "no" }));
    });
    const results = await Promise.all([
      mesh.execute("tools", { id: "t1", task: "x" }),
      mesh.execute("code", { id: "t2", task: "x" }),
    ]);
    expect(results).toMatchObject([
      { status: "success", repairs: 1 },
      { status: "success", repairs: 1 },
    ]);
    const [tools, reviewed] = await Promise.all(
      ["t1", "t2"].map(async (id) => replayTask(await journalOf(fabric, id), sandbox)),
    );
    expect(tools).toMatchObject({ verdict: "same", notes: [] });
    expect(tools?.states.filter(({ replayed }) => replayed === "awaitingApproval")).toHaveLength(3);
    expect(tools?.runs.map(({ attempt, verdict }) => [attempt, verdict])).toEqual([
      [1, "same"],
      [2, "same"],
    ]);
    expect(reviewed).toMatchObject({ verdict: "same", runs: [{ attempt: 2, verdict: "same" }] });
  });

  it("goes as far as the journal of a task does that has not ended, at every point of it", async () => {
    const model = [fenced("game.dice.nothing.at.all"), fenced(CODE)];
    const entries = await journal(player, { model });
    for (let length = 1; length < entries.length; length += 1) {
      const replay = await replayTask(entries.slice(0, length), sandbox);
      expect([length, replay.verdict, replay.isEnded]).toEqual([length, "same", false]);
    }
  });

  it("replays cancelled, overdue and failed tasks to their end", async () => {
    await using fabric = createMemoryFabric();
    const custom = defineAgent({
      role: "custom",
      capabilities: ["x"],
      handle: (message) => {
        if (message.type === "task" && message.context?.["bad"] === true) throw new RangeError("bad");
        return { fine: true };
      },
    });
    const slow = defineAgent({
      role: "slow",
      capabilities: ["x"],
      systemPrompt: "wait",
      limits: { taskMs: 30 },
    });
    const lone = defineAgent({ role: "lone", capabilities: ["x"], systemPrompt: "wait", concurrency: 1 });
    const model = { name: "never", ask: () => new Promise<never>(() => undefined) };
    await using mesh = await new TestMesh({ sandbox, fabric, model }).add(custom).add(slow).add(lone).start();
    const first = mesh.execute("lone", { id: "first", task: "x" });
    const queued = mesh.execute("lone", { id: "queued", task: "x" });
    await Promise.all([
      mesh.execute("custom", { id: "fine", task: "x" }),
      mesh.execute("custom", { id: "bad", task: "x", context: { bad: true } }),
      mesh.execute("slow", { id: "late", task: "x" }),
      mesh.cancel("queued", "no"),
      mesh.cancel("first", "no"),
    ]);
    const states = await Promise.all([first, queued]);
    expect(states.map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
    for (const id of ["fine", "bad", "late", "queued", "first"]) {
      const { verdict, isEnded, outcome } = await replayTask(await journalOf(fabric, id), sandbox);
      expect([id, verdict, isEnded, outcome]).toEqual([id, "same", true, []]);
    }
  });

  it("replays tasks that a budget ended, in a model's call or a tool's, at once or after a refusal", async () => {
    const slow = "await new Promise((resolve) => setTimeout(resolve, 1_000)); result = 1";
    const two = "result = [await game.dice({ sides: 6 }), await game.dice({ sides: 6 })]";
    const model = ({ purpose, messages }: ModelRequest) => {
      if (messages[0]?.content === "Task:\nslow") return fenced(slow);
      return fenced(purpose === "generate" ? "no.such.thing" : two);
    };
    const budgets: readonly Budget[] = [
      { modelCalls: 0 },
      { modelCalls: 1 },
      { modelCalls: 1, onExceeded: "cheaper" },
      { toolCalls: 1 },
      { toolCalls: 0 },
      { tokens: 10 },
      { wallMs: 0 },
      { wallMs: 100 },
      { modelCalls: 1, onExceeded: "ask" },
      { toolCalls: 1, onExceeded: "ask" },
    ];
    for (const budget of budgets) {
      await using fabric = createMemoryFabric();
      await using mesh = await new TestMesh({ sandbox, fabric, model }).add(player).start();
      mesh.subscribe((event) => {
        if (event.type === "approval") void mesh.reject(event.approvalId, { note: "no" });
      });
      const { status, error } = await mesh.execute("player", {
        id: "t1",
        task: budget.wallMs === 100 ? "slow" : "x",
        budget,
      });
      const category = budget.onExceeded === "ask" ? "approval" : "budget";
      expect([budget, status, error?.category]).toEqual([budget, "failure", category]);
      const { verdict, isEnded, outcome } = await replayTask(await journalOf(fabric), sandbox);
      expect([budget, verdict, isEnded, outcome]).toEqual([budget, "same", true, []]);
    }
  });

  it("says of an end that is in the result alone that it was not compared", async () => {
    const entries = await journal(player, { model: ["no code at all", fenced("result = 1")] });
    const head = entries.slice(
      0,
      entries.findIndex(({ type }) => type === "model-answered"),
    );
    const last = entries.at(-1) as JournalEntryOf<"finished">;
    const error = { name: "DeliveryError", message: "it has stopped", category: "cancelled" } as const;
    const nothing = { output: null, code: null, repairs: 0, attempts: [], model: null, functionId: null };
    const end = (status: "cancelled" | "failure"): JournalEntry => ({
      ...last,
      result: { ...last.result, ...nothing, status, error, tokens: NO_TOKENS, costUsd: 0 },
    });
    const stopped = await replayTask([...head, end("cancelled")], sandbox);
    expect(stopped).toMatchObject({ verdict: "same", outcome: [] });
    expect(stopped.notes).toEqual([expect.stringContaining("its actor had stopped")]);
    const claimed = head.find(({ type }) => type === "claimed") as JournalEntry;
    const inVain = [...head, ...Array.from({ length: 10 }, () => claimed), end("failure")];
    const given = await replayTask(inVain, sandbox);
    expect(given).toMatchObject({ verdict: "same", outcome: [] });
    expect(given.notes).toEqual([expect.stringContaining("taken up in vain too often")]);
  });
});
