// Stored results: readable at every moment, exact when read back.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Attempt, TaskResult } from "#src/core/task";
import type { Blobs } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { ResultStore } from "#src/results";

const attempt: Attempt = {
  code: "result = 1",
  error: null,
  console: [{ level: "log", text: "hi" }],
  model: "test/model",
  entropy: null,
  usage: null,
};

function resultOf(output: unknown, more: Partial<TaskResult> = {}): TaskResult {
  return {
    status: "success",
    output,
    code: "result = 1",
    repairs: 0,
    executionTime: 0.5,
    tokens: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0 },
    costUsd: null,
    resultId: "",
    functionId: null,
    error: null,
    taskId: "t1",
    role: "coder",
    attempts: [attempt],
    model: "test/model",
    replayed: false,
    reused: false,
    profile: null,
    ...more,
  };
}

const task = { taskId: "t1", role: "coder", task: "Say one." };

describe("stored results", () => {
  let folder: string;
  let blobs: Blobs;
  let results: ResultStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-results-"));
    blobs = createEmbeddedFabric({ blobDirectory: folder }).blobs;
    results = new ResultStore(blobs);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const onDisk = async (resultId: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(folder, "coder", `${resultId}.json`), "utf8")) as Record<string, unknown>;

  it("can be read from the moment the task begins", async () => {
    const { resultId } = await results.begin(task);
    expect(await results.read("coder", resultId)).toMatchObject({
      status: "running",
      state: "accepted",
      task: "Say one.",
      taskId: "t1",
      attempts: [],
    });
    expect(await onDisk(resultId)).toMatchObject({ status: "running", role: "coder" });
  });

  it("show each step a moment later, and of a burst of steps the last", async () => {
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      setTimeout: (fn: () => void) => timers.push(fn),
      clearTimeout: () => undefined,
    };
    const entry = await new ResultStore(blobs, { clock }).begin(task);
    const stateOnDisk = async () => (await onDisk(entry.resultId))["state"];
    entry.update({ state: "generating", attempts: [] });
    entry.update({ state: "executing", attempts: [attempt] });
    expect(timers).toHaveLength(1);
    timers[0]?.();
    await expect.poll(stateOnDisk).toBe("executing");
    expect(await onDisk(entry.resultId)).toMatchObject({ attempts: [{ code: "result = 1" }] });
    await expect
      .poll(() => {
        entry.update({ state: "repairing", attempts: [] });
        return timers.length;
      })
      .toBe(2);
    timers[1]?.();
    await expect.poll(stateOnDisk).toBe("repairing");
  });

  it("begin at once for the first task of a role, and a moment later once the store is known to be sound", async () => {
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      setTimeout: (fn: () => void) => timers.push(fn),
      clearTimeout: () => undefined,
    };
    const store = new ResultStore(blobs, { clock });
    await store.begin({ ...task, resultId: "first" });
    expect(await onDisk("first")).toMatchObject({ state: "accepted" });
    await store.begin({ ...task, resultId: "second" });
    await expect(onDisk("second")).rejects.toThrow("ENOENT");
    timers[0]?.();
    await expect.poll(() => onDisk("second").catch(() => null)).toMatchObject({ state: "accepted" });
  });

  it("that are resumed stay as they are until there is something new", async () => {
    const before = await results.begin({ ...task, resultId: "kept" });
    await before.finish(resultOf(1));
    const entry = results.resume({ ...task, resultId: "kept", startedAt: 0 });
    expect(await onDisk("kept")).toMatchObject({ status: "success" });
    await entry.finish(resultOf(2));
    expect(await onDisk("kept")).toMatchObject({ output: 2, startedAt: "1970-01-01T00:00:00.000Z" });
  });

  it("are not covered by steps that are still being written, or that come after the end", async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const timers: (() => void)[] = [];
    const clock = {
      now: () => 0,
      setTimeout: (fn: () => void) => timers.push(fn),
      clearTimeout: () => undefined,
    };
    const written: string[] = [];
    const slow: Blobs = {
      ...blobs,
      write: async (path, data) => {
        const { state, status } = JSON.parse(data as string) as { state?: string; status: string };
        if (state === "executing") await gate;
        written.push(state ?? status);
        await blobs.write(path, data);
      },
    };
    const entry = await new ResultStore(slow, { clock }).begin(task);
    entry.update({ state: "executing", attempts: [] });
    timers[0]?.();
    entry.update({ state: "repairing", attempts: [] });
    const finished = entry.finish(resultOf(1));
    entry.update({ state: "late", attempts: [] });
    open();
    await finished;
    for (const fire of timers) fire();
    expect(written).toEqual(["accepted", "executing", "success"]);
    expect(await results.read("coder", entry.resultId)).toMatchObject({ status: "success", output: 1 });
  });

  it("end with the result, whatever step was still being written", async () => {
    const entry = await results.begin(task);
    for (let index = 0; index < 20; index += 1) entry.update({ state: `step ${index}`, attempts: [] });
    await entry.finish(resultOf({ answer: [1, 2, 3] }));
    expect(await results.read("coder", entry.resultId)).toMatchObject({
      status: "success",
      output: { answer: [1, 2, 3] },
      resultId: entry.resultId,
      attempts: [attempt],
      tokens: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0 },
    });
    expect(await onDisk(entry.resultId)).not.toHaveProperty("outputExact");
    expect(await onDisk(entry.resultId)).not.toHaveProperty("state");
  });

  it("give back values that JSON cannot say, and show them readably in the file", async () => {
    const output = {
      map: new Map<unknown, unknown>([["a", 1n]]),
      pairs: new Map<unknown, unknown>([[1, "one"]]),
      set: new Set([1, 2]),
      big: 123456789012345678901234567890n,
      date: new Date("2026-07-22T10:00:00Z"),
      nothing: undefined,
      numbers: [Number.NaN, Number.POSITIVE_INFINITY, -0],
      bytes: Uint8Array.of(1, 2, 3),
      pattern: /a+/gi,
    };
    const entry = await results.begin(task);
    await entry.finish(resultOf(output));
    const read = (await results.read("coder", entry.resultId)) as TaskResult;
    expect(read.output).toEqual(output);
    expect(Object.is((read.output as typeof output).numbers[2], -0)).toBe(true);
    expect((await onDisk(entry.resultId))["output"]).toEqual({
      map: { a: "1" },
      pairs: [[1, "one"]],
      set: [1, 2],
      big: "123456789012345678901234567890",
      date: "2026-07-22T10:00:00.000Z",
      nothing: null,
      numbers: ["NaN", "Infinity", 0],
      bytes: [1, 2, 3],
      pattern: "/a+/gi",
    });
  });

  it.each([
    ["undefined", undefined],
    ["null", null],
    ["text", "x"],
    ["a tag-like key", { $date: 1 }],
    ["NaN", NaN],
  ])("give back an output of %s", async (_name, output) => {
    const entry = await results.begin(task);
    await entry.finish(resultOf(output));
    expect(await results.read("coder", entry.resultId)).toHaveProperty("output", output);
  });

  it("carry a __proto__ key as data", async () => {
    const output: unknown = JSON.parse('{"__proto__":{"polluted":true},"map":1}');
    const entry = await results.begin(task);
    await entry.finish(resultOf(new Map([["m", output]])));
    const read = (await results.read("coder", entry.resultId)) as TaskResult;
    expect(Object.keys((read.output as Map<string, object>).get("m") ?? {})).toEqual(["__proto__", "map"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const { output: shown } = await onDisk(entry.resultId);
    expect(JSON.stringify(shown)).toBe('{"m":{"__proto__":{"polluted":true},"map":1}}');
  });

  it("have ids that sort by time and never repeat", async () => {
    let now = Date.parse("2026-12-31T23:59:59.999Z");
    const clock = { now: () => now++, setTimeout: () => 0, clearTimeout: () => undefined };
    const store = new ResultStore(blobs, { clock });
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) ids.push((await store.begin(task)).resultId);
    expect(ids[0]).toMatch(/^20261231-235959-999-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(5);
  });

  it("are listed by role or all together, the oldest first", async () => {
    const ids: string[] = [];
    for (const [index, role] of ["coder", "writer", "coder", "coder-2"].entries()) {
      const entry = await results.begin({ ...task, role, resultId: `${index}-x` });
      await entry.finish(resultOf(1));
      ids.push(entry.resultId);
    }
    expect((await results.list()).map((one) => one.resultId)).toEqual(ids);
    expect(await results.list("coder")).toEqual([
      { role: "coder", resultId: "0-x" },
      { role: "coder", resultId: "2-x" },
    ]);
    expect(await results.list("nobody")).toEqual([]);
  });

  it("are null where there is none, and never reach outside their folder", async () => {
    expect(await results.read("coder", "absent")).toBeNull();
    await expect(results.read("../coder", "x")).rejects.toThrow(/not a valid name/);
    await expect(results.read("coder", "../x")).rejects.toThrow(/not a valid name/);
    await expect(results.begin({ ...task, role: "a/b" })).rejects.toThrow(/not a valid name/);
  });

  it.each(["", "{", "[]", '{"status":"success"}', '{"resultId":"x","taskId":"t","role":"r","status":"odd"}'])(
    "say which file is damaged when it holds %j",
    async (content) => {
      await blobs.write("coder/damaged.json", content);
      await expect(results.read("coder", "damaged")).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringContaining("coder/damaged.json") as string,
      });
    },
  );

  it("refuse an output that cannot be encoded, and stay as they were", async () => {
    const entry = await results.begin(task);
    await expect(entry.finish(resultOf({ f: () => 1 }))).rejects.toMatchObject({ code: "VALUE_UNSUPPORTED" });
    expect(await results.read("coder", entry.resultId)).toMatchObject({ status: "running" });
  });

  it("fail at the beginning where the store cannot be written to, and at the end, but not in between", async () => {
    let broken = false;
    const brittle: Blobs = {
      ...blobs,
      write: async (path, data) => {
        if (broken) throw new Error("disk full");
        await blobs.write(path, data);
      },
    };
    const entry = await new ResultStore(brittle).begin(task);
    broken = true;
    entry.update({ state: "executing", attempts: [] });
    await expect(entry.finish(resultOf(1))).rejects.toThrow("disk full");
    await expect(new ResultStore(brittle).begin(task)).rejects.toThrow("disk full");
  });
});
