// The registry of working code: stages, versions, integrity, and concurrent writers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fabric } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { FunctionRegistry } from "#src/registry";

const success = {
  role: "coder",
  task: "Add two numbers.",
  code: "result = context.a + context.b",
  context: { a: 17, b: 25 },
  output: 42,
  toolReturns: [],
};

describe("the function registry", () => {
  let folder: string;
  let fabric: Fabric;
  let registry: FunctionRegistry;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-registry-"));
    fabric = createEmbeddedFabric({ dataDirectory: folder });
    registry = new FunctionRegistry(fabric.keyValue);
  });
  afterEach(async () => {
    await fabric.close();
    await rm(folder, { recursive: true, force: true });
  });

  const succeed = async (times: number): Promise<string> => {
    let stage = "";
    for (let index = 0; index < times; index += 1) ({ stage } = await registry.recordSuccess(success));
    return stage;
  };

  it("makes a version verified by its first success and golden by its fifth", async () => {
    expect(await registry.recordSuccess(success)).toMatchObject({ version: 1, stage: "verified" });
    expect(await succeed(3)).toBe("verified");
    expect(await succeed(1)).toBe("golden");
    expect(await succeed(10)).toBe("golden");
  });

  it("counts a try once, however often it is told, and one without an id each time", async () => {
    const tell = (tryId: string) => registry.recordSuccess({ ...success, tryId });
    await tell("r1-1");
    await tell("r1-2");
    expect(await tell("r1-1")).toMatchObject({ version: 1, stage: "verified" });
    const fail = (tryId: string) => registry.recordFailure({ ...success, tryId });
    await fail("r2-1");
    expect(await fail("r2-1")).toEqual({ stage: "candidate" });
    const { functionId } = await registry.recordSuccess(success);
    expect(await registry.get(functionId)).toMatchObject({ successes: 3, failures: 1, stage: "verified" });
    expect((await registry.lookUp(success.role, success.task))?.versions).toHaveLength(1);
    // Success and failure of one code are told of two tries: each of another task counts.
    for (let index = 0; index < 500; index += 1) await tell(`r3-${index}`);
    await tell("r3-499");
    expect(await registry.get(functionId)).toMatchObject({ successes: 503, stage: "golden" });
    const stored = await fabric.keyValue.get("functions", functionId);
    expect(stored?.value.length).toBeLessThan(4_000);
  });

  it("demotes golden to verified and verified to candidate, and asks for five successes again", async () => {
    await succeed(7);
    const { functionId } = await registry.recordSuccess(success);
    const fail = async () => (await registry.recordFailure(success))?.stage;
    expect(await fail()).toBe("verified");
    expect(await fail()).toBe("candidate");
    expect(await fail()).toBe("candidate");
    expect(await succeed(1)).toBe("verified");
    expect(await succeed(3)).toBe("verified");
    expect(await succeed(1)).toBe("golden");
    expect(await fail()).toBe("verified");
    expect(await succeed(3)).toBe("verified");
    expect(await succeed(1)).toBe("golden");
    expect(await registry.get(functionId)).toMatchObject({ successes: 17, failures: 4 });
  });

  it("takes the same code for the same version, and other code for a new one", async () => {
    const first = await registry.recordSuccess(success);
    const second = await registry.recordSuccess({ ...success, code: "result = 2" });
    const again = await registry.recordSuccess(success);
    expect([first.version, second.version, again.version]).toEqual([1, 2, 1]);
    expect(second.functionId).toBe(first.functionId);
    expect(await registry.get(first.functionId, 1)).toMatchObject({ code: success.code, successes: 2 });
    expect(await registry.get(first.functionId, 2)).toMatchObject({ code: "result = 2", successes: 1 });
    expect(await registry.get(first.functionId, 3)).toBeNull();
  });

  it("gives the most trusted version, of equals the newest", async () => {
    const { functionId } = await registry.recordSuccess(success);
    await registry.recordSuccess({ ...success, code: "result = 2" });
    expect(await registry.get(functionId)).toMatchObject({ version: 2, code: "result = 2" });
    await succeed(2);
    expect(await registry.get(functionId)).toMatchObject({ version: 1, code: success.code });
  });

  it("knows a task again by its words, not by its white space", async () => {
    const { functionId } = await registry.recordSuccess(success);
    const spaced = { ...success, task: "  Add\n two   numbers. " };
    expect((await registry.recordSuccess(spaced)).functionId).toBe(functionId);
    expect((await registry.recordSuccess({ ...success, task: "add two numbers." })).functionId).not.toBe(
      functionId,
    );
    expect((await registry.recordSuccess({ ...success, role: "other" })).functionId).not.toBe(functionId);
    expect(await registry.lookUp("coder", "Add two numbers.\n")).toMatchObject({ functionId });
    expect(await registry.lookUp("coder", "Unheard of.")).toBeNull();
  });

  it("finds functions by role and stage, and lists all", async () => {
    await succeed(5);
    await registry.recordSuccess({ ...success, task: "Other." });
    await registry.recordSuccess({ ...success, role: "coder-2" });
    expect(await registry.list()).toHaveLength(3);
    expect((await registry.find({ role: "coder" })).map((one) => one.task).sort()).toEqual([
      "Add two numbers.",
      "Other.",
    ]);
    expect((await registry.find({ role: "coder", stage: "golden" })).map((one) => one.task)).toEqual([
      "Add two numbers.",
    ]);
    expect(await registry.find({ role: "nobody" })).toEqual([]);
  });

  it("counts every one of many concurrent successes", async () => {
    const other = new FunctionRegistry(fabric.keyValue);
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, index) => (index % 2 === 0 ? registry : other).recordSuccess(success)),
    );
    expect(new Set(all.map((one) => one.version))).toEqual(new Set([1]));
    expect(await registry.get(all[0]?.functionId ?? "")).toMatchObject({ successes: 24, stage: "golden" });
  });

  it("refuses none of very many that come at once: those of one process do not stand in each other's way", async () => {
    const all = Array.from({ length: 300 }, () => registry.recordSuccess(success));
    await expect(Promise.all(all)).resolves.toHaveLength(300);
  });

  it("gives concurrent new versions numbers of their own", async () => {
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        registry.recordSuccess({ ...success, code: `result = ${index}` }),
      ),
    );
    expect(all.map((one) => one.version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("keeps at most twenty versions, and drops the least trusted and oldest", async () => {
    await succeed(2);
    for (let index = 0; index < 24; index += 1) {
      await registry.recordSuccess({ ...success, code: `result = "${index}"` });
    }
    const entry = await registry.lookUp(success.role, success.task);
    expect(entry?.versions).toHaveLength(20);
    expect(entry?.versions[0]).toMatchObject({ version: 1, successes: 2 });
    expect(entry?.versions[1]).toMatchObject({ version: 25 });
    expect(await registry.recordSuccess({ ...success, code: "result = 'new'" })).toMatchObject({
      version: 26,
    });
  });

  it("never hands out code that is not what was registered", async () => {
    const { functionId } = await registry.recordSuccess(success);
    const [sha256] = await fabric.keyValue.keys("function-code");
    await fabric.keyValue.put("function-code", sha256 ?? "", "process.exit()");
    await expect(registry.get(functionId)).rejects.toMatchObject({ code: "INTEGRITY" });
    await fabric.keyValue.delete("function-code", sha256 ?? "");
    await expect(registry.get(functionId)).rejects.toMatchObject({ code: "INTEGRITY" });
    await registry.recordSuccess(success);
    expect(await registry.get(functionId)).toMatchObject({ code: success.code });
  });

  it("says which entry is damaged", async () => {
    const { functionId } = await registry.recordSuccess(success);
    for (const value of ["{", "[]", '{"role":1}']) {
      await fabric.keyValue.put("functions", functionId, value);
      await expect(registry.get(functionId)).rejects.toMatchObject({
        code: "INTEGRITY",
        message: expect.stringContaining(functionId) as string,
      });
    }
  });

  it("answers null for functions and versions that it does not know", async () => {
    expect(await registry.get("coder-0000")).toBeNull();
    expect(await registry.recordFailure(success)).toBeNull();
    await registry.recordSuccess(success);
    expect(await registry.recordFailure({ ...success, code: "other()" })).toBeNull();
  });

  it("is there again after the fabric was closed and opened", async () => {
    const { functionId } = await registry.recordSuccess(success);
    await fabric.close();
    fabric = createEmbeddedFabric({ dataDirectory: folder });
    registry = new FunctionRegistry(fabric.keyValue);
    expect(await registry.get(functionId)).toMatchObject({ code: success.code, stage: "verified" });
  });

  describe("matching exactly", () => {
    const query = { role: "coder", task: "Add two  numbers.", context: { a: 3, b: 4 } };

    it("gives golden code for the same role, task and shape of context, whatever its values", async () => {
      await succeed(5);
      expect(await registry.matchExact(query)).toMatchObject({
        match: { code: success.code, stage: "golden", version: 1, taint: null },
      });
    });

    it.each<[string, object, string]>([
      ["of another role", { role: "other" }, "none"],
      ["for another task", { task: "Add three numbers." }, "none"],
      ["with another property", { context: { a: 3, c: 4 } }, "other-shape"],
      ["with a property more", { context: { a: 3, b: 4, c: 5 } }, "other-shape"],
      ["with a property of another kind", { context: { a: 3, b: "4" } }, "other-shape"],
      ["for an agent that is told something else", { instructions: "Subtract." }, "other-agent"],
    ])("gives nothing %s", async (_, change, reason) => {
      await succeed(5);
      expect(await registry.matchExact({ ...query, ...change })).toMatchObject({ match: null, reason });
    });

    it("gives nothing before five successes, nor after a failure", async () => {
      await succeed(4);
      expect(await registry.matchExact(query)).toMatchObject({ match: null, reason: "not-golden" });
      await succeed(1);
      expect((await registry.matchExact(query)).match).not.toBeNull();
      await registry.recordFailure(success);
      expect(await registry.matchExact(query)).toMatchObject({ match: null, reason: "not-golden" });
    });

    it("gives code for each shape that it has worked with", async () => {
      await succeed(5);
      const text = { ...query, context: { a: "x", b: "y" } };
      expect(await registry.matchExact(text)).toMatchObject({ reason: "other-shape" });
      await registry.recordSuccess({ ...success, context: { a: "k", b: "l" }, output: "kl" });
      expect((await registry.matchExact(text)).match).not.toBeNull();
      expect((await registry.matchExact(query)).match).not.toBeNull();
    });

    it("never gives code that holds a value of an earlier run, and says which", async () => {
      const code = "result = context.a + 25";
      for (let index = 0; index < 5; index += 1) await registry.recordSuccess({ ...success, code });
      const { match, ...why } = await registry.matchExact(query);
      expect(match).toBeNull();
      expect(why).toEqual({
        reason: "tainted",
        detail: 'its literal "25" stood in its context or what a tool returned',
      });
    });

    it("holds a taint for good, also one that a later success brings", async () => {
      const code = "result = context.a + context.b + 77 - 77";
      for (let index = 0; index < 5; index += 1) await registry.recordSuccess({ ...success, code });
      expect((await registry.matchExact(query)).match).not.toBeNull();
      const unlucky = { ...success, code, context: { a: 77, b: 1 }, output: 78 };
      expect((await registry.recordSuccess(unlucky)).taint).toContain('"77"');
      await registry.recordSuccess({ ...success, code });
      expect(await registry.matchExact(query)).toMatchObject({ match: null, reason: "tainted" });
    });

    it("does not trust code whose tools' returns it was not told", async () => {
      for (let index = 0; index < 5; index += 1) {
        await registry.recordSuccess({ ...success, toolReturns: undefined });
      }
      expect(await registry.matchExact(query)).toMatchObject({ reason: "tainted" });
    });

    it("does not trust what was registered before literals were compared", async () => {
      await succeed(5);
      const [functionId] = await fabric.keyValue.keys("functions");
      const stored = await fabric.keyValue.get("functions", functionId ?? "");
      const before = (key: string, value: unknown) =>
        ["shapes", "agent", "taint"].includes(key) ? undefined : value;
      const record: unknown = JSON.parse(stored?.value ?? "", before);
      await fabric.keyValue.put("functions", functionId ?? "", JSON.stringify(record));
      expect((await registry.matchExact(query)).match).toBeNull();
      expect(await registry.get(functionId ?? "")).toMatchObject({ code: success.code });
    });

    it("prefers clean code to code more trusted", async () => {
      const tainted = { ...success, code: "result = context.a + 25" };
      for (let index = 0; index < 6; index += 1) await registry.recordSuccess(tainted);
      await succeed(5);
      await registry.recordSuccess({ ...success, code: "result = 42" });
      expect(await registry.matchExact(query)).toMatchObject({ match: { code: success.code } });
    });

    it("says that it is damaged, and does not throw", async () => {
      await succeed(5);
      const [sha256] = await fabric.keyValue.keys("function-code");
      await fabric.keyValue.put("function-code", sha256 ?? "", "process.exit()");
      expect(await registry.matchExact(query)).toMatchObject({ match: null, reason: "integrity" });
      const [functionId] = await fabric.keyValue.keys("functions");
      await fabric.keyValue.put("functions", functionId ?? "", "{");
      expect(await registry.matchExact(query)).toMatchObject({ match: null, reason: "integrity" });
    });

    it("keeps no value of any context or result in the store", async () => {
      const secret = { a: "s3cret-token", b: 918273645 };
      await registry.recordSuccess({ ...success, context: secret, output: { token: "s3cret-token" } });
      const [functionId] = await fabric.keyValue.keys("functions");
      const stored = await fabric.keyValue.get("functions", functionId ?? "");
      expect(stored?.value).not.toMatch(/s3cret|918273645/);
    });
  });

  describe("finding near matches", () => {
    const record = (task: string, code: string, more: object = {}) =>
      registry.recordSuccess({ ...success, task, code, ...more });

    it("gives the code of similar tasks of the same role, the likest first", async () => {
      await record("Sum the prices by category", "result = sum(context.a)");
      await record("Sum the prices by category and month", "result = sums(context.a)");
      await record("Translate a letter", "result = letter(context.a)");
      await record("Sum the prices by category", "result = other(context.a)", { role: "coder-2" });
      const near = await registry.findNear({ role: "coder", task: "Sum the prices by category" });
      expect(near.map(({ code }) => code)).toEqual(["result = sum(context.a)", "result = sums(context.a)"]);
      expect(near[0]?.similarity).toBe(1);
    });

    it("leaves out code that failed last, that is tainted and that is damaged", async () => {
      await record("Sum the prices of 1", "result = context.a + 25");
      await record("Sum the prices of 2", "result = failing(context.a)");
      await registry.recordFailure({
        ...success,
        task: "Sum the prices of 2",
        code: "result = failing(context.a)",
      });
      await record("Sum the prices of 3", "result = good(context.a)");
      const { functionId } = await record("Sum the prices of 4", "result = damaged(context.a)");
      await fabric.keyValue.put("functions", functionId, "{");
      const near = await registry.findNear({ role: "coder", task: "Sum the prices of 5" });
      expect(near.map(({ code }) => code)).toEqual(["result = good(context.a)"]);
    });

    it("gives no more than asked, and no more code than a prompt should hold", async () => {
      for (let index = 0; index < 5; index += 1) {
        await record(`Sum the prices of ${index}`, `result = f${index}(context.a) // ${"x".repeat(3_000)}`);
      }
      const find = (limit?: number) => registry.findNear({ role: "coder", task: "Sum the prices", limit });
      expect(await find(1)).toHaveLength(1);
      expect(await find(5)).toHaveLength(2);
      expect(await find(0)).toEqual([]);
    });

    it("finds what was registered since it last looked", async () => {
      const find = () => registry.findNear({ role: "coder", task: "Sum the prices" });
      expect(await find()).toEqual([]);
      await new FunctionRegistry(fabric.keyValue).recordSuccess({ ...success, task: "Sum the prices" });
      expect(await find()).toHaveLength(1);
    });
  });
});
