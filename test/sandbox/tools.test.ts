// Tools: the only door out of a guest. What goes through is checked on the host, both ways.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ToolCallEvent } from "#src/core/guest";
import { defineTool, type ToolCallInfo } from "#src/core/tool";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

const add = defineTool({
  description: "Adds.",
  input: z.object({ a: z.number(), b: z.number() }),
  output: z.number(),
  execute: ({ a, b }) => a + b,
});
const echo = defineTool({ description: "Gives back.", input: z.unknown(), execute: (input) => input });
const fail = defineTool({
  description: "Fails.",
  input: z.unknown(),
  execute: () => {
    throw new RangeError("no such row");
  },
});

describe("a tool", () => {
  it("is awaited by the guest and gives its output", async () => {
    expect(
      valueOf(await sandbox.execute("result = await tools.add({ a: 1, b: 2 })", { tools: { add } })),
    ).toBe(3);
  });

  it("is reached by its group and through tools as well", async () => {
    const code = "result = [await math.add({ a: 1, b: 2 }), await tools.math.add({ a: 3, b: 4 })]";
    expect(valueOf(await sandbox.execute(code, { tools: { math: { add } } }))).toEqual([3, 7]);
  });

  it("carries every kind of value both ways", async () => {
    const code =
      "const sent = { d: new Date(7), m: new Map([[1, new Set(['a'])]]), n: [NaN, -0, 2n ** 80n], " +
      "u: undefined, b: new Uint8Array([1, 2]) }; result = await tools.echo(sent);";
    expect(valueOf(await sandbox.execute(code, { tools: { echo } }))).toEqual({
      d: new Date(7),
      m: new Map([[1, new Set(["a"])]]),
      n: [NaN, -0, 2n ** 80n],
      u: undefined,
      b: new Uint8Array([1, 2]),
    });
  });

  it("is not called with an input that its schema refuses, and the guest can catch why", async () => {
    const code = "try { await tools.add({ a: 'x' }); } catch (e) { result = [e.name, e.message]; }";
    const [name, message] = valueOf(await sandbox.execute(code, { tools: { add } })) as [string, string];
    expect(name).toBe("ToolInputError");
    expect(message).toMatch(/input of add\(\).*a: .*number[^]*b: /);
  });

  it("cannot give the guest an output that its schema refuses", async () => {
    const wrong = defineTool({
      description: "Promises a number.",
      input: z.unknown(),
      output: z.number(),
      execute: () => "text" as unknown as number,
    });
    const code = "try { await tools.wrong(); } catch (e) { result = [e.name, e.message]; }";
    const [name, message] = valueOf(await sandbox.execute(code, { tools: { wrong } })) as [string, string];
    expect(name).toBe("ToolOutputError");
    expect(message).toContain("output of wrong()");
  });

  it("that throws rejects the guest's promise with name and message, and no stack of the host", async () => {
    const code =
      "try { await tools.fail(); } catch (e) { result = [e instanceof Error, e.name, e.message, e.stack]; }";
    const [isError, name, message, stack] = valueOf(
      await sandbox.execute(code, { tools: { fail } }),
    ) as unknown[];
    expect([isError, name, message]).toEqual([true, "RangeError", "no such row"]);
    expect(stack).not.toContain("file://");
    expect(stack).not.toContain("node:");
  });

  it("whose error is not caught fails the run with that error", async () => {
    expect(errorOf(await sandbox.execute("result = await tools.fail()", { tools: { fail } }))).toMatchObject({
      name: "RangeError",
      message: "no such row",
      failure: "runtime",
    });
  });

  it("that gives what cannot be carried is told so", async () => {
    const odd = defineTool({ description: "Odd.", input: z.unknown(), execute: () => ({ f: () => 1 }) });
    expect(errorOf(await sandbox.execute("await tools.odd()", { tools: { odd } })).message).toContain("$.f");
  });

  it("that is given what cannot be carried is not called", async () => {
    const error = errorOf(await sandbox.execute("await tools.echo({ f() {} })", { tools: { echo } }));
    expect(error).toMatchObject({ name: "TypeError" });
    expect(error.message).toContain("$.f");
    const two = errorOf(await sandbox.execute("await tools.echo(1, 2)", { tools: { echo } }));
    expect(two.message).toContain("one argument");
  });

  it("that does not exist is named, with those that do", async () => {
    const error = errorOf(
      await sandbox.execute("await tools.serch('x')", { tools: { echo, math: { add } } }),
    );
    expect(error.message).toBe("There is no tools.serch; the tools are: echo, math.add");
  });

  it("may not be in a group that hides a built-in", async () => {
    await expect(sandbox.execute("result = 1", { tools: { JSON: { add } } })).rejects.toThrow(
      /Tool group "JSON" would hide/,
    );
    expect(valueOf(await sandbox.execute("result = await tools.JSON(1)", { tools: { JSON: echo } }))).toBe(1);
  });

  it("learns a stable call id and the task it works for", async () => {
    const seen: ToolCallInfo[] = [];
    const spy = defineTool({
      description: "Spies.",
      input: z.unknown(),
      execute: (_, info) => void seen.push(info),
    });
    await sandbox.execute("await tools.spy(); await tools.spy();", {
      tools: { spy },
      runId: "run-1",
      taskId: "task-1",
    });
    expect(seen.map(({ callId, taskId }) => [callId, taskId])).toEqual([
      ["run-1:0", "task-1"],
      ["run-1:1", "task-1"],
    ]);
  });

  it("is reported as it is called, returns and fails", async () => {
    const events: ToolCallEvent[] = [];
    await sandbox.execute(
      "await tools.add({ a: 1, b: 1 }); try { await tools.fail(9); } catch {} result = 1",
      {
        tools: { add, fail },
        runId: "r",
        onTool: (event) => events.push(event),
      },
    );
    expect(events.map(({ type, tool, callId, data }) => [type, tool, callId, data])).toEqual([
      ["tool-called", "add", "r:0", { a: 1, b: 1 }],
      ["tool-returned", "add", "r:0", 2],
      ["tool-called", "fail", "r:1", 9],
      ["tool-failed", "fail", "r:1", "no such row"],
    ]);
  });

  it("is aborted when the run ends without it", async () => {
    let aborted: (reason: unknown) => void = () => undefined;
    const wasAborted = new Promise((resolve) => (aborted = resolve));
    const slow = defineTool({
      description: "Never returns.",
      input: z.unknown(),
      execute: (_, { signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => aborted("aborted"));
        }),
    });
    const code = "tools.slow(); await new Promise((r) => setTimeout(r, 20)); result = 1";
    const result = await sandbox.execute(code, { tools: { slow } });
    expect(valueOf(result)).toBe(1);
    expect(result.console.at(-1)?.text).toBe(
      "[1 tool call was under way when the code ended and not waited for: await each]",
    );
    expect(await wasAborted).toBe("aborted");
  });
});

describe("many tool calls", () => {
  it("run at once up to the limit, the rest in line", async () => {
    let now = 0;
    let most = 0;
    const count = defineTool({
      description: "Counts.",
      input: z.number(),
      execute: async (n) => {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        return n;
      },
    });
    const code = "result = (await Promise.all(Array.from({ length: 50 }, (_, n) => tools.count(n)))).length";
    const result = await sandbox.execute(code, { tools: { count }, limits: { concurrentToolCalls: 4 } });
    expect(valueOf(result)).toBe(50);
    expect(most).toBe(4);
    expect(result.usage.toolCalls).toBe(50);
  });

  it("end the run beyond their number", async () => {
    const code = "for (;;) await tools.echo(1);";
    const result = await sandbox.execute(code, { tools: { echo }, limits: { toolCalls: 5 } });
    expect(errorOf(result)).toMatchObject({ failure: "limit", limit: "toolCalls" });
    expect(errorOf(result).message).toContain("limits.toolCalls is 5 calls");
    expect(result.usage.toolCalls).toBe(5);
  });

  it("end the run beyond their number at once where none is awaited", async () => {
    const code = "for (;;) tools.echo(1);";
    const result = await sandbox.execute(code, { tools: { echo }, limits: { cpuMs: 2000 } });
    expect(errorOf(result)).toMatchObject({ limit: "toolCalls" });
  });

  it("are bounded in size, and the guest can catch that", async () => {
    const limits = { toolBytes: 1000 };
    const big = defineTool({ description: "Big.", input: z.unknown(), execute: () => "y".repeat(2000) });
    const tools = { echo, big };
    for (const call of ["tools.echo('x'.repeat(2000))", "tools.big()"]) {
      const error = errorOf(await sandbox.execute(`await ${call}`, { tools, limits }));
      expect(error).toMatchObject({ name: "LimitError", failure: "limit", limit: "toolBytes" });
      expect(error.message).toContain("limits.toolBytes (1000 bytes)");
      const caught = await sandbox.execute(`try { await ${call}; } catch (e) { result = e.name; }`, {
        tools,
        limits,
      });
      expect(valueOf(caught)).toBe("LimitError");
    }
  });
});

describe("a hostile value", () => {
  it("cannot reach the host's prototypes through a tool's input, the result or the context", async () => {
    const seen: unknown[] = [];
    const take = defineTool({
      description: "Takes.",
      input: z.unknown(),
      execute: (input) => void seen.push(input),
    });
    const code =
      'const evil = JSON.parse(\'{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}\'); await tools.take(evil); result = evil;';
    const value = valueOf(await sandbox.execute(code, { tools: { take } })) as object;
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(seen[0])).toBe(Object.prototype);
  });

  it("keeps the context's own __proto__ key from becoming a prototype", async () => {
    const context = JSON.parse('{"__proto__":{"admin":true}}') as unknown;
    expect(
      valueOf(await sandbox.execute("result = [context.admin, Object.keys(context)]", { context })),
    ).toEqual([undefined, ["__proto__"]]);
  });

  it("cannot make itself believed by overriding what the bootstrap uses", async () => {
    const code =
      "for (const P of [Object, Array, Promise, Map, WeakMap, String, JSON, Reflect, Math]) " +
      "for (const k of Reflect.ownKeys(P)) { try { P[k] = () => 'owned'; } catch {} } " +
      "for (const P of [Object, Array, Promise, Map, WeakMap, String, Function, Error]) " +
      "for (const k of ['then', 'call', 'apply', 'bind', 'get', 'set', 'slice', 'indexOf', 'toString', '0', '1']) " +
      "{ try { Object.getPrototypeOf; P.prototype[k] = () => { throw 'owned'; }; } catch {} } " +
      "result = await tools.add({ a: 20, b: 22 });";
    expect(valueOf(await sandbox.execute(code, { tools: { add } }))).toBe(42);
  });

  it("cannot catch internals by setters on prototypes", async () => {
    const code =
      "const caught = []; for (const k of ['0', 'tool', 'text', 'resolve', 'reject', 'next', 'id', 'due', 'name']) " +
      "Object.defineProperty(Object.prototype, k, { set(v) { caught.push([k, typeof v]); }, get() { return undefined; }, configurable: true }); " +
      "const sum = await tools.add({ a: 1, b: 2 }); await new Promise((r) => setTimeout(r, 1)); console.log({ a: 1 }); " +
      "result = [sum, caught.length];";
    expect(valueOf(await sandbox.execute(code, { tools: { add } }))).toEqual([3, 0]);
  });
});
