// A person who must allow the code of one agent, and dear calls of another's tool.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

const pay = defineTool({
  description: "Pays an amount.",
  input: z.object({ amount: z.number() }),
  needsApproval: ({ amount }) => amount > 100,
  execute: ({ amount }) => `paid ${amount}`,
});

const PAYMENTS = `
const small = await tools.pay({ amount: 50 });
const both = await Promise.all([tools.pay({ amount: 500 }), tools.pay({ amount: 70 })]);
result = [small, ...both, await tools.pay({ amount: 900 })];`;

export const approvals = {
  title: "approval of code and of tool calls",
  agents: [
    defineAgent({ role: "cashier", capabilities: ["money"], systemPrompt: "You pay.", tools: { pay } }),
    defineAgent({ role: "guarded", capabilities: ["code"], systemPrompt: "You compute.", approval: "code" }),
  ],
  tasks: [
    { role: "cashier", task: { id: "payments", task: "Pay the bills." } },
    { role: "guarded", task: { id: "guarded", task: "Compute six times seven." } },
  ],
  workflows: [],
  answer: ({ task, repair }) => {
    if (task.includes("bills")) return PAYMENTS;
    return repair === 0 ? "result = six * 7" : "result = 6 * 7";
  },
};
