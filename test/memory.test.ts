// Memory of agents: what is kept, for whom and how long, over restarts and beside other writers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Episode, Memory, MemoryScope, Outputs } from "#src/core/memory";
import type { Fabric, Ledger } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { createMemory, dropNotes } from "#src/memory";
import { createScriptedModel, type Script } from "#src/model/scripted";
import { startProgram } from "./harness/live-program.ts";

const SCOPE: MemoryScope = { role: "researcher", taskId: "t1", workflowId: "w1" };

/** What every key is refused for, wherever it is used. */
const HOSTILE = [
  "",
  ".",
  "..",
  "../secret",
  "a/../../b",
  "a..b",
  ".hidden",
  "a b",
  "a\u0000b",
  "a\n",
  "a:b",
  "ключ",
  "x".repeat(257),
  "*",
  ">",
];

async function collect(episodes: AsyncIterable<Episode>): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const { event } of episodes) events.push(event);
  return events;
}

describe.each(["memory", "embedded"])("on the %s fabric", (kind) => {
  let folder: string;
  let fabric: Fabric;
  const open = (): Fabric =>
    kind === "memory" ? createMemoryFabric() : createEmbeddedFabric({ dataDirectory: folder });
  /** The fabric after a restart; one in memory has no restart, only another user. */
  const restart = async (): Promise<void> => {
    if (kind === "memory") return;
    await fabric.close();
    fabric = open();
  };
  const memoryOf = (
    scope: Partial<MemoryScope> = {},
    options: { readonly script?: Script; readonly outputs?: Outputs } = {},
  ): Memory =>
    createMemory({
      keyValue: fabric.keyValue,
      ledger: fabric.ledger,
      blobs: fabric.blobs,
      scope: { ...SCOPE, ...scope },
      model: () => createScriptedModel(options.script ?? []),
      outputs: options.outputs,
    });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-memory-"));
    fabric = open();
  });
  afterEach(async () => {
    await fabric.close();
    await rm(folder, { recursive: true, force: true });
  });

  const rich = { at: new Date(0), tags: new Set(["a"]), big: 12n ** 30n, none: undefined, deep: [[null]] };

  describe("working memory", () => {
    it("keeps a task's notes over a restart, as what they were", async () => {
      const { working } = memoryOf();
      await working.set("plan", rich);
      await working.set("step/1.done", true);
      await working.set("__proto__", { polluted: true });
      await restart();
      const after = memoryOf().working;
      expect(await after.get("plan")).toEqual(rich);
      expect(await after.keys()).toEqual(["__proto__", "plan", "step/1.done"]);
      const all = await after.all();
      expect(Object.keys(all)).toEqual(["__proto__", "plan", "step/1.done"]);
      expect((all as { polluted?: unknown }).polluted).toBeUndefined();
    });

    it("tells what there is, replaces and deletes", async () => {
      const { working } = memoryOf();
      expect([await working.get("a"), await working.has("a")]).toEqual([undefined, false]);
      await working.set("a", 1);
      await working.set("a", undefined);
      expect([await working.get("a"), await working.has("a")]).toEqual([undefined, true]);
      await working.delete("a");
      await working.delete("a");
      expect(await working.has("a")).toBe(false);
    });

    it("is each task's own", async () => {
      await memoryOf().working.set("a", 1);
      await memoryOf({ taskId: "t" }).working.set("a", 2);
      expect(await memoryOf({ taskId: "t2" }).working.all()).toEqual({});
      expect(await memoryOf({ taskId: "t" }).working.all()).toEqual({ a: 2 });
    });

    it("ends with its task, and leaves nothing", async () => {
      await memoryOf().working.set("small", 1);
      await memoryOf().working.set("large", "x".repeat(100_000));
      await memoryOf({ taskId: "other" }).working.set("small", 2);
      expect(await fabric.blobs.list("memory/")).toHaveLength(1);
      await dropNotes(fabric, "t1");
      await dropNotes(fabric, "t1");
      expect(await fabric.blobs.list("memory/")).toEqual([]);
      expect(await memoryOf().working.keys()).toEqual([]);
      expect(await memoryOf({ taskId: "other" }).working.all()).toEqual({ small: 2 });
    });

    it("holds a note of 8 MB, and frees what it replaces", async () => {
      const { working } = memoryOf();
      const huge = { rows: Array.from({ length: 8 }, (_, index) => String(index).repeat(1_000_000)) };
      await working.set("huge", huge);
      await working.set("huge", { ...huge, version: 2 });
      expect(await working.get("huge")).toEqual({ ...huge, version: 2 });
      expect(await fabric.blobs.list("memory/")).toHaveLength(1);
      await working.set("huge", "small");
      expect(await fabric.blobs.list("memory/")).toEqual([]);
    });

    it("gives a whole value while others replace it, and keeps the last", async () => {
      const { working } = memoryOf();
      const large = (letter: string) => letter.repeat(20_000);
      await working.set("a", large("a"));
      const writers = "b c d e f g h".split(" ").map((letter) => working.set("a", large(letter)));
      const readers = Array.from({ length: 10 }, () => working.get("a"));
      for (const value of await Promise.all(readers)) expect(value).toMatch(/^(.)\1{19999}$/);
      await Promise.all(writers);
      expect(await fabric.blobs.list("memory/")).toHaveLength(1);
    });

    it("names the blob of a value that was taken away", async () => {
      await memoryOf().working.set("large", "x".repeat(100_000));
      const [path = ""] = await fabric.blobs.list("memory/");
      await fabric.blobs.delete(path);
      await expect(memoryOf().working.get("large")).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringContaining(path) as string,
      });
    });

    it("refuses what the codec cannot carry, and keeps what was there", async () => {
      const { working } = memoryOf();
      await working.set("a", 1);
      await expect(working.set("a", () => 1)).rejects.toMatchObject({ code: "VALUE_UNSUPPORTED" });
      expect(await working.get("a")).toBe(1);
    });
  });

  it.each(HOSTILE)("the key %j is refused everywhere, before anything is stored", async (key) => {
    const { working, longTerm } = memoryOf();
    const attempts = [
      working.get(key),
      working.set(key, 1),
      working.has(key),
      working.delete(key),
      longTerm.save(key, 1),
      longTerm.load(key),
      longTerm.delete(key),
      longTerm.rehydrate(key),
      longTerm.compress(key, { maxTokens: 10 }),
      longTerm.compress(["text"], { maxTokens: 10, as: key }),
    ];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: "rejected", reason: { code: "PATH_INVALID" } });
    }
    expect(await fabric.blobs.list()).toEqual([]);
  });

  it.each(["../t", "a.b", "", "a/b"])("the owner %j is refused", (name) => {
    for (const part of ["role", "taskId", "workflowId"]) {
      expect(() => memoryOf({ [part]: name })).toThrow(
        expect.objectContaining({ code: "DEFINITION_INVALID" }),
      );
    }
  });

  describe("episodic memory", () => {
    it("tells what happened in order, by whom and when, over a restart", async () => {
      const before = Date.now();
      await memoryOf().episodic.append({ saw: rich });
      await memoryOf({ role: "writer", taskId: "t2" }).episodic.append("wrote");
      await restart();
      const episodes = await memoryOf({ taskId: "t3" }).episodic.tail(10);
      expect(episodes).toMatchObject([
        { role: "researcher", taskId: "t1", event: { saw: rich } },
        { role: "writer", taskId: "t2", event: "wrote" },
      ]);
      const [first, second] = episodes;
      expect(first?.at).toBeGreaterThanOrEqual(before);
      expect(second?.sequence).toBeGreaterThan(first?.sequence ?? 0);
    });

    it("is the workflow's, or the task's where there is none", async () => {
      await memoryOf().episodic.append(1);
      await memoryOf({ workflowId: "w2" }).episodic.append(2);
      await memoryOf({ workflowId: undefined }).episodic.append(3);
      await memoryOf({ workflowId: undefined, taskId: "w1" }).episodic.append(4);
      expect(await collect(memoryOf({ taskId: "t9" }).episodic.history())).toEqual([1]);
      expect(await collect(memoryOf({ workflowId: undefined }).episodic.history())).toEqual([3]);
    });

    it("gives the last so many, and all of a long story", async () => {
      const { episodic } = memoryOf();
      for (let index = 0; index < 600; index += 1) await episodic.append(index);
      const events = async (count: number) => (await episodic.tail(count)).map(({ event }) => event);
      expect(await events(3)).toEqual([597, 598, 599]);
      expect([await events(0), await events(-1), await events(Number.NaN)]).toEqual([[], [], []]);
      expect(await events(Infinity)).toHaveLength(600);
      expect(await collect(episodic.history())).toEqual(Array.from({ length: 600 }, (_, index) => index));
      expect(await collect(memoryOf({ workflowId: "empty" }).episodic.history())).toEqual([]);
    });

    it("finds the last ones where sequences have gaps", async () => {
      const { ledger } = fabric;
      // As on a fabric where all ledgers share one sequence: each entry is 1,000 after the one before.
      const sparse: Ledger = Object.assign(Object.create(ledger) as Ledger, {
        last: async (name: string) => {
          const last = await ledger.last(name);
          return last === null ? null : { ...last, sequence: last.sequence * 1000 };
        },
        read: async (name: string, { from = 1 } = {}) =>
          (await ledger.read(name, { from: Math.ceil(from / 1000) })).map((entry) => ({
            ...entry,
            sequence: entry.sequence * 1000,
          })),
      });
      for (let index = 0; index < 20; index += 1) await memoryOf().episodic.append(index);
      const { episodic } = createMemory({
        keyValue: fabric.keyValue,
        ledger: sparse,
        blobs: fabric.blobs,
        scope: SCOPE,
        model: () => createScriptedModel([]),
      });
      expect((await episodic.tail(5)).map(({ event }) => event)).toEqual([15, 16, 17, 18, 19]);
      expect(await episodic.tail(50)).toHaveLength(20);
    });

    it("stores what is told twice with an id once, also after a restart and in another order", async () => {
      const { episodic } = memoryOf();
      await episodic.append("a", { id: "1" });
      await episodic.append("b", { id: "2" });
      await episodic.append("a again", { id: "1" });
      await restart();
      const again = memoryOf().episodic;
      await Promise.all([
        again.append("b", { id: "2" }),
        again.append("c", { id: "3" }),
        again.append("a", { id: "1" }),
      ]);
      expect(await collect(again.history())).toEqual(["a", "b", "c"]);
    });

    it("counts an id within its task", async () => {
      for (const taskId of ["t1", "t2"]) await memoryOf({ taskId }).episodic.append(taskId, { id: "done" });
      expect(await collect(memoryOf().episodic.history())).toEqual(["t1", "t2"]);
    });

    it("is safe with many writers at once, with ids and without", async () => {
      const writers = Array.from({ length: 6 }, (_, index) => memoryOf({ taskId: `t${index}` }).episodic);
      const twins = [memoryOf().episodic, memoryOf().episodic];
      await Promise.all([
        ...writers.flatMap((episodic, writer) =>
          Array.from({ length: 10 }, (_, index) =>
            episodic.append(`${writer}-${index}`, index % 2 === 0 ? { id: String(index) } : {}),
          ),
        ),
        ...twins.map((episodic) => episodic.append("once", { id: "twin" })),
      ]);
      const events = await collect(memoryOf().episodic.history());
      expect(events).toHaveLength(61);
      expect(new Set(events).size).toBe(61);
      for (let writer = 0; writer < 6; writer += 1) {
        const own = events.filter((event) => String(event).startsWith(`${writer}-`));
        expect(own).toEqual(Array.from({ length: 10 }, (_, index) => `${writer}-${index}`));
      }
    });

    it("holds an event of 5 MB", async () => {
      const huge = "x".repeat(5_000_000);
      await memoryOf().episodic.append(huge, { id: "1" });
      await memoryOf().episodic.append(huge, { id: "1" });
      expect(await collect(memoryOf().episodic.history())).toEqual([huge]);
      expect(await fabric.blobs.list("memory/")).toHaveLength(1);
    });

    it("names the entry of a ledger that Fettle did not write", async () => {
      await fabric.ledger.append("episodes.workflow.w1", "{}", 0);
      await expect(memoryOf().episodic.tail(1)).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringContaining('of ledger "episodes.workflow.w1"') as string,
      });
    });

    it("goes on after an event that cannot be stored", async () => {
      const { episodic } = memoryOf();
      await expect(episodic.append(Symbol("no"))).rejects.toMatchObject({ code: "VALUE_UNSUPPORTED" });
      await episodic.append("yes");
      expect(await collect(episodic.history())).toEqual(["yes"]);
    });
  });

  describe("outputs", () => {
    it("are those of the steps before, and no others", async () => {
      const known = new Map<string, unknown>([
        ["fetch", { rows: 3 }],
        ["empty", undefined],
      ]);
      const { outputs } = memoryOf(
        {},
        { outputs: { get: (step) => known.get(step), keys: () => [...known.keys()] } },
      );
      expect(await outputs.keys()).toEqual(["fetch", "empty"]);
      expect(await outputs.get("fetch")).toEqual({ rows: 3 });
      expect([await outputs.has("empty"), await outputs.has("report")]).toEqual([true, false]);
      expect(await outputs.all()).toEqual({ fetch: { rows: 3 }, empty: undefined });
      await expect(outputs.get("report")).rejects.toMatchObject({
        code: "MEMORY_UNKNOWN",
        message: expect.stringContaining("there are: fetch, empty") as string,
      });
    });

    it("are none outside of a workflow", async () => {
      const { outputs } = memoryOf();
      expect([await outputs.keys(), await outputs.all()]).toEqual([[], {}]);
      await expect(outputs.get("a")).rejects.toThrow("there are none");
    });
  });
});

it("two processes that tell one story lose nothing and tell nothing twice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fettle-memory-"));
  const teller = new URL("./teller.mjs", import.meta.url);
  try {
    // Both are the same task, as when a node believes that another has died.
    const programs = [1, 2].map(() => startProgram(teller, [folder, "40"]));
    for (const { ended } of programs) expect(await ended).toEqual({ code: 0, stderr: "" });
    await using fabric = createEmbeddedFabric({ dataDirectory: folder });
    const { episodic } = createMemory({
      keyValue: fabric.keyValue,
      ledger: fabric.ledger,
      blobs: fabric.blobs,
      scope: SCOPE,
      model: () => createScriptedModel([]),
    });
    const events = await collect(episodic.history());
    expect(events).toHaveLength(40);
    expect([...new Set(events)].sort()).toEqual(
      Array.from({ length: 40 }, (_, index) => `event ${index}`).sort(),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
