// Types dropped in place: judged against TypeScript's own compiler by comparing the syntax trees of both outputs.
import { parse } from "acorn";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { stripTypes } from "#src/sandbox/typescript";

const OPTIONS = {
  ecmaVersion: "latest",
  sourceType: "script",
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
} as const;

function strip(code: string): string {
  const stripped = stripTypes(code);
  if (!stripped.ok) throw new Error(stripped.problem.message);
  return stripped.value;
}

/** A program's tree without positions and without the empty statements that either side may leave. */
function shape(code: string): unknown {
  return JSON.parse(
    JSON.stringify(parse(code, OPTIONS), (key, value: unknown) => {
      if (key === "start" || key === "end" || key === "raw") return undefined;
      if (typeof value === "bigint") return `${value}n`;
      if (!Array.isArray(value)) return value;
      return (value as ({ type?: unknown } | null)[]).filter((item) => item?.type !== "EmptyStatement");
    }),
  );
}

function byTypeScript(code: string): string {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      useDefineForClassFields: true,
      removeComments: true,
      alwaysStrict: false,
      moduleDetection: ts.ModuleDetectionKind.Legacy,
    },
  });
  return outputText.replace(/^"use strict";\n/, "");
}

const PROGRAMS: readonly string[] = [
  "const a: number = 1, b: string[] = [], { c }: { c: number } = { c: 1 }",
  "let x!: number; let y: unknown\n(x) ",
  "interface A { x: number; y?: string }\ntype B<T> = { [K in keyof T]: T[K] } | A;\nconst result: B<A> = null",
  "const a = 1\ntype T = string\n;[a].map(String)",
  "const a = f\ninterface I {}\n(a)",
  "const v = a as unknown as T\n(b)",
  "v = a as T\n[b]",
  "v = a!\nb()",
  "const n = (a as number) + (<number>b) * c!",
  "function f<T extends object = {}>(a: T, b?: number, ...rest: string[]): a is T { return <T>a }",
  "function f(this: Window, a: number) {} function g(this: Window) {} function h(this: Window, ) {}",
  "function over(a: string): void;\nfunction over(a: number): void\nfunction over(a: any) { return a }",
  "const g = async <T,>(a: T, b = 1 as number): Promise<T> => a!",
  "const h = (a: number):\n  number\n  | string => a",
  "const h = (a /* ) */)/* : */: Array<\n  string\n> => a",
  "const i = <T>(x: T) => x, j = (x: number): x is 5 => true, k = (a?: string, b?) => a",
  "f<T>(a!.b![0]!); new Map<string, Array<Array<number>>>(); tag<T>`x`; a?.b!.c; a!?.b",
  "const q = x satisfies Y, r = f<string>, s = { m<T>(this: Z, a: T): void {}, get x(): T { return 1 } } as const",
  "for (const x of y as T[]) {} for (let i: number = 0; i < (n as number); i++) {} for (let z: string in o) {}",
  "for (let i = 0 as number; i < 1;) {}",
  "try {} catch (e: unknown) {} finally {}",
  "declare const q: number\ndeclare function g(): void\ndeclare class K { x: number }\ndeclare global { }\nq",
  "class A<T> extends B<T> implements C, D<E> { x = 1 }",
  "class implements_ {} class A implements C {} const Z = class implements C {}, Y = class<T> {}",
  "abstract class A { abstract y: number; abstract get z(): number; abstract m(): void\n n = 1 }",
  "class A { private readonly x?: number = 1; static readonly #y: T; declare z: string; [k: string]: any }",
  "class A extends B { a = 1\n public ['b'] = 2\n private *c() {}\n readonly d\n static override e = 1 }",
  "class A { m?(): void; m(a: string): void; m(a) {} private constructor(); constructor(a?) {} async *g<T>(): any {} }",
  "class A { x: number\n ['y']: string\n z!: T\n /* readonly */ w }",
  "class A { readonly = 1; public() {} private = 2; abstract = 3; override() {} declare = 1; static static: number }",
  "if (a) b as T\nelse c as T",
  "while (a) b as T\ndo a as T\nwhile (b)",
  "label: for (const [k, v] of Object.entries(o) as [string, number][]) { continue label }",
  "const t = a ? (b as T) : (c): D => d",
  "const type = 1, as = 2, of = type as number, satisfies = 3; type\nlet declare = 1; declare\nabstract = 2",
  "const s: string = `${a as string} ${`${b!}`}`, re = /<T>/g, cmp = a < b && c > d, sh = a >> b >>> c",
  "let u: typeof globalThis, [a, b]: [number, string] = [1, '2'], fn: new (...a: any[]) => void",
  "async function* f(): AsyncGenerator<number> { yield <number>1; for await (const x of y as any) return x as T }",
  "const o = { async <T>(a: T) { return a }, get: 1 as number, set: 2, 'a-b'(x: number): void {} }",
  "enumerate(a as any); const namespace = 1; namespace",
  "const f = (a: (b: string) => void, { c, d }: { c: number, d?: string } = {} as any, [e]: number[] = []) => {}",
  "function assert(x: unknown): asserts x is string { if (!x) throw new Error('' as string) }",
  "const big: bigint = 1n; const sym: unique symbol = Symbol(); const tpl: `a${string}` = 'a'",
  "const x = y as const satisfies readonly unknown[]; const z = <const>['a']",
  "accessors.map((x): x is NonNullable<typeof x> => x != null).filter(Boolean as any as <T>(x: T) => boolean)",
];

describe("types are dropped", () => {
  it.each(PROGRAMS)("as TypeScript drops them: %s", (code) => {
    expect(shape(strip(code))).toEqual(shape(byTypeScript(code)));
  });

  it.each(PROGRAMS)("without moving a line or a column: %s", (code) => {
    const stripped = strip(code);
    expect(stripped).toHaveLength(code.length);
    for (let at = 0; at < code.length; at += 1) {
      if (stripped[at] === code[at]) continue;
      expect(" ;)").toContain(stripped[at]);
      expect(code[at]).not.toBe("\n");
    }
  });
});

describe("what is more than types is refused", () => {
  it.each([
    ["enum E { A }", "An enum; use a plain object", 0],
    ["const enum E { A }", "An enum", 0],
    ["const a = 1; namespace N { export const b = 1 }", "A namespace", 13],
    ["class A { constructor(private a: number) {} }", "A parameter property", 22],
    ["class A { constructor(readonly a = 1) {} }", "A parameter property", 22],
    ["@sealed class A {}", "A decorator", 0],
    ["function f() { return <T>\n1 }", "over several lines", 22],
  ])("%s", (code, message, position) => {
    const stripped = stripTypes(code);
    expect(stripped).toMatchObject({ ok: false, problem: { position } });
    expect(JSON.stringify(stripped)).toContain(message);
  });

  it.each(["<T>(", "async<T>(", "(a: (b: ", "a ? (b) : (c): ", "f<(", "type A = A<", "let x: (a:", "a as "])(
    "endless nesting is an error, soon: %s",
    (piece) => {
      const started = performance.now();
      expect(stripTypes(piece.repeat(Math.floor(100_000 / piece.length))).ok).toBe(false);
      expect(stripTypes(piece.repeat(30)).ok).toBe(false);
      expect(performance.now() - started).toBeLessThan(5000);
    },
  );
});
