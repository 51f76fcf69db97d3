// A server's JSON Schema: what the model reads of it, and what it lets through.
import { describe, expect, it } from "vitest";
import { declareType } from "#src/core/declaration";
import { toJsonSchema, validate, type JsonSchema } from "#src/core/schema";
import { schemaOf } from "#src/mcp/json-schema";

const problemOf = async (schema: JsonSchema, value: unknown) => {
  const checked = await validate(schemaOf(schema, { isInput: true }), value);
  return checked.ok ? null : checked.problem;
};
const declared = (schema: JsonSchema) =>
  declareType(toJsonSchema(schemaOf(schema, { isInput: true }), "input") ?? {});

const ORDER: JsonSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  properties: {
    item: { $ref: "#/definitions/item" },
    pay: {
      oneOf: [
        { type: "string", enum: ["cash", "card"] },
        { type: "object", properties: { iban: { type: "string" } } },
      ],
    },
    when: { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
    count: { type: "integer", format: "uint32", minimum: 1, default: 1 },
    size: { type: "array", items: [{ type: "number" }, { type: "number" }] },
  },
  required: ["item"],
  definitions: { item: { type: "object", properties: { sku: { const: "A1" } }, required: ["sku"] } },
};

describe("a server's schema", () => {
  it("is declared with its references, alternatives, enumerations and tuples", () => {
    expect(declared(ORDER)).toBe(
      '{ item: { sku: "A1" }; pay?: "cash" | "card" | { iban?: string }; when?: string | null; ' +
        "/** format uint32; minimum 1; integer; default 1 */ count?: number; size?: [number, number] }",
    );
  });

  it("is declared as far as it goes where it refers to itself", () => {
    const tree = { type: "object", properties: { children: { type: "array", items: { $ref: "#" } } } };
    expect(declared(tree)).toBe("{ children?: { children?: unknown[] }[] }");
  });

  it("lets through what fits it, and says of all else where and why", async () => {
    expect(await problemOf(ORDER, { item: { sku: "A1" }, when: null, pay: "card", count: 2 })).toBeNull();
    expect(await problemOf(ORDER, { item: { sku: "B2" }, when: "someday" })).toMatch(
      /data\/item\/sku must be equal to constant.*data\/when must match format "date"/,
    );
  });

  it("checks no formats but those that JSON Schema knows", async () => {
    expect(await problemOf(ORDER, { item: { sku: "A1" }, count: 7 })).toBeNull();
  });

  it("takes nothing at all for no arguments, where none is required", async () => {
    expect(await problemOf({ type: "object", properties: { a: { type: "string" } } }, undefined)).toBeNull();
    expect(await problemOf(ORDER, undefined)).toContain("must have required property 'item'");
  });

  it("keeps apart from others with the same $id", async () => {
    const schema = (type: string) => ({ $id: "https://x/y", type: "object", properties: { a: { type } } });
    expect(await problemOf(schema("string"), { a: "1" })).toBeNull();
    expect(await problemOf(schema("number"), { a: "1" })).toContain("data/a must be number");
  });

  it.each([
    [{ type: "object", properties: { a: { type: "strin" } } }, "strin"],
    [{ type: "object", properties: { a: { $ref: "#/nowhere" } } }, "can't resolve reference"],
    [{ type: "object", properties: { a: { pattern: "[" } } }, "Invalid regular expression"],
    [{ $schema: "http://json-schema.org/draft-04/schema#", type: "object" }, "unsupported dialect"],
  ])("that cannot be used is refused: %j", (schema, message) => {
    expect(() => schemaOf(schema, { isInput: true })).toThrow(message);
  });
});
