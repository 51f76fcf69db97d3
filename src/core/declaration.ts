// TypeScript declarations for prompts: tools from their schemas, types from JSON Schema, the shape of a context.
// Invariant: the same input gives the same text, so that prompts can be cached; no value of a context is shown,
// only its shape; nothing inside a schema can end the comment or the fence it is put into.
import { flattenTools, type Tool, type ToolSet } from "./tool.ts";
import { toJsonSchema, type JsonSchema } from "./schema.ts";
import { isIdentifier } from "./names.ts";

/** Longest declaration of a context's shape, in characters; what is beyond is `unknown`. */
const SHAPE_BUDGET = 4_000;
const SHAPE_DEPTH = 6;
const SHAPE_KEYS = 50;
const SHAPE_ITEMS = 20;

/**
 * Declares tools as guests see them: `declare const tools: { … }`, and each group under its own name too.
 */
export function declareTools(tools: ToolSet): string {
  const groups = new Map<string, string[]>();
  const single: string[] = [];
  for (const [name, tool] of flattenTools(tools)) {
    const [group, member] = name.split(".");
    if (member === undefined) single.push(declareTool(name, tool));
    else groups.set(group ?? "", [...(groups.get(group ?? "") ?? []), declareTool(member, tool)]);
  }
  const grouped = [...groups].map(([group, members]) => `${group}: {\n${indent(members.join("\n"))}\n};`);
  const all = `declare const tools: {\n${indent([...single, ...grouped].join("\n"))}\n};`;
  const names = [...groups.keys()].map((group) => `declare const ${group}: typeof tools.${group};`);
  return [all, ...names].join("\n");
}

function declareTool(name: string, tool: Tool<unknown>): string {
  const input = toJsonSchema(tool.input, "input");
  const output = tool.output === undefined ? undefined : toJsonSchema(tool.output, "output");
  const parameter = input === undefined ? "input: unknown" : `input: ${declareType(input)}`;
  const returned = output === undefined ? "unknown" : declareType(output);
  return `${comment(tool.description)}\n${name}(${parameter}): Promise<${returned}>;`;
}

/** A TypeScript type for a JSON Schema (draft 2020-12); `unknown` where it cannot be said. */
export function declareType(schema: JsonSchema): string {
  return typeOf(schema, { root: schema, open: new Set() });
}

interface Scope {
  readonly root: JsonSchema;
  /** The references being resolved: one inside itself is `unknown`. */
  readonly open: ReadonlySet<string>;
}

function typeOf(schema: unknown, scope: Scope): string {
  if (schema === true) return "unknown";
  if (schema === false) return "never";
  if (!isObject(schema)) return "unknown";
  if (typeof schema["$ref"] === "string") return referenceType(schema["$ref"], scope);
  if ("const" in schema) return literal(schema["const"]);
  if (Array.isArray(schema["enum"])) return union(schema["enum"].map(literal));
  for (const key of ["anyOf", "oneOf"]) {
    const parts = schema[key];
    if (Array.isArray(parts)) return union(parts.map((part) => typeOf(part, scope)));
  }
  if (Array.isArray(schema["allOf"])) {
    return schema["allOf"].map((part) => parenthesise(typeOf(part, scope))).join(" & ");
  }
  if (Array.isArray(schema["type"])) {
    return union(schema["type"].map((type: unknown) => typeOf({ ...schema, type }, scope)));
  }
  return namedType(schema, scope);
}

function namedType(schema: JsonSchema, scope: Scope): string {
  switch (schema["type"]) {
    case "string":
    case "boolean":
    case "null":
      return schema["type"];
    case "number":
    case "integer":
      return "number";
    case "array":
      return arrayType(schema, scope);
    case "object":
      return objectType(schema, scope);
    default:
      return isObject(schema["properties"]) ? objectType(schema, scope) : "unknown";
  }
}

function arrayType(schema: JsonSchema, scope: Scope): string {
  const { prefixItems, items } = schema;
  if (Array.isArray(prefixItems)) {
    const parts = prefixItems.map((part) => typeOf(part, scope));
    if (items !== undefined && items !== false) parts.push(`...${arrayOf(typeOf(items, scope))}`);
    return `[${parts.join(", ")}]`;
  }
  return arrayOf(items === undefined ? "unknown" : typeOf(items, scope));
}

function objectType(schema: JsonSchema, scope: Scope): string {
  const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const members = properties.map(([name, property]) => {
    const note = describe(property);
    const type = typeOf(property, scope);
    return `${note === "" ? "" : `${note} `}${propertyName(name)}${required.has(name) ? "" : "?"}: ${type}`;
  });
  const rest = schema["additionalProperties"];
  if (isObject(rest)) {
    const record = `Record<string, ${typeOf(rest, scope)}>`;
    return members.length === 0 ? record : `{ ${members.join("; ")} } & ${record}`;
  }
  if (members.length === 0) return rest === false ? "{}" : "Record<string, unknown>";
  return `{ ${members.join("; ")} }`;
}

/** What a property is for: its description, and what its type cannot say. */
function describe(property: unknown): string {
  if (!isObject(property)) return "";
  const notes: string[] = [];
  if (typeof property["description"] === "string") notes.push(property["description"]);
  for (const key of [
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
  ]) {
    const value = property[key];
    if ((typeof value !== "string" && typeof value !== "number") || isSafeBound(value)) continue;
    notes.push(`${key} ${value}`);
  }
  if (property["type"] === "integer") notes.push("integer");
  return notes.length === 0 ? "" : comment(notes.join("; "));
}

/** zod gives every integer the bounds of safe integers: they say nothing. */
function isSafeBound(value: string | number): boolean {
  return typeof value === "number" && Math.abs(value) === Number.MAX_SAFE_INTEGER;
}

function referenceType(reference: string, scope: Scope): string {
  if (scope.open.has(reference) || !reference.startsWith("#")) return "unknown";
  let target: unknown = scope.root;
  for (const part of reference.slice(1).split("/").filter(Boolean)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    target = isObject(target) ? target[key] : undefined;
  }
  return typeOf(target, { ...scope, open: new Set([...scope.open, reference]) });
}

/** The shape of a value as a TypeScript type: names and types, no values. */
export function describeContext(value: unknown): string {
  const budget = { left: SHAPE_BUDGET };
  return shapeOf(value, SHAPE_DEPTH, budget);
}

function shapeOf(value: unknown, depth: number, budget: { left: number }): string {
  const shape = shapeWithin(value, depth, budget);
  budget.left -= shape.length;
  return shape;
}

function shapeWithin(value: unknown, depth: number, budget: { left: number }): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value === "function" ? "unknown" : typeof value;
  if (depth === 0 || budget.left <= 0) return "unknown";
  if (Array.isArray(value)) return arrayOf(shapesOf(value, depth, budget));
  if (value instanceof Map) {
    return `Map<${shapesOf([...value.keys()], depth, budget)}, ${shapesOf([...value.values()], depth, budget)}>`;
  }
  if (value instanceof Set) return `Set<${shapesOf([...value], depth, budget)}>`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor
    ?.name;
  if (name !== undefined && name !== "Object") return isIdentifier(name) ? name : "unknown";
  const keys = Object.keys(value);
  const members = keys
    .slice(0, SHAPE_KEYS)
    .map(
      (key) => `${propertyName(key)}: ${shapeOf((value as Record<string, unknown>)[key], depth - 1, budget)}`,
    );
  if (keys.length > SHAPE_KEYS) members.push(`/* and ${keys.length - SHAPE_KEYS} more */`);
  return members.length === 0 ? "{}" : `{ ${members.join("; ")} }`;
}

/** The shapes of a list's first items, each once. */
function shapesOf(items: readonly unknown[], depth: number, budget: { left: number }): string {
  if (items.length === 0) return "unknown";
  return union(items.slice(0, SHAPE_ITEMS).map((item) => shapeOf(item, depth - 1, budget)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function union(types: readonly string[]): string {
  const distinct = [...new Set(types)];
  return distinct.length === 0 ? "never" : distinct.join(" | ");
}

function arrayOf(type: string): string {
  return `${parenthesise(type)}[]`;
}

function parenthesise(type: string): string {
  return / [|&] /.test(type) && !/^\{[^{}]*\}$/.test(type) ? `(${type})` : type;
}

function literal(value: unknown): string {
  return JSON.stringify(value) ?? "unknown";
}

function propertyName(name: string): string {
  return isIdentifier(name) ? name : JSON.stringify(name);
}

function comment(text: string): string {
  return `/** ${text.replaceAll("*/", "* /").replace(/\s+/g, " ").trim()} */`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
