// A report on prices in three steps: a researcher fetches, a coder computes, a communicator writes.
// Every figure comes from market.csv: the model sees the shape of the data when it writes code, and writes prose from
// what the code computed. The companies and their prices are made up.
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { defineAgent, defineTool, defineWorkflow } from "fettle";

const MARKET = new URL("market.csv", import.meta.url);

const price = z.object({ date: z.string(), close: z.number() });
const history = z.object({ symbol: z.string(), source: z.string(), rows: z.array(price) });

/** The one door to the data; fails for a symbol that the file does not have. */
export const priceHistory = defineTool({
  description: "Weekly closing prices of a symbol, the oldest first, with their source.",
  input: z.object({ symbol: z.string() }),
  output: history,
  execute: async ({ symbol }) => {
    const [, ...lines] = (await readFile(MARKET, "utf8")).trim().split("\n");
    const rows = lines
      .map((line) => line.split(","))
      .filter(([name]) => name === symbol)
      .map(([, date = "", close]) => ({ date, close: Number(close) }));
    if (rows.length === 0) throw new Error(`market.csv has no prices of ${symbol}`);
    return { symbol, source: `market.csv#${symbol}`, rows };
  },
});

const figures = z.object({
  from: z.string(),
  to: z.string(),
  weeks: z.number(),
  companies: z.array(
    z.object({
      symbol: z.string(),
      source: z.string(),
      returnPercent: z.number(),
      volatilityPercent: z.number().describe("of weekly log returns, annualised with 52 weeks"),
      drawdownPercent: z.number().describe("the deepest fall from an earlier high, 0 or less"),
      bestWeekPercent: z.number(),
      worstWeekPercent: z.number(),
    }),
  ),
});

/** What the coder computes. */
export type Figures = z.infer<typeof figures>;

const researcher = defineAgent({
  role: "researcher",
  capabilities: ["market-data"],
  systemPrompt: "You fetch prices for context.symbols. Each history is a finding that names its source.",
  profile: "researcher",
  tools: { market: { history: priceHistory } },
  // Its sources are looked for in what the tool returned: one that was made up would be a failed try.
  output: z.object({
    findings: z.array(z.object({ claim: z.string(), sources: z.array(z.string()).min(1) })).min(1),
    histories: z.array(history),
  }),
});

const analyst = defineAgent({
  role: "analyst",
  capabilities: ["statistics"],
  systemPrompt: "You compute from the histories of the step before. Percentages have two decimals.",
  profile: "coder",
  output: figures,
});

const reporter = defineAgent({
  role: "reporter",
  capabilities: ["writing"],
  systemPrompt: "You write for people who decide, from the figures of the analysis. You give no advice.",
  profile: "communicator",
  format: { type: "markdown", maxWords: 250, headings: ["Summary", "Performance", "Risk", "Sources"] },
});

/** The three agents, the three steps, and the companies that they are about. */
export const workflow = defineWorkflow({
  id: "financial-report",
  context: { symbols: ["ALDER", "BIRCH", "CEDAR"] },
  agents: [researcher, analyst, reporter],
  steps: [
    { id: "fetch", agent: "researcher", task: "Fetch the price history of each symbol." },
    {
      id: "analyse",
      agent: "analyst",
      task: "Compute return, volatility, drawdown, best and worst week of each company.",
      dependsOn: ["fetch"],
    },
    {
      id: "report",
      agent: "reporter",
      task: "Write the half-year report on the companies.",
      dependsOn: ["analyse"],
    },
  ],
});
