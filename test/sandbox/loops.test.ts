// The engine's fault with `continue`, mended: each program must give what V8 gives.
import { afterAll, describe, expect, it } from "vitest";
import { compileGuest } from "#src/sandbox/compile";
import { openSandbox } from "./place.ts";

const sandbox = openSandbox({ isolates: 1 });
afterAll(() => sandbox.close());

const PROGRAMS: readonly (readonly [string, string])[] = [
  ["a continue", "for (let i = 0; i < 4; i++) { out.push(() => i); if (i === 1) continue; out.length; }"],
  [
    "a continue without a semicolon",
    "for (let i = 0; i < 3; i++) { out.push(() => i); if (i) continue\n out.length }",
  ],
  [
    "a body without braces",
    "for (let i = 0; i < 3; i++) if (out.push(() => i) > 1) continue; else out.length;",
  ],
  [
    "two variables",
    "for (let i = 0, j = 9; i < 3; i++, j--) { out.push(() => [i, j]); if (i === 1) continue; }",
  ],
  [
    "nested loops",
    "for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { out.push(() => [i, j]); if (j === i) continue; } if (i) continue; }",
  ],
  [
    "a continue to an outer label",
    "outer: for (let i = 0; i < 3; i++) { for (let j = 0; j < 3; j++) { out.push(() => [i, j]); if (j === i) continue outer; } }",
  ],
  [
    "a continue inside a switch, a try and a block",
    "for (let i = 0; i < 4; i++) { out.push(() => i); switch (i) { case 1: { continue; } case 2: try { continue; } finally { out.push(() => 'f' + i); } } }",
  ],
  [
    "a continue in a while inside",
    "for (let i = 0; i < 3; i++) { let n = 2; while (n--) { if (n) continue; out.push(() => [i, n]); } }",
  ],
  [
    "a while loop with a let",
    "let i = 0; while (i < 3) { let k = i++; out.push(() => k); if (k === 1) continue; }",
  ],
  ["a for-of loop", "for (const i of [1, 2, 3]) { out.push(() => i); if (i === 2) continue; out.length; }"],
  [
    "a loop inside a closure inside a loop",
    "for (let i = 0; i < 2; i++) { out.push(() => i); [0].forEach(() => { for (let j = 0; j < 2; j++) { out.push(() => [i, j]); if (j === 0) continue; } }); if (i === 0) continue; }",
  ],
  [
    "labels that the program uses itself",
    "$a: for (let i = 0; i < 3; i++) { $b: { out.push(() => i); if (i === 1) continue $a; if (i === 0) break $b; } }",
  ],
  [
    "a variable changed in the body",
    "for (let i = 0; i < 6; i++) { out.push(() => i); if (i === 1) { i++; continue; } out.length; }",
  ],
  [
    "a class in the body",
    "for (let i = 0; i < 3; i++) { class A { get() { return i; } } out.push(() => new A().get()); if (i === 1) continue; }",
  ],
];

describe("loops with closures", () => {
  it.each(PROGRAMS)("are right with %s", async (_, program) => {
    const code = `const out = [];\n${program}\n`;
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- V8 is the judge.
    const expected: unknown = new Function(`${code} return out.map((f) => f());`)();
    const run = await sandbox.execute(`${code} result = out.map((f) => f());`);
    expect(run).toMatchObject({ ok: true, value: expected });
  });

  it("keep their source where nothing needs mending", async () => {
    for (const code of [
      "for (let i = 0; i < 3; i++) { if (i) continue; }\nresult = 1",
      "for (const x of [1]) { f(() => x); continue; }\nresult = 1",
      "for (var i = 0; i < 3; i++) { f(() => i); continue; }\nresult = 1",
    ]) {
      const compiled = await compileGuest(code);
      expect(compiled.ok && compiled.body.startsWith(code)).toBe(true);
    }
  });

  it("keep the line and column of errors in their bodies", async () => {
    const run = await sandbox.execute(
      "for (let i = 0; i < 3; i++) {\n  const f = () => i;\n  if (f() < 2) continue; missing.value;\n}",
    );
    expect(run).toMatchObject({ ok: false, error: { name: "ReferenceError", line: 3, column: 26 } });
  });
});
