// An agent as an MCP tool: what a client's model is told of it, what it takes and what it gives.
// Invariant: what is promised as output is what task-call.ts gives; a schema that cannot stand inside another is left out.
import { z } from "zod";
import type { AgentDefinition } from "../../core/agent.ts";
import { toJsonSchema, type JsonSchema } from "../../core/schema.ts";

/** Who does the tasks: an agent of this process, or what is known of one on another node. */
export interface Served {
  readonly role: string;
  readonly capabilities: readonly string[];
  /** Null where the agent lives on other nodes alone. */
  readonly definition: AgentDefinition | null;
}

/** What a call takes. */
export const taskInput = z.object({
  task: z
    .string()
    .trim()
    .min(1)
    .describe("What to do, in plain language and complete: the agent knows nothing of this conversation."),
  context: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "Data for the task: the agent's code reads it as `context`. Give data here and not within the task.",
    ),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .optional()
    .describe(
      "A name for the task. Given again with the same task, it is not done again: its result is given.",
    ),
});

/** A call of an agent. */
export type TaskInput = z.infer<typeof taskInput>;

const tokens = z.object({
  input: z.number(),
  output: z.number(),
  cacheRead: z.number(),
  cacheWrite: z.number(),
});

/** What a call gives, besides the output itself, whose schema is the agent's. */
const result = z.object({
  status: z.enum(["success", "failure", "cancelled"]),
  code: z.string().nullable().describe("The code that produced the output."),
  repairs: z.number().describe("How often the code was sent back to be mended."),
  seconds: z.number(),
  tokens,
  costUsd: z.number().nullable().describe("US dollars; null where the price is unknown."),
  model: z.string().nullable(),
  taskId: z.string(),
  error: z.object({ name: z.string(), message: z.string(), category: z.string() }).nullable(),
});

/** What a call gives as structured content. */
export type TaskOutput = z.infer<typeof result> & { readonly output: unknown };

/** What a client's model reads of an agent. */
export function describeAgent({ role, capabilities, definition }: Served): string {
  const what = `Gives a task to the agent "${role}" (${capabilities.join(", ")}).`;
  if (definition?.kind !== "prompt") return what;
  const sentence = firstSentence(definition.systemPrompt);
  const how =
    definition.profile === "communicator"
      ? "It writes prose, and mends it until it is as it should be."
      : "It writes code for the task, runs it, and mends it until it works.";
  return `${what} ${how} It is told: ${JSON.stringify(sentence)}`;
}

/** The schema of what a call of an agent gives. */
export function outputOf({ definition }: Served): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(result, { io: "output" });
  const given = definition?.output === undefined ? undefined : toJsonSchema(definition.output, "output");
  const { own, defs } = nested(given);
  return {
    ...schema,
    properties: { output: { description: "What the agent produced.", ...own }, ...schema.properties },
    required: ["output", ...(schema.required ?? [])],
    ...(defs === undefined ? {} : { $defs: defs }),
  };
}

/** A schema as part of another: its definitions go to the top, where its references look for them. */
function nested(schema: JsonSchema | undefined): { readonly own: object; readonly defs?: unknown } {
  if (schema === undefined) return { own: {} };
  const { $schema: _, $defs, ...own } = schema;
  // It refers to itself as a whole, and would then mean the result.
  if (JSON.stringify(own).includes('"$ref":"#"')) return { own: {} };
  return { own, defs: $defs };
}

/** Whether all that a task can do is to compute. */
export function isReadOnly({ definition }: Served): boolean {
  return (
    definition?.kind === "prompt" && Object.keys({ ...definition.tools, ...definition.mcp }).length === 0
  );
}

function firstSentence(text: string): string {
  const [sentence = ""] = /^.+?(?:[.!?](?=\s)|$)/s.exec(text.trim().replace(/\s+/g, " ")) ?? [];
  return sentence.length <= 300 ? sentence : `${sentence.slice(0, 299)}…`;
}
