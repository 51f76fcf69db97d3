// A task that ends at its budget, one that asks a person for more, and a mesh whose books must hold all of it.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

const step = defineTool({
  description: "Takes a step.",
  input: z.object({ number: z.number() }),
  execute: ({ number }) => number,
});

const STEPS = `
let result = 0;
for (let number = 1; number <= 4; number++) result += await tools.step({ number });`;

export const budgets = {
  title: "budgets: one that ends a task, one that asks",
  agents: [defineAgent({ role: "spender", capabilities: ["x"], systemPrompt: "You step.", tools: { step } })],
  options: { budget: { modelCalls: 1000, toolCalls: 1000 } },
  tasks: [
    { role: "spender", task: { id: "bounded", task: "Step until it ends.", budget: { toolCalls: 3 } } },
    {
      role: "spender",
      task: { id: "asking", task: "Step after a mistake.", budget: { modelCalls: 1, onExceeded: "ask" } },
    },
  ],
  workflows: [],
  answer: ({ task, repair }) => (task.includes("mistake") && repair === 0 ? "result = nothing" : STEPS),
};
