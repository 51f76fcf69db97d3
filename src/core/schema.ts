// Schemas as agents and tools take them: any Standard Schema (https://standardschema.dev), zod for us.
// Invariant: validation is always awaited, since a schema may check asynchronously, and never throws.
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { z } from "zod";

/** Any schema that follows the Standard Schema interface, version 1. */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** The type that a schema gives after validation. */
export type SchemaOutput<S extends Schema> = StandardSchemaV1.InferOutput<S>;

/** The type that a schema accepts before validation. */
export type SchemaInput<S extends Schema> = StandardSchemaV1.InferInput<S>;

/** A JSON Schema document (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether a value is a Standard Schema. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as Record<string, unknown>)["~standard"];
  return typeof standard === "object" && standard !== null && "validate" in standard;
}

/** What validation found. */
export type Validation<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/**
 * Validates a value; the problem lists each issue with its path, one to a line.
 * A schema that throws is a failed validation, not a crash.
 */
export async function validate<S extends Schema>(
  schema: S,
  value: unknown,
): Promise<Validation<SchemaOutput<S>>> {
  try {
    const result = await schema["~standard"].validate(value);
    if (result.issues === undefined) return { ok: true, value: result.value as SchemaOutput<S> };
    return { ok: false, problem: result.issues.map(describeIssue).join("\n") };
  } catch (thrown) {
    return { ok: false, problem: `the schema itself failed: ${String(thrown)}` };
  }
}

function describeIssue(issue: StandardSchemaV1.Issue): string {
  const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
  return path.length === 0 ? issue.message : `${path.join(".")}: ${issue.message}`;
}

/**
 * The JSON Schema of a schema, for prompts and declarations; `undefined` where the library cannot give one.
 * Uses the Standard JSON Schema interface, else zod's own conversion.
 */
export function toJsonSchema(schema: Schema, side: "input" | "output"): JsonSchema | undefined {
  const standard = schema["~standard"] as Partial<StandardJSONSchemaV1["~standard"]>;
  try {
    if (standard.jsonSchema !== undefined) {
      return standard.jsonSchema[side]({ target: "draft-2020-12" });
    }
    if (schema instanceof z.ZodType) return z.toJSONSchema(schema, { io: side, unrepresentable: "any" });
  } catch {
    // A schema with parts that JSON Schema cannot say (a Date, a transform): zod can say the rest.
    if (schema instanceof z.ZodType) return z.toJSONSchema(schema, { io: side, unrepresentable: "any" });
  }
  return undefined;
}
