// The rules themselves, on small bad examples: each must be noticed, and told so that it can be mended.
import { describe, expect, it } from "vitest";
import { findProblems } from "./rules.ts";

const TOP = "// Why this is here.\n";

function problemsOf(files: Record<string, string>, users: Record<string, string> = {}): string[] {
  return findProblems({
    files: new Map(Object.entries(files).map(([path, text]) => [path, TOP + text])),
    users: new Map(Object.entries(users)),
    dependencies: ["zod", "@standard-schema/spec", "xstate", "lmdb", "pino"],
  });
}

describe("the rules of the house notice", () => {
  it.each([
    ["a static import", 'import { a } from "../fabric/a.ts"; a;'],
    ["a type", 'import type { A } from "../fabric/a.ts"; export type B = A;'],
    ["a type within a type", 'export type B = import("../fabric/a.ts").A;'],
    ["a dynamic import", 'void import("../fabric/a.ts");'],
    ["an import for its effects", 'import "../fabric/a.ts";'],
    ["a worker's address", 'new Worker(new URL("../fabric/a.js", import.meta.url));'],
  ])("an upward import by %s", (_how, text) => {
    const problems = problemsOf({ "src/core/b.ts": text, "src/fabric/a.ts": "const a = 1; a;" });
    expect(problems).toEqual([
      expect.stringMatching(
        /^src\/core\/b\.ts:2 imports src\/fabric\/a\.ts, but src\/core \(floor 0: .*\) lies below src\/fabric \(floor 1\)\. Imports go downwards: move what both need/,
      ),
    ]);
  });

  it("neighbours that know each other", () => {
    const problems = problemsOf({
      "src/model/a.ts": 'import "../sandbox/b.ts";',
      "src/sandbox/b.ts": "",
      "src/memory.ts": 'import "../machines/m.ts";',
      "machines/m.ts": "",
    });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/src\/\*\.ts and machines are strangers on floor 2/);
    expect(problems[1]).toMatch(/src\/model and src\/sandbox are strangers on floor 1\. Move what both need/);
  });

  it("charts and services that reach beside their ports", () => {
    const problems = problemsOf({
      "machines/m.ts": 'import "../src/model/a.ts";',
      "src/memory.ts": 'import "./fabric/b.ts";',
      "src/model/a.ts": "",
      "src/fabric/b.ts": "",
    });
    expect(problems).toHaveLength(2);
    for (const problem of problems)
      expect(problem).toMatch(/may import src\/core only\. Take what you need as a port/);
  });

  it("cycles, with the way round, also of types", () => {
    const problems = problemsOf({
      "src/core/a.ts": 'import type { B } from "./b.ts"; export type A = B;',
      "src/core/b.ts": 'import "./c.ts"; export type B = 1;',
      "src/core/c.ts": 'import "./a.ts";',
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^src\/core\/a\.ts → src\/core\/b\.ts → src\/core\/c\.ts → src\/core\/a\.ts is a cycle: move/,
      ),
    ]);
  });

  it.each([
    ["src/core/a.ts", 'import "node:fs";', /src\/core is pure.*without Node\. Do it in an adapter/],
    ["machines/a.ts", 'import "node:fs";', /machines is statecharts.*without Node/],
    [
      "src/core/a.ts",
      'import { Ajv } from "ajv"; Ajv;',
      /the package "ajv": src\/core may use zod, the types of @standard/,
    ],
    [
      "src/core/a.ts",
      'import "@standard-schema/spec";',
      /package "@standard-schema\/spec": src\/core may use/,
    ],
    ["src/model/a.ts", 'import { open } from "lmdb"; open;', /package "lmdb": src\/model may use/],
    ["src/model/a.ts", 'import "openai/resources";', /package "openai", which is not among the dependencies/],
    ["src/sandbox/a.ts", 'void import("xstate");', /package "xstate"/],
    ["src/registry.ts", 'import type { Actor } from "xstate"; export type A = Actor;', /package "xstate"/],
    ["machines/a.ts", 'import "zod";', /machines may use xstate/],
  ])("in %s: %s", (path, text, message) => {
    expect(problemsOf({ [path]: text })).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    ["const home = process.env.HOME; home;", 2],
    ["\nconst home = process.env['HOME']; home;", 3],
    ["globalThis.process.env;", 2],
    ['process["env"];', 2],
    ["Deno.env.get('HOME');", 2],
    ['import { env } from "node:process"; env;', 2],
  ])("the environment read outside the settings: %s", (text, line) => {
    expect(problemsOf({ "src/app/cli.ts": text })).toEqual([
      `src/app/cli.ts:${line} reads the environment: only src/app/config.ts does. Take the value as an option.`,
    ]);
    expect(problemsOf({ "src/app/config.ts": text })).toEqual([]);
  });

  it.each(["export default 1;", "export default function f() {}", "const a = 1; export { a as default };"])(
    "a default export: %s",
    (text) => {
      expect(problemsOf({ "src/core/a.ts": text })).toEqual([
        "src/core/a.ts:2 exports a default: export it by its name.",
      ]);
    },
  );

  it.each(["src/core/taskQueue.ts", "src/core/Task.ts", "src/core/task_queue.ts", "src/core/a.b.ts"])(
    "a name that is not in kebab-case: %s",
    (path) => {
      expect(problemsOf({ [path]: "" })).toEqual([expect.stringMatching(/name it in kebab-case/)]);
    },
  );

  it.each(["src/core/utils.ts", "src/model/types.ts", "src/common/task.ts", "src/fabric/helpers/a.ts"])(
    "a name that says nothing: %s",
    (path) => {
      expect(problemsOf({ [path]: "" })).toContainEqual(
        expect.stringMatching(/says nothing\. Name the file for/),
      );
    },
  );

  it("a file that is in no unit", () => {
    expect(problemsOf({ "src/plugins/a.ts": "" })).toEqual([
      expect.stringMatching(/src\/plugins\/a\.ts is in no unit/),
    ]);
  });

  it("a file that is too long, and one that does not say why it is there", () => {
    expect(problemsOf({ "src/core/a.ts": "\n".repeat(500) + "const a = 1; a;" })).toEqual([
      "src/core/a.ts has 502 lines of at most 400: split it by noun, a file for each.",
    ]);
    const files = new Map([["src/core/a.ts", "const a = 1; a;\n"]]);
    expect(findProblems({ files, users: new Map(), dependencies: [] })).toEqual([
      "src/core/a.ts: begin it with two to five comment lines that say why it is there, and its invariant.",
    ]);
  });

  it("imports of files that are not there, and of names for tests", () => {
    expect(problemsOf({ "src/core/a.ts": 'import "./gone.ts";\nimport "#src/core/b";' })).toEqual([
      expect.stringMatching(/:2 imports "\.\/gone\.ts", and there is no such file/),
      expect.stringMatching(/:3 imports "#src\/core\/b": "#" names are for tests/),
    ]);
  });

  it("files that pass on what others export, except at the entry points", () => {
    const files = { "src/core/a.ts": "export const a = 1;" };
    for (const text of ['export * from "./a.ts";', 'export { a } from "./a.ts";']) {
      expect(problemsOf({ ...files, "src/core/b.ts": text })).toEqual([
        expect.stringMatching(/passes on what "\.\/a\.ts" exports: import it where it is used/),
      ]);
    }
    expect(problemsOf({ ...files, "src/index.ts": 'export { a } from "./core/a.ts";' })).toEqual([]);
  });

  it("exported values that nobody uses, and none that somebody does", () => {
    const files = {
      "src/core/a.ts": "export const a = 1;\nexport function b() {}\nexport class C {}\nexport type D = 1;",
    };
    expect(problemsOf(files)).toEqual([
      'src/core/a.ts:2 exports "a", which nobody imports: unexport or delete it.',
      'src/core/a.ts:3 exports "b", which nobody imports: unexport or delete it.',
      'src/core/a.ts:4 exports "C", which nobody imports: unexport or delete it.',
    ]);
    const users = { "test/a.test.ts": 'import { a as x } from "#src/core/a"; x;', "bin/x.mjs": "core.b()" };
    expect(problemsOf({ ...files, "src/core/b.ts": 'import { C } from "./a.ts"; C;' }, users)).toEqual([]);
    expect(problemsOf(files, { "test/a.test.ts": 'import * as all from "../src/core/a.ts"; all;' })).toEqual(
      [],
    );
  });
});

describe("the rules of the house allow", () => {
  it("what goes downwards, within a unit, and by the packages of a unit", () => {
    const problems = problemsOf({
      "src/core/a.ts":
        'import { z } from "zod"; import type { S } from "@standard-schema/spec"; z; export type T = S;',
      "src/core/b.ts": 'import "./a.ts";',
      "src/fabric/embedded/c.ts": 'import "../../core/a.ts"; import "node:fs"; void import("lmdb");',
      "src/registry.ts": 'import "./core/a.ts"; import "./readable.ts"; import "node:crypto";',
      "src/readable.ts": "",
      "machines/m.ts": 'import "../src/core/a.ts"; import "xstate";',
      "actors/t.ts":
        'import "../machines/m.ts"; import "../src/registry.ts"; import "../src/fabric/embedded/c.ts";',
      "src/mesh.ts": 'import "../actors/t.ts"; import "../machines/m.ts";',
      "src/app/config.ts": 'import "../mesh.ts"; process.env.HOME;',
      "src/index.ts": 'export * from "./mesh.ts"; import "./app/config.ts";',
      "src/machines.ts": 'export * from "../machines/m.ts";',
    });
    expect(problems).toEqual([]);
  });

  it("addresses of things that are not source, and env where it is something else", () => {
    const text = 'new URL("./engine.wasm", import.meta.url); new Worker("x", { env: {} }); options.env;';
    expect(problemsOf({ "src/sandbox/a.ts": text })).toEqual([]);
  });
});
