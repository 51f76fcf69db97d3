// TypeScript declarations for prompts: tools from their schemas, types from JSON Schema, the shape of a context.
// Invariant: the same input gives the same text, so that prompts can be cached; no value of a context is shown,
// only its shape; nothing inside a schema can end the comment or the fence it is put into.
import { flattenTools, type Tool, type ToolSet } from "./tool.ts";
import { toJsonSchema, type JsonSchema } from "./schema.ts";
import { isIdentifier } from "./names.ts";

/** Longest type of one schema or one context, in characters; what is beyond is `unknown`. */
const BUDGET = 8_000;
const SHAPE_DEPTH = 8;
/** An object of more keys is taken for a dictionary. */
const SHAPE_KEYS = 50;
/** Items of a list that are looked at, spread over its length. */
const SHAPE_ITEMS = 50;

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
  return typeOf(schema, { root: schema, open: new Set(), budget: { left: BUDGET } });
}

interface Scope {
  readonly root: JsonSchema;
  /** The references being resolved: one inside itself is `unknown`. */
  readonly open: ReadonlySet<string>;
  /** Characters left: schemas that refer to one another may unfold without end. */
  readonly budget: { left: number };
}

function typeOf(schema: unknown, scope: Scope): string {
  if (schema === true) return "unknown";
  if (schema === false) return "never";
  if (!isObject(schema) || scope.budget.left <= 0) return "unknown";
  const types = [...ownTypes(schema, scope), ...combinedTypes(schema, scope)].filter(
    (type) => type !== "unknown",
  );
  const type = types.length < 2 ? (types[0] ?? "unknown") : types.map(parenthesise).join(" & ");
  scope.budget.left -= type.length;
  return type;
}

/** What a schema says by itself, without its `anyOf`, `oneOf` and `allOf`. */
function ownTypes(schema: JsonSchema, scope: Scope): readonly string[] {
  const { $ref: reference, type, not } = schema;
  if (typeof reference === "string") return [referenceType(reference, scope)];
  if ("const" in schema) return [literal(schema["const"])];
  if (Array.isArray(schema["enum"])) return [union(schema["enum"].map(literal))];
  if (isObject(not) && Object.keys(not).length === 0) return ["never"];
  if (Array.isArray(type))
    return [union(type.map((one: unknown) => namedType({ ...schema, type: one }, scope)))];
  return [namedType(schema, scope)];
}

function combinedTypes(schema: JsonSchema, scope: Scope): readonly string[] {
  const { anyOf, oneOf, allOf } = schema;
  const all = Array.isArray(allOf) ? allOf.map((part) => typeOf(part, scope)) : [];
  const alternatives = [anyOf, oneOf]
    .filter((parts) => Array.isArray(parts))
    .map((parts) => union(parts.map((part) => typeOf(part, scope))));
  return [...all, ...alternatives];
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
  const { items } = schema;
  // Before draft 2020-12, a tuple is a list of items.
  const prefixItems = Array.isArray(items) ? items : schema["prefixItems"];
  if (Array.isArray(prefixItems)) {
    const parts = prefixItems.map((part) => typeOf(part, scope));
    if (items !== undefined && items !== false && !Array.isArray(items))
      parts.push(`...${arrayOf(typeOf(items, scope))}`);
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
  if (isObject(rest) && (members.length === 0 || Object.keys(rest).length > 0)) {
    const record = recordType(schema["propertyNames"], typeOf(rest, scope), scope);
    return members.length === 0 ? record : `{ ${members.join("; ")} } & ${record}`;
  }
  if (members.length === 0) return rest === false ? "{}" : "Record<string, unknown>";
  return `{ ${members.join("; ")} }`;
}

/** A dictionary; of named keys any may be absent. */
function recordType(keys: unknown, value: string, scope: Scope): string {
  const key = isObject(keys) ? typeOf(keys, scope) : "string";
  if (key === "string" || key === "unknown") return `Record<string, ${value}>`;
  return `Partial<Record<${key}, ${value}>>`;
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
    // The pattern of a known format is long and says nothing more.
    if (key === "pattern" && "format" in property) continue;
    if ((typeof value !== "string" && typeof value !== "number") || isSafeBound(value)) continue;
    notes.push(`${key} ${value}`);
  }
  if (property["type"] === "integer") notes.push("integer");
  if ("default" in property) notes.push(`default ${literal(property["default"])}`);
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
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    target = isObject(target) && Object.hasOwn(target, key) ? target[key] : undefined;
  }
  return typeOf(target, { ...scope, open: new Set([...scope.open, reference]) });
}

/**
 * The shape of a value as a TypeScript type: names and types, no values. Items of a list share one shape, in which
 * what some of them lack is optional; instances of classes are the plain objects that they arrive as.
 */
export function describeContext(value: unknown): string {
  return shapeOf([value], SHAPE_DEPTH, { left: BUDGET });
}

/** The one type that fits all of some values. */
function shapeOf(values: readonly unknown[], depth: number, budget: { left: number }): string {
  if (values.length === 0) return "unknown";
  const types = new Set<string>();
  const lists: unknown[][] = [];
  const maps: ReadonlyMap<unknown, unknown>[] = [];
  const sets: ReadonlySet<unknown>[] = [];
  const objects: Readonly<Record<string, unknown>>[] = [];
  for (const value of values) {
    if (Array.isArray(value)) lists.push(value);
    else if (value instanceof Map) maps.push(value);
    else if (value instanceof Set) sets.push(value);
    else if (typeof value === "object" && value !== null) {
      const name = builtInName(value);
      if (name === undefined) objects.push(value as Record<string, unknown>);
      else types.add(name);
    } else types.add(primitiveType(value));
  }
  if (lists.length + maps.length + sets.length + objects.length > 0 && (depth === 0 || budget.left <= 0)) {
    return "unknown";
  }
  const inner = (items: readonly unknown[]) => shapeOf(items, depth - 1, budget);
  if (lists.length > 0) types.add(arrayOf(inner(sample(lists.flatMap(sample)))));
  if (maps.length > 0) {
    const entries = maps.flatMap((map) => [...first(map.entries())]);
    types.add(`Map<${inner(entries.map(([key]) => key))}, ${inner(entries.map(([, value]) => value))}>`);
  }
  if (sets.length > 0) types.add(`Set<${inner(sets.flatMap((set) => [...first(set)]))}>`);
  if (objects.length > 0) types.add(objectShape(objects, depth, budget));
  const shape = union([...types].sort(byNullLast));
  budget.left -= shape.length;
  return shape;
}

function objectShape(
  objects: readonly Readonly<Record<string, unknown>>[],
  depth: number,
  budget: { left: number },
): string {
  const keys = [...new Set(objects.flatMap((object) => Object.keys(object)))];
  if (keys.length > SHAPE_KEYS) {
    const values = objects.flatMap((object) => sample(Object.values(object)));
    return `Record<string, ${shapeOf(sample(values), depth - 1, budget)}>`;
  }
  const members: string[] = [];
  for (const key of keys) {
    if (budget.left <= 0) {
      members.push(`/* and ${keys.length - members.length} more */`);
      break;
    }
    const owners = objects.filter((object) => Object.hasOwn(object, key));
    const type = shapeOf(
      owners.map((object) => object[key]),
      depth - 1,
      budget,
    );
    const member = `${propertyName(key)}${owners.length < objects.length ? "?" : ""}: ${type}`;
    budget.left -= key.length;
    members.push(member);
  }
  return members.length === 0 ? "{}" : `{ ${members.join("; ")} }`;
}

function primitiveType(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "function" || typeof value === "symbol" ? "unknown" : typeof value;
}

/** What arrives as itself and not as a plain object. */
function builtInName(value: object): string | undefined {
  const types = [Date, RegExp, ArrayBuffer, DataView, Error];
  const type = types.find((one) => value instanceof one);
  if (type !== undefined) return type.name;
  if (!ArrayBuffer.isView(value)) return undefined;
  // The tag of the typed array below a subclass such as Node's Buffer.
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** Some items of a list, spread over its length. */
function sample(items: readonly unknown[]): unknown[] {
  if (items.length <= SHAPE_ITEMS) return [...items];
  const step = items.length / SHAPE_ITEMS;
  return Array.from({ length: SHAPE_ITEMS }, (_, index) => items[Math.floor(index * step)]);
}

function* first<T>(items: Iterable<T>): Generator<T> {
  let left = SHAPE_ITEMS;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}

function byNullLast(left: string, right: string): number {
  return rank(left) - rank(right);
}

function rank(type: string): number {
  return type === "undefined" ? 2 : type === "null" ? 1 : 0;
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

/** In parentheses where a type is a union or an intersection on its outermost level. */
function parenthesise(type: string): string {
  let depth = 0;
  for (const [token] of type.matchAll(/"(?:[^"\\]|\\.)*"|\/\*.*?\*\/|=>|[^]/g)) {
    if ("([{<".includes(token)) depth += 1;
    if (")]}>".includes(token)) depth -= 1;
    if (depth === 0 && (token === "|" || token === "&")) return `(${type})`;
  }
  return type;
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
