// Concurrent tools beside timers, a tool that fails, a program that fails after its calls and is repaired, and a
// model that refuses.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

const price = defineTool({
  description: "The price of an article.",
  input: z.object({ article: z.string() }),
  execute: async ({ article }) => {
    if (article === "ghost") throw new Error("no such article");
    await new Promise((resolve) => setTimeout(resolve, article.length));
    return article.length * 10;
  },
});
const order = defineTool({
  description: "Orders an article.",
  input: z.object({ article: z.string(), at: z.number() }),
  execute: ({ article, at }) => `${article} for ${at}`,
});

const FIRST = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const found = await Promise.all(["lamp", "table", "ghost"].map(async (article, index) => {
  await wait(index * 3);
  return tools.price({ article }).catch((error) => error.message);
}));
throw new Error("found " + found.join());`;

const MENDED = `
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const articles = ["chair", "bench"];
const orders = await Promise.all(articles.map(async (article) => {
  const at = await tools.price({ article });
  await wait(2);
  return tools.order({ article, at });
}));
result = { orders, chance: Math.random() < 1, time: Date.now() > 0 };`;

const CHAIN = `
let result = "";
for (const article of ["a", "bb", "ccc", "dddd"]) {
  const at = await tools.price({ article: article + "!" });
  result += await tools.order({ article: article + "!", at }) + ";";
}`;

export const tools = {
  title: "concurrent tools, timers, a repair, a refusal",
  agents: [
    defineAgent({
      role: "buyer",
      capabilities: ["orders"],
      systemPrompt: "You buy articles.",
      tools: { price, order },
    }),
  ],
  tasks: [
    { role: "buyer", task: { id: "mended", task: "Buy at once what there is." } },
    { role: "buyer", task: { id: "chained", task: "Buy one after the other." } },
    { role: "buyer", task: { id: "refused", task: "Buy what must not be sold." } },
  ],
  workflows: [],
  answer: ({ task, repair }) => {
    if (task.includes("must not")) return null;
    if (task.includes("one after")) return CHAIN;
    return repair === 0 ? FIRST : MENDED;
  },
};
