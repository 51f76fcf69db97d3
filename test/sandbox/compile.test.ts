// What the compiler accepts, how it finds `result`, and that its errors point into the code as given.
// Bodies are run by the host's own AsyncFunction here: what they mean is the language's, not an engine's.
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { GuestError } from "#src/core/guest";
import { compileGuest } from "#src/sandbox/compile";

const AsyncFunction = (async () => {}).constructor as new (body: string) => () => Promise<unknown>;

async function bodyOf(code: string): Promise<string> {
  const compiled = await compileGuest(code);
  if (!compiled.ok) throw new Error(compiled.error.message);
  return compiled.body;
}

async function resultOf(code: string): Promise<unknown> {
  return new AsyncFunction(await bodyOf(code))();
}

async function errorOf(code: string): Promise<GuestError> {
  const compiled = await compileGuest(code);
  if (compiled.ok) throw new Error(`It compiled: ${compiled.body}`);
  expect(compiled.error).toMatchObject({ name: "SyntaxError", failure: "syntax" });
  return compiled.error;
}

afterEach(() => {
  Reflect.deleteProperty(globalThis, "result");
});

describe("result", () => {
  it.each([
    ["const", "const result = 1;"],
    ["let", "let result; result = 1"],
    ["var", "var result = 1"],
    ["a var in a block", "if (true) { var result = 1 }"],
    ["an assignment", "result = 1"],
    ["an assignment in strict code", '"use strict"; result = 1'],
    ["an assignment in a nested function", "function done() { result = 1; return; }\ndone()"],
    ["an assignment in a callback", "[1].forEach((one) => { result = one; });"],
    ["the global object", "globalThis.result = 1"],
    ["object destructuring", "const { a: [result = 1] } = { a: [] };"],
    ["destructuring with a rest", "let [, ...{ 0: result }] = [0, 1];"],
    ["a top-level await", "const result = await Promise.resolve(1)"],
    ["a top-level return", "return 1;"],
    ["a top-level return in a block", "for (const x of [1, 2]) { if (x) return x }"],
    ["a bare return", "let result = 1; if (result) { return; } result = 2"],
    ["a bare return at the end of a line", "result = 1\nreturn\nresult = 2"],
    ["a comment at the end", "const result = 1 // one"],
    ["a block comment at the end", "const result = 1 /* one */"],
    ["a missing semicolon", "const result = [1][0]"],
    ["a hashbang", "#!/usr/bin/env node\nconst result = 1"],
    ["CRLF", "const a = 1\r\nconst result = a\r\n"],
    ["line separators in strings", 'const result = "\u2028".length'],
    ["a shadowing block", "const result = 1; { const result = 2; }"],
  ])("is read from %s", async (_, code) => {
    expect(await resultOf(code)).toBe(1);
  });

  it.each([
    ["an expression alone", "6 * 7"],
    ["nothing", ""],
    ["a comment", "// result = 1"],
    ["a declaration in a block", "{ const result = 1 }"],
    ["a declaration without a value", "let result;"],
    ["a parameter", "((result) => { result = 1 })()"],
  ])("is undefined with %s", async (_, code) => {
    expect(await resultOf(code)).toBeUndefined();
  });

  it("may be a function, which the codec then refuses by name", async () => {
    expect(await resultOf("function result() {}")).toBeTypeOf("function");
    expect(await resultOf("class result {}")).toBeTypeOf("function");
  });

  it("leaves returns of nested functions alone", async () => {
    const code =
      "const f = () => { return; };\nclass A { m() { return; } static { result = [f(), new A().m()]; } }";
    expect(await resultOf(code)).toEqual([undefined, undefined]);
  });
});

describe("positions", () => {
  it("keeps the code as it was, to the character", async () => {
    const code = "const a = 1;\r\n\tconst b = `\n${a}`; // x\nresult = b";
    expect((await bodyOf(code)).startsWith(code)).toBe(true);
  });

  it("points at the offence, 1-based, with the line and a caret", async () => {
    const error = await errorOf("const a = 1;\n\tconst b = = 3;\nconst result = a;");
    expect(error).toMatchObject({ line: 2, column: 12 });
    expect(error.message).toBe('Unexpected "=" (line 2, column 12).\n2 |  const b = = 3;\n               ^');
  });

  it("counts lines as engines do: CRLF once, a line separator not at all", async () => {
    expect(await errorOf("'\u2028'\r\n\r\n  )")).toMatchObject({ line: 3, column: 3 });
  });

  it("cuts long lines around the offence", async () => {
    const error = await errorOf(`const a = [${"1, ".repeat(5000)} = ];`);
    expect(error.message.length).toBeLessThan(400);
    expect(error.message.split("\n")[1]?.[error.message.split("\n")[2]?.indexOf("^") ?? 0]).toBe("=");
  });

  it.each([
    ["an unfinished block", "if (true) {", "Unexpected end of the code"],
    ["an unfinished string", 'const a = "x', "Unterminated string"],
    ["an unfinished template", "const a = `x", "Unterminated template"],
    ["a name declared twice", "const a = 1; let a = 2;", "already been declared"],
    ["await as a name", "var await = 1", "await"],
    ["await in a plain function", "function f() { await 1 }", "Unexpected"],
  ])("says what is wrong with %s", async (_, code, problem) => {
    expect((await errorOf(code)).message).toContain(problem);
  });
});

describe("whatever is accepted", () => {
  const token = fc.constantFrom(
    ..."{ } ( ) [ ] ; , . => = ? : * / ` ' \" ! - + < > ... ?. ?? ${ /* */ // <!-- --> \\".split(" "),
    ...[
      "\n",
      "\r",
      "\u2028",
      " ",
      "/a/",
      "`a`",
      "0",
      "1n",
      "'use strict'",
      "#!",
      "#p",
      "@d",
      "\\u{61}",
      "a",
      "b",
    ],
    ...[
      "result",
      "return",
      "await",
      "async",
      "function",
      "class",
      "let",
      "const",
      "var",
      "if",
      "else",
      "for",
      "of",
      "in",
    ],
    ...[
      "while",
      "do",
      "try",
      "catch",
      "finally",
      "throw",
      "new",
      "this",
      "yield",
      "static",
      "get",
      "set",
      "import",
      "export",
    ],
    ...["type T = A", ": number", "as any", "enum", "interface I {}", "declare", "<T>", "satisfies"],
  );

  it("does not join a bare return with the line that follows it", async () => {
    expect(await resultOf("result = 1;\nif (result) return\n(() => { result = 2 })()")).toBe(1);
    expect(await resultOf("result = 1;\nif (result) return\n/a/.test('a')")).toBe(1);
    expect(await resultOf("result = 1;\nif (result === 2) return; else result = 3;")).toBe(3);
    expect(await resultOf("result = 1;\nif (result === 2) return\nelse result = 3;")).toBe(3);
    expect(await resultOf("result = 1; { return }")).toBe(1);
  });

  it("is the body of one function to the engine too, and no more", async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 12 }), fc.boolean(), async (tokens, spaced) => {
        const compiled = await compileGuest(tokens.join(spaced ? " " : ""));
        if (!compiled.ok) return;
        accepted += 1;
        // The engine refuses a body that closes its function, or that it reads otherwise than acorn.
        expect(() => new AsyncFunction(compiled.body)).not.toThrow();
      }),
      { numRuns: 1000 },
    );
    expect(accepted).toBeGreaterThan(50);
  });

  it("keeps its positions whatever was dropped", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(token, { maxLength: 10 }), async (tokens) => {
        const code = tokens.join(" ");
        const compiled = await compileGuest(code);
        if (!compiled.ok) {
          expect(compiled.error.line).toBeLessThanOrEqual(code.split("\n").length);
          return;
        }
        const added =
          (compiled.body.match(/return result/g)?.length ?? 0) * " result;".length + "\n;var result;".length;
        expect(compiled.body.split("\n").length).toBe(code.split("\n").length + 1);
        expect(compiled.body.split("\n;")[0]?.length ?? 0).toBeLessThanOrEqual(code.length + added);
      }),
    );
  });
});

describe("TypeScript", () => {
  it("is compiled with its types dropped, in place", async () => {
    const code =
      "interface Row { price: number }\nconst rows: Row[] = [{ price: 1 }];\nconst result = rows[0]!.price;";
    const compiled = await compileGuest(code);
    expect(compiled).toMatchObject({ ok: true, language: "typescript" });
    expect(await resultOf(code)).toBe(1);
    expect((await bodyOf(code)).indexOf("const result")).toBe(code.indexOf("const result"));
  });

  it("counts as JavaScript where it needs no stripping", async () => {
    expect(await compileGuest("const result = 1 < 2;")).toMatchObject({ language: "javascript" });
  });

  it("has bare returns and a hashbang like JavaScript", async () => {
    expect(
      await resultOf("#!/usr/bin/env deno\nlet result: number = 1; if (result) { return; } result = 2;"),
    ).toBe(1);
  });

  it("reports its own errors where the typed code is wrong", async () => {
    const error = await errorOf("const a: number = 1;\nconst b: string = = 2;");
    expect(error).toMatchObject({ line: 2, column: 19 });
  });

  it("reports what is more than types", async () => {
    expect(await errorOf("const a: number = 1;\n  enum Color { Red }")).toMatchObject({
      line: 2,
      column: 3,
      message: expect.stringContaining("use a plain object") as string,
    });
  });

  it("cannot import either", async () => {
    expect((await errorOf('import type { A } from "a";\nconst a: A = 1;')).message).toContain(
      "call the tools",
    );
  });
});

describe("what is refused", () => {
  it.each([
    ["import x from 'y'", 1],
    ["const a = 1;\nimport { b } from 'c'", 2],
    ["export const result = 1", 1],
    ["export default 1", 1],
    ["\nconst fs = await import('node:fs')", 2],
    ["const u = import.meta.url", 1],
  ])("modules: %s", async (code, line) => {
    const error = await errorOf(code);
    expect(error.line).toBe(line);
    expect(error.message).toContain("call the tools");
  });

  it.each([
    "}); evil(); (async function () {",
    "} evil(); {",
    "} async function other() {",
    "return 1 } , function () {",
    "`${",
    "/*",
    "a\n<!-- } evil() {",
    "x\n--> } evil() {",
  ])("code that would close the function around it: %s", async (code) => {
    await errorOf(code);
  });

  it.each(["(", "[", "{", "`${", "!", "a=>", "1+", "function a(){", "if(a)", "async(", "/(", "l:{"])(
    "code nested without end: %s",
    async (piece) => {
      await errorOf(piece.repeat(Math.floor(262_144 / piece.length)));
    },
  );

  it("takes linear time for tens of thousands of names", async () => {
    const names = Array.from({ length: 40_000 }, (_, index) => `n_${index.toString(36)}`);
    const started = performance.now();
    await bodyOf(`let ${names.join(",")}`);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  it("bounds what regular expressions cost to check", async () => {
    expect((await errorOf(`result = /${"\\p{L}".repeat(1000)}/u`)).message).toContain("too long");
    expect((await errorOf(`result = /${"(?<a>x)|".repeat(5000)}/`)).message).toContain("too long");
  });
});
