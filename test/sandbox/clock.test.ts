// The guest's time and chance: told by the host, so that a run can be repeated exactly.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "#src/core/tool";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

const entropy = { seed: 42, startedAt: Date.UTC(2024, 1, 29, 12) };

describe("time in a guest", () => {
  it("starts where the host says and stands still while the guest computes", async () => {
    const code =
      "const a = Date.now(); for (let i = 0; i < 3e5; i++); const b = new Date().getTime(); result = [a, b, new Date().toISOString()]";
    expect(valueOf(await sandbox.execute(code, { entropy }))).toEqual([
      entropy.startedAt,
      entropy.startedAt,
      "2024-02-29T12:00:00.000Z",
    ]);
  });

  it("is in UTC whatever the host's zone is", async () => {
    const code =
      "const d = new Date(); result = [d.getTimezoneOffset(), d.getHours(), d.getDay(), String(d)]";
    const [offset, hours, day, text] = valueOf(await sandbox.execute(code, { entropy })) as unknown[];
    expect([offset, hours, day]).toEqual([0, 12, 4]);
    expect(text).toContain("GMT+0000");
  });

  it("goes on by what a tool took", async () => {
    const wait = defineTool({
      description: "Waits.",
      input: z.number(),
      execute: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
    const code = "const a = Date.now(); await tools.wait(30); result = Date.now() - a";
    const passed = valueOf(await sandbox.execute(code, { entropy, tools: { wait } })) as number;
    expect(passed).toBeGreaterThanOrEqual(29);
    expect(passed).toBeLessThan(10_000);
  });

  it("is exactly the due time when a timer fires, however late that is", async () => {
    const code =
      "const t = Date.now(); const seen = []; const at = (ms) => new Promise((r) => setTimeout(() => { seen.push([ms, Date.now() - t]); r(); }, ms)); " +
      "await Promise.all([at(20), at(5), at(5), at(0), at(-3), at(NaN), at('7')]); result = seen";
    expect(valueOf(await sandbox.execute(code, { entropy }))).toEqual([
      [0, 1],
      [-3, 1],
      [NaN, 1],
      [5, 5],
      [5, 5],
      ["7", 7],
      [20, 20],
    ]);
  });
});

describe("timers", () => {
  it("can be cleared, repeat, and take arguments", async () => {
    const code =
      "let n = 0; const gone = setTimeout(() => { n = 100; }, 1); clearTimeout(gone); clearTimeout(undefined); " +
      "const each = setInterval((by) => { n += by; if (n === 6) clearInterval(each); }, 2, 2); " +
      "await new Promise((r) => setTimeout(r, 30)); result = n";
    expect(valueOf(await sandbox.execute(code))).toBe(6);
  });

  it("that throw fail the run", async () => {
    const code =
      "setTimeout(() => { throw new RangeError('late'); }, 1); await new Promise((r) => setTimeout(r, 50)); result = 1";
    expect(errorOf(await sandbox.execute(code))).toMatchObject({ name: "RangeError", failure: "runtime" });
  });

  it("that are set without end are bounded by the run's time", async () => {
    const code = "for (;;) await new Promise((r) => setTimeout(r, 0));";
    const error = errorOf(await sandbox.execute(code, { limits: { timeoutMs: 100 } }));
    expect(error).toMatchObject({ failure: "limit", limit: "timeoutMs" });
    expect(error.message).toContain("limits.timeoutMs is 100 ms");
  });

  it("that are set without end leave room for the isolate's other guests", async () => {
    const storm = sandbox.execute("for (;;) await new Promise((r) => setTimeout(r, 0));", {
      limits: { timeoutMs: 60_000 },
      signal: AbortSignal.timeout(300),
    });
    expect(valueOf(await sandbox.execute("result = 'here'", { limits: { timeoutMs: 10_000 } }))).toBe("here");
    const ended = await storm;
    expect(errorOf(ended)).toMatchObject({ failure: "cancelled" });
    expect(ended.usage.cpuMs).toBeLessThan(290);
  });

  it("that are far off are bounded by the run's time", async () => {
    const code = "await new Promise((r) => setTimeout(r, 1e9));";
    expect(errorOf(await sandbox.execute(code, { limits: { timeoutMs: 50 } }))).toMatchObject({
      limit: "timeoutMs",
    });
  });

  it("leave a deadlock when the last is cleared", async () => {
    const code =
      "const t = setTimeout(() => {}, 1e6); await Promise.resolve(); clearTimeout(t); await new Promise(() => {});";
    expect(errorOf(await sandbox.execute(code))).toMatchObject({ failure: "deadlock" });
  });
});

describe("chance in a guest", () => {
  it("is the same for the same seed and differs for another", async () => {
    const code = "result = Array.from({ length: 5 }, () => Math.random())";
    const first = valueOf(await sandbox.execute(code, { entropy })) as number[];
    expect(valueOf(await sandbox.execute(code, { entropy }))).toEqual(first);
    expect(valueOf(await sandbox.execute(code, { entropy: { ...entropy, seed: 43 } }))).not.toEqual(first);
    expect(valueOf(await sandbox.execute(code))).not.toEqual(first);
    for (const number of first) {
      expect(number).toBeGreaterThanOrEqual(0);
      expect(number).toBeLessThan(1);
    }
  });

  it("is spread evenly", async () => {
    const code =
      "const b = new Array(10).fill(0); for (let i = 0; i < 20000; i++) b[Math.floor(Math.random() * 10)]++; result = b";
    const buckets = valueOf(await sandbox.execute(code, { entropy })) as number[];
    for (const count of buckets) expect(Math.abs(count - 2000)).toBeLessThan(250);
  });
});
