// What a model reads about tools, output and context: TypeScript that is valid, tells the truth and stays small.
import fc from "fast-check";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { declareTools, declareType, describeContext } from "#src/core/declaration";
import { toJsonSchema, type Schema } from "#src/core/schema";
import { defineTool } from "#src/core/tool";
import { anyValue } from "./codec-values.ts";

function typeOf(schema: Schema): string {
  const json = toJsonSchema(schema, "input");
  if (json === undefined) throw new Error("no JSON Schema");
  return declareType(json);
}

/** What TypeScript's parser has to say against a text. */
function syntaxErrors(code: string): readonly string[] {
  const { diagnostics } = ts.transpileModule(code, { reportDiagnostics: true });
  return (diagnostics ?? []).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

describe("declareType", () => {
  it.each<[string, Schema, string]>([
    [
      "primitives",
      z.tuple([z.string(), z.number(), z.boolean(), z.null()]),
      "[string, number, boolean, null]",
    ],
    ["integers", z.object({ n: z.int() }), "{ /** integer */ n: number }"],
    [
      "optional and nullable",
      z.object({ a: z.string().optional(), b: z.string().nullable() }),
      "{ a?: string; b: string | null }",
    ],
    [
      "enums and literals",
      z.object({ a: z.enum(["x", 'y"z']), b: z.literal([1, true]) }),
      '{ a: "x" | "y\\"z"; b: 1 | true }',
    ],
    ["arrays of unions", z.array(z.union([z.string(), z.number()])), "(string | number)[]"],
    ["tuples with a rest", z.tuple([z.string()], z.number()), "[string, ...number[]]"],
    ["records", z.record(z.string(), z.number()), "Record<string, number>"],
    [
      "records of named keys",
      z.partialRecord(z.enum(["a", "b"]), z.number()),
      'Partial<Record<"a" | "b", number>>',
    ],
    ["open objects", z.looseObject({ a: z.string() }), "{ a: string }"],
    [
      "objects with more of a kind",
      z.object({ a: z.string() }).catchall(z.number()),
      "{ a: string } & Record<string, number>",
    ],
    ["empty objects", z.strictObject({}), "{}"],
    ["defaults", z.object({ limit: z.number().default(10) }), "{ /** default 10 */ limit?: number }"],
    [
      "descriptions",
      z.object({ q: z.string().describe("What to look for.") }),
      "{ /** What to look for. */ q: string }",
    ],
    ["bounds", z.object({ n: z.number().min(1).max(5) }), "{ /** minimum 1; maximum 5 */ n: number }"],
    ["formats, without their patterns", z.object({ at: z.iso.date() }), "{ /** format date */ at: string }"],
    ["patterns", z.object({ id: z.string().regex(/^a+$/) }), "{ /** pattern ^a+$ */ id: string }"],
    [
      "odd property names",
      z.object({ "a-b": z.string(), "1": z.string(), class: z.string() }),
      '{ "1": string; "a-b": string; class: string }',
    ],
    ["what JSON cannot say", z.object({ at: z.date(), any: z.any() }), "{ at: unknown; any: unknown }"],
    ["never", z.object({ no: z.never() }), "{ no: never }"],
    [
      "discriminated unions",
      z.discriminatedUnion("t", [
        z.object({ t: z.literal("a") }),
        z.object({ t: z.literal("b"), n: z.number() }),
      ]),
      '{ t: "a" } | { t: "b"; n: number }',
    ],
  ])("says %s", (_, schema, expected) => {
    const type = typeOf(schema);
    expect(type).toBe(expected);
    expect(syntaxErrors(`type T = ${type};`)).toEqual([]);
  });

  it("follows references and stops at recursion", () => {
    const query = z.object({ q: z.string() }).meta({ id: "Query" });
    expect(typeOf(z.object({ a: query, b: query }))).toBe("{ a: { q: string }; b: { q: string } }");
    interface Tree {
      value: number;
      next?: Tree | undefined;
    }
    const tree: z.ZodType<Tree> = z.object({
      value: z.number(),
      get next() {
        return tree.optional();
      },
    });
    expect(typeOf(tree)).toMatch(/^\{ value: number; next\?: .*unknown.* \}$/);
  });

  it("combines a schema's own properties with what it extends", () => {
    const schema = {
      type: "object",
      properties: { a: { type: "string" } },
      required: ["a"],
      allOf: [{ type: "object", properties: { b: { type: "number" } }, required: ["b"] }],
      anyOf: [
        { type: "object", properties: { c: { type: "null" } }, required: ["c"] },
        { type: "object", properties: {}, additionalProperties: false },
      ],
    };
    expect(declareType(schema)).toBe("{ a: string } & { b: number } & ({ c: null } | {})");
  });

  it("is unknown where a reference leads nowhere", () => {
    expect(declareType({ $ref: "#/$defs/None" })).toBe("unknown");
    expect(declareType({ $ref: "https://example.org/schema" })).toBe("unknown");
    expect(declareType({ $ref: "#/constructor/name" })).toBe("unknown");
  });

  it("stays small where references unfold without end", () => {
    const $defs: Record<string, unknown> = { d0: { type: "string" } };
    for (let level = 1; level < 40; level += 1) {
      const $ref = `#/$defs/d${level - 1}`;
      $defs[`d${level}`] = { type: "object", properties: { left: { $ref }, right: { $ref } } };
    }
    expect(declareType({ $ref: "#/$defs/d39", $defs }).length).toBeLessThan(50_000);
  });
});

describe("declareTools", () => {
  const search = defineTool({
    description: "Searches.\nEnds no comment: */ evil()",
    input: z.object({ q: z.string().describe("*/ nor here") }),
    output: z.array(z.string()),
    execute: () => [],
  });
  const query = defineTool({
    description: "Runs SQL.",
    input: z.object({ sql: z.string() }),
    execute: () => 1,
  });

  it("declares tools and groups, each under the names they are called by", () => {
    expect(declareTools({ search, database: { query } })).toBe(
      [
        "declare const tools: {",
        "  /** Searches. Ends no comment: * / evil() */",
        "  search(input: { /** * / nor here */ q: string }): Promise<string[]>;",
        "  database: {",
        "    /** Runs SQL. */",
        "    query(input: { sql: string }): Promise<unknown>;",
        "  };",
        "};",
        "declare const database: typeof tools.database;",
      ].join("\n"),
    );
  });

  it("is valid TypeScript and the same each time", () => {
    const tools = { search, database: { query, search }, other: { query } };
    expect(syntaxErrors(declareTools(tools))).toEqual([]);
    expect(declareTools(tools)).toBe(declareTools({ ...tools }));
    expect(syntaxErrors(declareTools({}))).toEqual([]);
  });
});

describe("describeContext", () => {
  it.each<[string, unknown, string]>([
    [
      "lists of objects as one shape",
      {
        rows: [
          { name: "a", price: 1 },
          { name: "b", price: 2 },
        ],
        code: "x",
      },
      "{ rows: { name: string; price: number }[]; code: string }",
    ],
    [
      "what some items lack as optional",
      [{ a: 1 }, { a: null, b: "x" }],
      "{ a: number | null; b?: string }[]",
    ],
    ["mixed lists", [1, "a", null, undefined, 2n], "(number | string | bigint | null | undefined)[]"],
    ["nested lists", [[1], [], ["a"]], "(number | string)[][]"],
    ["empty lists and objects", { a: [], b: {} }, "{ a: unknown[]; b: {} }"],
    [
      "Maps and Sets",
      { m: new Map([["k", { v: 1 }]]), s: new Set([1, 2]) },
      "{ m: Map<string, { v: number }>; s: Set<number> }",
    ],
    [
      "built-ins by name",
      [new Date(), /x/, new Uint8Array(1), new Float64Array(1), new TypeError("t")],
      "(Date | RegExp | Uint8Array | Float64Array | Error)[]",
    ],
    ["a Buffer as what it arrives as", Buffer.from("x"), "Uint8Array"],
    ["odd keys", { "a b": 1, __proto__x: 2 }, '{ "a b": number; __proto__x: number }'],
    ["objects without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), "{ a: number }"],
  ])("shows %s", (_, value, expected) => {
    const type = describeContext(value);
    expect(type).toBe(expected);
    expect(syntaxErrors(`declare const context: ${type};`)).toEqual([]);
  });

  it("shows instances of classes as the plain objects they arrive as", () => {
    class Point {
      x = 1;
      label = "p";
    }
    expect(describeContext({ at: new Point() })).toBe("{ at: { x: number; label: string } }");
  });

  it("shows no values", () => {
    expect(
      describeContext({ password: "hunter2", list: ["secret"], map: new Map([["key-secret", 1]]) }),
    ).not.toMatch(/hunter2|secret/);
  });

  it("takes an object of many keys for a dictionary", () => {
    const byId = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`id${index}`, { n: index }]));
    expect(describeContext({ byId })).toBe("{ byId: Record<string, { n: number }> }");
  });

  it("stays small and quick for large, deep and cyclic values", () => {
    const cyclic: { self?: unknown; list: unknown[] } = { list: [] };
    cyclic.self = cyclic;
    cyclic.list.push(cyclic, cyclic);
    const wide = (depth: number): unknown =>
      depth === 0
        ? 1
        : Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key${index}`, wide(depth - 1)]));
    const long = {
      rows: Array.from({ length: 200_000 }, (_, index) => ({ id: index })),
      map: new Map(Array.from({ length: 200_000 }, (_, index) => [index, index])),
    };
    for (const value of [cyclic, wide(3), long]) {
      const type = describeContext(value);
      expect(type.length).toBeLessThan(30_000);
      expect(syntaxErrors(`declare const context: ${type};`)).toEqual([]);
    }
  });

  it("is valid TypeScript for every value that the codec carries", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(syntaxErrors(`declare const context: ${describeContext(value)};`)).toEqual([]);
      }),
    );
  });
});
