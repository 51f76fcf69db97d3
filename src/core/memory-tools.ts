// What a guest may see of an agent's memory: tools like any others, put on an agent by its author.
// Invariant: a definition is the same for all tasks, and memory is one task's; so a tool finds the memory in the
// information on its call, where the host of the task puts it (see withMemory).
import { z } from "zod";
import { MeshStateError } from "./errors.ts";
import type { Memory } from "./memory.ts";
import { defineTool, mapTools, type ToolCallInfo, type ToolSet } from "./tool.ts";

const KEY = 'Keys are dot-separated parts of letters, digits and "_=/-".';

const note = defineTool({
  description: `Keeps a note for the rest of this task. ${KEY}`,
  input: z.object({ key: z.string(), value: z.unknown() }),
  execute: async ({ key, value }, info) => memoryOf(info).working.set(key, value),
});

const notes = defineTool({
  description: "All notes of this task, by their keys.",
  input: z.object({}).optional(),
  output: z.record(z.string(), z.unknown()),
  execute: async (_input, info) => memoryOf(info).working.all(),
});

const remember = defineTool({
  description: `Keeps a value for good: later tasks of this agent can recall it. ${KEY}`,
  input: z.object({ key: z.string(), value: z.unknown() }),
  execute: async ({ key, value }, info) => memoryOf(info).longTerm.save(key, value),
});

const recall = defineTool({
  description: "A value that this agent has remembered; undefined where it has none under that key.",
  input: z.object({ key: z.string() }),
  execute: async ({ key }, info) => memoryOf(info).longTerm.load(key),
});

const remembered = defineTool({
  description: "The keys of all that this agent has remembered, or of those that begin with a prefix.",
  input: z.object({ prefix: z.string().optional() }).optional(),
  output: z.array(z.string()),
  execute: async (input, info) => [...(await memoryOf(info).longTerm.keys(input?.prefix))],
});

const history = defineTool({
  description:
    "What happened before in this workflow, oldest first: the last 20 events, or as many as asked for.",
  input: z.object({ last: z.int().min(1).max(1000).optional() }).optional(),
  output: z.array(z.object({ at: z.date(), role: z.string(), event: z.unknown() })),
  execute: async (input, info) => {
    const episodes = await memoryOf(info).episodic.tail(input?.last ?? 20);
    return episodes.map(({ at, role, event }) => ({ at: new Date(at), role, event }));
  },
});

const output = defineTool({
  description:
    "The output of an earlier step of this workflow, by the step's id. Throws where there is no such step.",
  input: z.object({ step: z.string() }),
  execute: async ({ step }, info) => memoryOf(info).outputs.get(step),
});

/**
 * Tools for an agent's own memory, as the group `memory`; take all, or those that it should have.
 *
 * @example
 * defineAgent({ role: "researcher", capabilities: ["search"], systemPrompt: "…", tools: { ...memoryTools, search } });
 */
export const memoryTools = Object.freeze({
  memory: Object.freeze({ note, notes, remember, recall, remembered, history, output }),
});

function memoryOf({ memory }: ToolCallInfo): Memory {
  if (memory !== undefined) return memory;
  throw new MeshStateError("Cannot use memory: this run belongs to no task of a mesh.");
}

/** The same tools, each told of a memory by `info.memory`: for the host of a task, before it runs a guest. */
export function withMemory(tools: ToolSet, memory: Memory): ToolSet {
  return mapTools(tools, (tool) =>
    Object.freeze({
      ...tool,
      execute: (input: never, info: ToolCallInfo) => tool.execute(input, { ...info, memory }),
    }),
  );
}
