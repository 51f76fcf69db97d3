// A workflow that lists items, works on all of them at once, and puts together what came of them.
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

const FETCH = "const all = await tools.symbols({}); result = all.map((symbol) => ({ symbol }));";
const ANALYSE = `
const { symbol } = context.item;
const list = await tools.closes({ symbol });
result = { symbol, change: list.at(-1) - list[0] };`;
const REPORT = `
const lines = context.previousStepResults.analyse.map(({ symbol, change }) => symbol + " " + change);
result = [lines, await tools.publish({ text: lines.join() })];`;
const ANSWERS = { Fetch: FETCH, Analyse: ANALYSE, Report: REPORT };

const agent = (role, tools) =>
  defineAgent({ role, capabilities: ["market"], systemPrompt: `You are the ${role}.`, tools });

export const fan = {
  title: "a workflow over a list",
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
  answer: ({ task }) => Object.entries(ANSWERS).find(([start]) => task.includes(start))[1],
};
