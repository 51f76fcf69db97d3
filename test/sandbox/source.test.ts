// Source texts made to be slow to read: reading them costs the guest its own time, and the host's none.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(async () => {
  sandbox = openSandbox({ isolates: 1 });
  await sandbox.execute("result = 1");
});
afterAll(() => sandbox.close());

const SLOW: Readonly<Record<string, string>> = {
  "property escapes": `result = /${"\\p{L}".repeat(40_000)}/u`,
  "named groups": `result = /${"(?<a>x)|".repeat(30_000)}b/`,
  "one name declared over and over": `let a${",a".repeat(100_000)}`,
  "nested conditions": `result = ${"a?b:".repeat(60_000)}1`,
  "nested type arguments": `let x: ${"Array<".repeat(30_000)}`,
};

describe("a source that is slow to read", () => {
  it.each(Object.entries(SLOW))("fails, and the host's event loop stays free: %s", async (_, code) => {
    const started = performance.now();
    let last = started;
    let longest = 0;
    const ticks = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const result = await sandbox.execute(code);
    longest = Math.max(longest, performance.now() - last);
    clearInterval(ticks);
    expect(["syntax", "limit"]).toContain(errorOf(result).failure);
    // Read on the host's thread, the longest gap would be the whole run.
    expect(longest).toBeLessThan(100 + (performance.now() - started) / 2);
  });

  it("costs the guest its own time", async () => {
    const quick = await sandbox.execute("result = 1");
    const slow = await sandbox.execute(SLOW["property escapes"] ?? "");
    expect(slow.usage.cpuMs).toBeGreaterThan(quick.usage.cpuMs);
  });

  it("is read for as long as it may compute, and then it is over", async () => {
    const code = `{ ${"f(a, b);\n".repeat(20_000)} }`;
    const result = await sandbox.execute(code, { limits: { cpuMs: 1 } });
    expect(errorOf(result)).toMatchObject({ failure: "limit", limit: "cpuMs" });
  });

  it("keeps TypeScript's lines and columns", async () => {
    expect(valueOf(await sandbox.execute("const n: number = 20;\nresult = (n as number) + 1;"))).toBe(21);
    const error = errorOf(await sandbox.execute("const n: number = 20;\nconst s: string = missing;"));
    expect(error).toMatchObject({ name: "ReferenceError", line: 2, column: 19 });
  });
});
