// Tools: host functions that a guest may call, the only door out of the sandbox.
// Invariant: input and output are validated on the host, whatever the guest sends or the tool returns.
import { DefinitionError } from "./errors.ts";
import type { Memory } from "./memory.ts";
import { isIdentifier } from "./names.ts";
import { isSchema, type Schema, type SchemaInput, type SchemaOutput } from "./schema.ts";

/** What a tool learns about the call it serves. */
export interface ToolCallInfo {
  /** Aborted when the task is cancelled, the guest ends or a limit is hit. */
  readonly signal: AbortSignal;
  /** Stable over a repeat of the same call after a crash: use it as an idempotency key. */
  readonly callId: string;
  /** The task on whose behalf the call is made; absent where the sandbox is used alone. */
  readonly taskId?: string | undefined;
  /** The memory of that task; absent where the sandbox is used alone. */
  readonly memory?: Memory | undefined;
}

/** A host function with its description and schemas, made by {@link defineTool}. */
export interface Tool<Input = never, Output = unknown> {
  /** Tells a tool from a group of them. */
  readonly kind: "tool";
  /** What the model is told of it. */
  readonly description: string;
  /** What a call's input is checked against. */
  readonly input: Schema;
  /** What is checked of what it returns; undefined for nothing. */
  readonly output: Schema | undefined;
  /** Whether a person must allow this call before it is made. */
  needsApproval(input: Input): boolean | Promise<boolean>;
  /** Does the call. What it throws reaches the guest as an error of the call. */
  execute(input: Input, info: ToolCallInfo): Output | Promise<Output>;
}

/** Tools by name; one level of grouping is allowed, so that `{ database: { query } }` is `database.query()`. */
export type ToolSet = Readonly<Record<string, Tool | Readonly<Record<string, Tool>>>>;

/** What {@link defineTool} takes. */
export interface ToolOptions<In extends Schema, Out extends Schema, Result> {
  /** One or two sentences for the model: what it does, units, what it throws. */
  readonly description: string;
  /** What a call's input must be; checked on the host, and told to the model as a type. */
  readonly input: In;
  /** What the tool returns, as the model is told; what it does return is checked. */
  readonly output?: Out;
  /** Whether a person must allow a call before it is made: always, or as a function of its input says. */
  readonly needsApproval?: boolean | ((input: SchemaOutput<In>) => boolean | Promise<boolean>);
  /** Does the call, on the host. What it throws reaches the guest as an error of the call, and the model with it. */
  readonly execute: (input: SchemaOutput<In>, info: ToolCallInfo) => Result | Promise<Result>;
}

const OPTIONS = new Set(["description", "input", "output", "needsApproval", "execute"]);

/**
 * Defines a tool that guests may call as `await tools.<name>(input)`.
 *
 * @throws DefinitionError where an option is missing, of the wrong kind or unknown.
 * @example
 * const add = defineTool({
 *   description: "Adds two numbers.",
 *   input: z.object({ a: z.number(), b: z.number() }),
 *   execute: ({ a, b }) => a + b,
 * });
 */
export function defineTool<In extends Schema, Result>(
  options: ToolOptions<In, Schema, Result> & { readonly output?: undefined },
): Tool<SchemaOutput<In>, Result>;
export function defineTool<In extends Schema, Out extends Schema>(
  options: ToolOptions<In, Out, SchemaInput<Out>> & { readonly output: Out },
): Tool<SchemaOutput<In>, SchemaOutput<Out>>;
export function defineTool(options: ToolOptions<Schema, Schema, unknown>): Tool<unknown> {
  for (const key of Object.keys(options)) {
    if (!OPTIONS.has(key)) throw new DefinitionError(`Unknown tool option "${key}".`);
  }
  if (typeof options.description !== "string" || options.description.trim() === "") {
    throw new DefinitionError("A tool needs a description: it is all that the model knows of it.");
  }
  const named = JSON.stringify(options.description.slice(0, 60));
  if (!isSchema(options.input)) {
    throw new DefinitionError(`The tool ${named} needs an input schema, such as z.object({ … }).`);
  }
  if (options.output !== undefined && !isSchema(options.output)) {
    throw new DefinitionError(`The output of the tool ${named} is not a schema.`);
  }
  const { needsApproval = false } = options;
  if (typeof needsApproval !== "boolean" && typeof needsApproval !== "function") {
    throw new DefinitionError(`The tool ${named}: needsApproval is true, false or a function of the input.`);
  }
  if (typeof options.execute !== "function") {
    throw new DefinitionError(`The tool ${named} needs an execute function.`);
  }
  return Object.freeze({
    kind: "tool" as const,
    description: options.description,
    input: options.input,
    output: options.output,
    needsApproval: typeof needsApproval === "function" ? needsApproval : () => needsApproval,
    execute: options.execute,
  });
}

/** Whether a value was made by {@link defineTool}. */
export function isTool(value: unknown): value is Tool {
  return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "tool";
}

/** The names that the guest's world already has; a tool or group may not take them. */
const RESERVED = new Set(["context", "result", "tools", "console", "globalThis", "undefined", "Promise"]);

/** Whether the guest's world has the name already, so that no tool may take it. */
export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}

/** Built-ins that a group, being a global of the guest, would hide. */
const BUILT_IN = new Set(
  (
    "Object Function Array Number Boolean String Symbol BigInt Math Date RegExp JSON Reflect Proxy Map Set WeakMap " +
    "WeakSet WeakRef FinalizationRegistry Iterator ArrayBuffer SharedArrayBuffer DataView Int8Array Uint8Array " +
    "Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array " +
    "Float32Array Float64Array Error EvalError RangeError ReferenceError SyntaxError TypeError URIError " +
    "AggregateError InternalError Infinity NaN eval parseInt parseFloat isNaN isFinite escape unescape decodeURI " +
    "decodeURIComponent encodeURI encodeURIComponent setTimeout setInterval clearTimeout clearInterval structuredClone"
  ).split(" "),
);

/**
 * All tools of a set under the names that a guest calls them by: `search`, `database.query`.
 *
 * @throws DefinitionError where a name is no identifier or reserved, or an entry is no tool.
 */
export function flattenTools(tools: ToolSet): ReadonlyMap<string, Tool<unknown>> {
  const flat = new Map<string, Tool<unknown>>();
  for (const [name, entry] of Object.entries(tools)) {
    requireToolName(name, name);
    if (isTool(entry)) {
      flat.set(name, entry);
      continue;
    }
    if (typeof entry !== "object" || (entry as unknown) === null) throw notATool(name);
    if (BUILT_IN.has(name)) {
      throw new DefinitionError(
        `Tool group "${name}" would hide the guest's own ${name}: choose another name.`,
      );
    }
    for (const [member, tool] of Object.entries(entry)) {
      requireToolName(member, `${name}.${member}`);
      if (!isTool(tool)) throw notATool(`${name}.${member}`);
      flat.set(`${name}.${member}`, tool);
    }
  }
  return flat;
}

/** The same set with each tool as `change` gives it. */
export function mapTools(tools: ToolSet, change: (tool: Tool) => Tool): ToolSet {
  const mapped: Record<string, ToolSet[string]> = {};
  for (const [name, entry] of Object.entries(tools)) {
    mapped[name] = isTool(entry) ? change(entry) : (mapTools(entry, change) as Record<string, Tool>);
  }
  return Object.freeze(mapped);
}

function requireToolName(name: string, full: string): void {
  if (!isIdentifier(name)) {
    throw new DefinitionError(`Tool name "${full}" is not an identifier: guests could not call it.`);
  }
  if (isReserved(name)) throw new DefinitionError(`Tool name "${full}" is reserved in the sandbox.`);
}

function notATool(name: string): DefinitionError {
  return new DefinitionError(`Tool "${name}" was not made by defineTool().`);
}
