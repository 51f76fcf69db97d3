// The guest's console: levels, bounded text, and nothing that a guest passes breaks it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConsoleEntry } from "#src/core/guest";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

async function linesOf(code: string): Promise<readonly string[]> {
  const result = await sandbox.execute(`${code}\nresult = 1;`);
  valueOf(result);
  return result.console.map((entry) => entry.text);
}

describe("the console", () => {
  it("keeps the level of each line, in order", async () => {
    const code =
      "console.debug('a'); console.log('b'); console.info('c'); console.warn('d'); console.error('e'); result = 1";
    const { console } = await sandbox.execute(code);
    expect(console.map(({ level, text }) => `${level} ${text}`)).toEqual([
      "debug a",
      "log b",
      "info c",
      "warn d",
      "error e",
    ]);
  });

  it("is given to the caller line by line, and kept where the run fails", async () => {
    const seen: ConsoleEntry[] = [];
    const result = await sandbox.execute("console.log('before'); missing();", {
      onConsole: (entry) => seen.push(entry),
    });
    expect(result.ok).toBe(false);
    expect(seen).toEqual([{ level: "log", text: "before" }]);
    expect(result.console).toEqual(seen);
  });

  it("shows values in short", async () => {
    expect(
      await linesOf(
        "console.log('text', 1, -0, 2n, true, null, undefined, Symbol('s')); " +
          "console.log({ a: [1, 'x'], 'b-c': { d: {} } }, [], {}); " +
          "console.log(new Map([[1, 2]]), new Set([1]), new TypeError('bad'), () => 1); " +
          "console.log({ get a() { throw 1; } }, [1, , 3]);",
      ),
    ).toEqual([
      "text 1 -0 2n true null undefined Symbol(s)",
      '{ a: [ 1, "x" ], "b-c": { d: {} } } [] {}',
      "Map [[1,2]] Set [1] TypeError: bad [Function]",
      "{ a: [Getter] } [ 1, <empty>, 3 ]",
    ]);
  });

  it("never throws, whatever it is given", async () => {
    const odd =
      "const cycle = {}; cycle.self = cycle; " +
      "const trap = new Proxy({}, { get() { throw 1; }, ownKeys() { throw 1; }, getPrototypeOf() { throw 1; }, getOwnPropertyDescriptor() { throw 1; } }); " +
      "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); " +
      "const liar = { toString() { throw 1; }, toJSON() { throw 1; }, [Symbol.toPrimitive]() { throw 1; } }; " +
      "class E extends Error { get message() { throw 1; } get name() { return { }; } } " +
      "for (const x of [cycle, trap, proxy, liar, new E(), Object.create(null), Symbol.iterator, new Array(1e9), '\\ud800', '\\0']) console.log(x);";
    expect(await linesOf(odd)).toHaveLength(10);
  });

  it("is cut at its limit and says so, and the run goes on", async () => {
    const code = "for (let i = 0; i < 1e5; i++) console.log('line ' + i); result = 'done'";
    const result = await sandbox.execute(code, { limits: { consoleBytes: 4096 } });
    expect(valueOf(result)).toBe("done");
    const bytes = result.console.reduce((sum, { text }) => sum + text.length, 0);
    expect(bytes).toBeLessThan(4096 + 200);
    expect(result.console.at(-1)).toMatchObject({ level: "warn" });
    expect(result.console.at(-1)?.text).toContain("limits.consoleBytes is 4096");
  });

  it("cannot be flooded by empty lines or by one endless line", async () => {
    const empty = await sandbox.execute("for (let i = 0; i < 1e5; i++) console.log(); result = 1");
    expect(empty.console.length).toBeLessThan(5000);
    const long = await sandbox.execute("console.log('x'.repeat(1e7)); result = 1");
    expect(long.console[0]?.text.length).toBeLessThanOrEqual(65_536);
  });
});
