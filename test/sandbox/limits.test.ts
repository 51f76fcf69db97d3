// Limits: defaults, checks, and that each one that is hit names itself.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS, type LimitName } from "#src/core/guest";
import { resolveLimits } from "#src/core/limits";
import { limitError } from "#src/sandbox/limits";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1, limits: { resultBytes: 2000 } });
});
afterAll(() => sandbox.close());

describe("resolveLimits", () => {
  it("fills in what is not given", () => {
    expect(resolveLimits(undefined)).toEqual(DEFAULT_LIMITS);
    expect(resolveLimits({ cpuMs: 5 })).toEqual({ ...DEFAULT_LIMITS, cpuMs: 5 });
  });

  it("refuses an unknown limit, naming those there are", () => {
    expect(() => resolveLimits({ cpuMS: 5 } as object)).toThrow(/Unknown limit "cpuMS".*cpuMs, timeoutMs/);
  });

  it.each([
    { cpuMs: 0 },
    { timeoutMs: -1 },
    { memoryBytes: 1000 },
    { stackBytes: 2 ** 30 },
    { toolCalls: 1.5 },
    { resultBytes: NaN },
    { cpuMs: "5" as unknown as number },
  ])("refuses %o, saying what it must be", (limits) => {
    expect(() => resolveLimits(limits)).toThrow(/The limit \w+ is .*: it must be an integer from \d+ to \d+/);
  });
});

describe("limitError", () => {
  it.each(Object.keys(DEFAULT_LIMITS) as LimitName[])("names %s, its value and what to do", (limit) => {
    const error = limitError(limit, DEFAULT_LIMITS);
    expect(error).toMatchObject({ name: "LimitError", failure: "limit", limit });
    expect(error.message).toContain(`limits.${limit} is ${DEFAULT_LIMITS[limit]} `);
    expect(error.message).toContain("raise it");
  });
});

describe("a run", () => {
  it("is refused where its code is too large", async () => {
    const error = errorOf(await sandbox.execute("result = 'xxxxxxxxxxxx'", { limits: { codeBytes: 10 } }));
    expect(error).toMatchObject({ failure: "limit", limit: "codeBytes" });
  });

  it("is refused where its context is too large", async () => {
    const context = { text: "x".repeat(1000) };
    const error = errorOf(await sandbox.execute("result = 1", { context, limits: { contextBytes: 500 } }));
    expect(error).toMatchObject({ failure: "limit", limit: "contextBytes" });
  });

  it("throws where its context cannot be carried: that is the caller's mistake", async () => {
    await expect(sandbox.execute("result = 1", { context: { f: () => 1 } })).rejects.toThrow(/\$\.f/);
  });

  it("fails where its result is too large, in characters or in bytes", async () => {
    for (const code of ["result = 'x'.repeat(3000)", "result = '\\u20ac'.repeat(900)"]) {
      expect(errorOf(await sandbox.execute(code))).toMatchObject({ failure: "limit", limit: "resultBytes" });
    }
    expect(valueOf(await sandbox.execute("result = 'x'.repeat(1900)"))).toHaveLength(1900);
  });

  it("takes the sandbox's limits where it brings none, and its own where it does", async () => {
    const code = "result = 'x'.repeat(3000)";
    expect(errorOf(await sandbox.execute(code)).message).toContain("limits.resultBytes is 2000 bytes");
    expect(valueOf(await sandbox.execute(code, { limits: { resultBytes: 5000 } }))).toHaveLength(3000);
  });

  it("has as much memory as it was given, and no more", async () => {
    const code = "result = new Uint8Array(20e6).length";
    expect(errorOf(await sandbox.execute(code, { limits: { memoryBytes: 16 * 2 ** 20 } })).limit).toBe(
      "memoryBytes",
    );
    expect(valueOf(await sandbox.execute(code, { limits: { memoryBytes: 32 * 2 ** 20 } }))).toBe(20e6);
  });

  it("counts only its own computing as computing", async () => {
    const code = "await new Promise((r) => setTimeout(r, 150)); result = 1";
    expect(valueOf(await sandbox.execute(code, { limits: { cpuMs: 100 } }))).toBe(1);
  });

  it("adds up what it computes over all its turns", async () => {
    const code = "for (;;) { for (let i = 0; i < 1e5; i++); await new Promise((r) => setTimeout(r, 0)); }";
    const result = await sandbox.execute(code, { limits: { cpuMs: 100 } });
    expect(errorOf(result).limit).toBe("cpuMs");
  });

  it("ends at its time even while it computes", async () => {
    const result = await sandbox.execute("for (;;);", { limits: { cpuMs: 5000, timeoutMs: 100 } });
    expect(errorOf(result).limit).toBe("timeoutMs");
    expect(result.usage.wallMs).toBeLessThan(3000);
  });
});
