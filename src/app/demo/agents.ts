// The agents and tasks of `fettle demo`: a calculation, a repair, and a tool with context.
import { z } from "zod";
import { defineAgent } from "../../core/agent.ts";
import type { Task } from "../../core/task.ts";
import { defineTool } from "../../core/tool.ts";

const RATES: Readonly<Record<string, number>> = { USD: 1.08, GBP: 0.85, JPY: 162.5 };

const rate = defineTool({
  description: "How many units of a currency one euro buys. Fails for a currency it does not know.",
  input: z.object({ currency: z.string().length(3) }),
  output: z.number().positive(),
  execute: ({ currency }) => {
    const found = RATES[currency];
    if (found === undefined) throw new Error(`no rate for ${currency}`);
    return found;
  },
});

/** The demo's one agent. */
export const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math", "finance"],
  systemPrompt: "You are a careful calculator. Compute exactly; round amounts of money to cents.",
  tools: { exchange: { rate } },
});

/** The demo's tasks, each with what it shows. */
export const tasks: readonly { readonly shows: string; readonly task: Task }[] = [
  {
    shows: "code that works at once",
    task: { task: "Calculate the factorial of 10" },
  },
  {
    shows: "code that fails and is repaired",
    task: {
      task: "What is the median price of the articles in context.articles?",
      context: {
        articles: [
          { name: "lamp", price: 39.9 },
          { name: "chair", price: 89 },
          { name: "desk", price: 249.5 },
          { name: "shelf", price: 120 },
        ],
      },
    },
  },
  {
    shows: "a tool of the host, and context",
    task: {
      task: "Convert each amount in context.invoices from euros to its currency, and give the list.",
      context: {
        invoices: [
          { number: "2026-01", amount: 250, currency: "USD" },
          { number: "2026-02", amount: 80.5, currency: "JPY" },
        ],
      },
    },
  },
];
