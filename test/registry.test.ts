// The registry of working code: stages, versions, integrity, and concurrent writers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Fabric } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { FunctionRegistry } from "#src/registry";

const success = { role: "coder", task: "Add two numbers.", code: "result = 1 + 1" };

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
});
