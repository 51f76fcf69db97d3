// What the demo plays back where no provider is configured: answers as a model gives them, written by hand.
// They go through the same charts, sandbox and repair as a live model's; the first of the second task is wrong
// on purpose.
import type { RecordingEntry } from "../../model/recording.ts";

const factorial = `\`\`\`js
let result = 1;
for (let factor = 2; factor <= 10; factor++) result *= factor;
\`\`\``;

const wrongMedian = `\`\`\`js
const prices = context.articles.map((article) => article.cost.amount).sort((a, b) => a - b);
const middle = prices.length / 2;
const result = (prices[middle - 1] + prices[middle]) / 2;
\`\`\``;

const median = `\`\`\`js
const prices = context.articles.map((article) => article.price).sort((a, b) => a - b);
const middle = Math.floor(prices.length / 2);
const value = prices.length % 2 === 1 ? prices[middle] : (prices[middle - 1] + prices[middle]) / 2;
const result = Math.round(value * 100) / 100;
\`\`\``;

const invoices = `\`\`\`ts
type Invoice = { number: string; amount: number; currency: string };

const result = await Promise.all(
  context.invoices.map(async ({ number, amount, currency }: Invoice) => {
    const rate: number = await exchange.rate({ currency });
    return { number, currency, amount: Math.round(amount * rate * 100) / 100 };
  }),
);
\`\`\``;

/** Says in each result where the answer came from. */
const answer = (text: string) => ({ text, provider: "recorded", model: "demo" });

/** The played-back answers of the demo's tasks. */
export const answers: readonly RecordingEntry[] = [
  { match: { task: "factorial of 10" }, answers: [answer(factorial)] },
  { match: { task: "median price", purpose: "generate" }, answers: [answer(wrongMedian)] },
  { match: { task: "median price", purpose: "repair" }, answers: [answer(median)] },
  { match: { task: "Convert each amount" }, answers: [answer(invoices)] },
];
