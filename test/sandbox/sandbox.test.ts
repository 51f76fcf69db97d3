// The sandbox as its callers see it: a value for what works, an error that says what to mend for what does not.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

describe("a run", () => {
  it("gives the value that the code assigned to result", async () => {
    expect(valueOf(await sandbox.execute("result = 6 * 7"))).toBe(42);
  });

  it("gives the value that the code declared as result", async () => {
    expect(valueOf(await sandbox.execute("const result = [1, 2].map((n) => n * 2);"))).toEqual([2, 4]);
  });

  it("gives what the code returned at its top level", async () => {
    expect(valueOf(await sandbox.execute("if (true) return 'early'; result = 'late';"))).toBe("early");
  });

  it("may await at its top level", async () => {
    expect(valueOf(await sandbox.execute("result = await Promise.resolve(1) + 1"))).toBe(2);
  });

  it("sees its context, and every run has a context of its own", async () => {
    const context = { rows: [{ n: 1 }, { n: 2 }], when: new Date(5), big: 2n ** 70n };
    const code = "context.rows[0].n += 1; result = [context.rows[0].n, context.when.getTime(), context.big]";
    expect(valueOf(await sandbox.execute(code, { context }))).toEqual([2, 5, 2n ** 70n]);
    expect(valueOf(await sandbox.execute(code, { context }))).toEqual([2, 5, 2n ** 70n]);
    expect(valueOf(await sandbox.execute("result = typeof context"))).toBe("undefined");
  });

  it("leaves nothing behind for the next run", async () => {
    const leave =
      "globalThis.left = 1; Array.prototype.left = 1; Object.prototype.left = 1; " +
      "Promise.prototype.then = null; JSON.parse = null; result = 1";
    expect(valueOf(await sandbox.execute(leave))).toBe(1);
    const look =
      "result = [typeof left, [].left, ({}).left, typeof JSON.parse, typeof Promise.prototype.then]";
    expect(valueOf(await sandbox.execute(look))).toEqual([
      "undefined",
      undefined,
      undefined,
      "function",
      "function",
    ]);
  });

  it("tells what it used", async () => {
    const { usage } = await sandbox.execute("result = new Array(100_000).fill(1).length");
    expect(usage.cpuMs).toBeGreaterThan(0);
    expect(usage.wallMs).toBeGreaterThanOrEqual(usage.cpuMs);
    expect(usage.memoryBytes).toBeGreaterThan(1024 * 1024);
    expect(usage.toolCalls).toBe(0);
  });
});

describe("a run that fails", () => {
  it("names what is not defined, with line and column in the code as given", async () => {
    const error = errorOf(await sandbox.execute("const a = 1;\n\n  missing(a);"));
    expect(error).toMatchObject({ name: "ReferenceError", failure: "runtime", line: 3, column: 3 });
    expect(error.message).toContain("missing");
  });

  it("gives the stack in the code as given", async () => {
    const code =
      "function outer() {\n  inner();\n}\nfunction inner() {\n  throw new TypeError('no');\n}\nouter();";
    const error = errorOf(await sandbox.execute(code));
    expect(error).toMatchObject({ name: "TypeError", message: "no", line: 5 });
    expect(error.stack).toMatch(/inner \(5:\d+\)\n.*outer \(2:\d+\)\n.*<anonymous> \(7:\d+\)/);
  });

  it("reports a syntax error without running anything", async () => {
    const result = await sandbox.execute("console.log(1);\nlet x = ;");
    expect(errorOf(result)).toMatchObject({ name: "SyntaxError", failure: "syntax", line: 2, column: 9 });
    expect(result.console).toEqual([]);
  });

  it("is a failure where result was never assigned", async () => {
    expect(errorOf(await sandbox.execute("const answer = 42;"))).toMatchObject({ failure: "no-result" });
  });

  it("is a failure where the result cannot be carried, and names the path", async () => {
    const error = errorOf(await sandbox.execute("result = { a: [1, () => 1] }"));
    expect(error).toMatchObject({ failure: "unencodable" });
    expect(error.message).toContain("result.a[1]");
  });

  it("tells a rejected promise and a thrown value that is no error", async () => {
    expect(errorOf(await sandbox.execute("result = Promise.reject(new RangeError('r'))"))).toMatchObject({
      name: "RangeError",
      failure: "runtime",
    });
    expect(errorOf(await sandbox.execute("throw { code: 7 }")).message).toContain("code: 7");
    expect(errorOf(await sandbox.execute("throw null")).message).toBe("null");
    expect(errorOf(await sandbox.execute("throw Symbol('s')")).message).toBe("Symbol(s)");
  });

  it("says at once that nothing can settle what it waits for", async () => {
    const error = errorOf(await sandbox.execute("await new Promise(() => {})"));
    expect(error).toMatchObject({ name: "DeadlockError", failure: "deadlock" });
  });
});
