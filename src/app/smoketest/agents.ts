// The agents of `fettle smoketest`: small, and with tasks whose answers are known.
import { z } from "zod";
import { defineAgent } from "../../core/agent.ts";
import { defineTool } from "../../core/tool.ts";

/** Solves plain tasks. */
export const calculator = defineAgent({
  role: "smoke-calculator",
  capabilities: ["math"],
  systemPrompt:
    "You are a careful calculator. Give the plain value that is asked for, without any text around it.",
});

/**
 * Fails its first try with every model: what its output must satisfy cannot be said in the type that the model is
 * shown, only in the error that comes back.
 */
export const cashier = defineAgent({
  role: "smoke-cashier",
  capabilities: ["billing"],
  systemPrompt: "You write receipts: { total, reference }.",
  output: z
    .object({ total: z.number(), reference: z.string() })
    .refine(({ total, reference }) => reference === `FT-${total}`, {
      path: ["reference"],
      error: 'must be "FT-" followed by the total, as in "FT-42"',
    }),
});

const STOCK: Readonly<Record<string, number>> = { lamp: 12, chair: 30 };

/** An agent with a tool, and how often the tool has been called. */
export function createStorekeeper() {
  const calls = { count: 0 };
  const stock = defineTool({
    description: "How many pieces of an article are in stock. Knows `lamp` and `chair`.",
    input: z.object({ article: z.string() }),
    output: z.number().int(),
    execute: ({ article }) => {
      calls.count += 1;
      const pieces = STOCK[article];
      if (pieces === undefined) throw new Error(`no article "${article}"; there are lamp and chair`);
      return pieces;
    },
  });
  const agent = defineAgent({
    role: "smoke-storekeeper",
    capabilities: ["stock"],
    systemPrompt: "You answer questions about the stock, from the tool alone. Give the plain number.",
    tools: { stock },
  });
  return { agent, calls };
}

/** Has a handler in place of a model. */
export const counter = defineAgent({
  role: "smoke-counter",
  capabilities: ["counting"],
  setup: () => ({ sum: 0 }),
  handle: (message, { state }) => {
    const counting = state as { sum: number };
    if (message.type !== "task" && typeof message.body === "number") counting.sum += message.body;
    return counting.sum;
  },
});
