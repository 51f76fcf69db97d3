// A workflow of the shape of a market report: fetch a list, analyse each of its items at once, write the report.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

const CLOSES = { AAA: [10, 11, 12], BBB: [20, 19, 21], CCC: [5, 5, 8] };

const symbols = defineTool({
  description: "The symbols of the market.",
  input: z.object({}),
  execute: () => Object.keys(CLOSES),
});
const closes = defineTool({
  description: "The last closes of a symbol.",
  input: z.object({ symbol: z.string() }),
  execute: ({ symbol }) => CLOSES[symbol],
});
const publish = defineTool({
  description: "Publishes a report.",
  input: z.object({ text: z.string() }),
  execute: ({ text }) => `published ${text.length}`,
});

const ANSWERS = [
  ["Fetch", "const all = await tools.symbols({}); result = all.map((symbol) => ({ symbol }));"],
  [
    "Analyse",
    "const list = await tools.closes({ symbol: context.item.symbol }); result = { symbol: context.item.symbol, change: list.at(-1) - list[0] };",
  ],
  [
    "Report",
    'const text = context.previousStepResults.analyse.map(({ symbol, change }) => symbol + " " + change).join("\\n"); result = [text, await tools.publish({ text })];',
  ],
];

const agent = (role, tools) =>
  defineAgent({ role, capabilities: ["market"], systemPrompt: `You are the ${role}.`, tools });

export const pipeline = {
  title: "a pipeline: fetch, analyse each, report",
  agents: [agent("fetcher", { symbols }), agent("analyst", { closes }), agent("reporter", { publish })],
  tasks: [],
  workflows: [
    {
      id: "market",
      steps: [
        { id: "fetch", agent: "fetcher", task: "Fetch the symbols." },
        { id: "analyse", agent: "analyst", task: "Analyse one.", forEach: { step: "fetch" } },
        { id: "report", agent: "reporter", task: "Report on all.", dependsOn: ["analyse"] },
      ],
    },
  ],
  answer: ({ task }) => ANSWERS.find(([start]) => task.includes(start))[1],
};
