// A server's JSON Schema as a schema of ours: it validates on this host, and gives itself to declarations.
// Invariant: a schema that cannot be used is an error when the server is opened, not when a guest calls; and no schema
// touches another's, whatever `$id` a server gives them.
import { fromJsonSchema } from "@modelcontextprotocol/client";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/client/validators/ajv";
import type { JsonSchema, Schema } from "../core/schema.ts";

/** The formats that are checked; others are the server's own, such as `uint32`, and say nothing here. */
const FORMATS: ReadonlySet<unknown> = new Set(
  (
    "date time date-time iso-time iso-date-time duration uri uri-reference uri-template url email hostname ipv4 ipv6 " +
    "regex uuid json-pointer relative-json-pointer byte"
  ).split(" "),
);

/** Where a schema holds data, which may look like a schema and is none. */
const DATA: ReadonlySet<string> = new Set(["const", "enum", "default", "examples"]);

/** A schema of ours; `isInput` for arguments, which may be left out where none is required. @throws Error */
export function schemaOf(json: JsonSchema, { isInput }: { readonly isInput: boolean }): Schema {
  const known = withKnownFormats(json) as Parameters<typeof fromJsonSchema>[0];
  const { "~standard": checker } = fromJsonSchema(known, new AjvJsonSchemaValidator());
  const standard = {
    version: 1 as const,
    vendor: "mcp",
    validate: (value: unknown) => checker.validate(isInput && value === undefined ? {} : value),
    jsonSchema: { input: () => json, output: () => json },
  };
  return { "~standard": standard };
}

function withKnownFormats(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withKnownFormats);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).flatMap(([key, value]: [string, unknown]) => {
    if (DATA.has(key)) return [[key, value]];
    if (key === "format" && typeof value === "string" && !FORMATS.has(value)) return [];
    return [[key, withKnownFormats(value)]];
  });
  return Object.fromEntries(entries);
}
