// What the smoketest plays back where no provider is configured; the cashier's first answer is wrong on purpose.
import type { RecordingEntry } from "../../model/recording.ts";

const answer = (code: string) => ({
  text: `\`\`\`js\n${code}\n\`\`\``,
  provider: "recorded",
  model: "smoketest",
});

/** The tasks, as they are given and as their answers are found. */
export const TASKS = {
  squares: "Give the sum of the squares of the numbers from 1 to 100.",
  receipt: "Write the receipt for the prices in context.prices: the total is their sum.",
  stock: "How many lamps and chairs are in stock together? Ask the tool for each of them.",
  primes: "List the prime numbers below 20, as an array.",
  sum: "Add up the numbers in context.previousStepResults.primes.",
} as const;

const RECEIPT = "const total = context.prices.reduce((sum, price) => sum + price, 0);\n";

/** The played-back answers of the smoketest's tasks. */
export const answers: readonly RecordingEntry[] = [
  {
    match: { task: TASKS.squares },
    answers: [answer("let result = 0;\nfor (let n = 1; n <= 100; n++) result += n * n;")],
  },
  {
    match: { task: TASKS.receipt, purpose: "generate" },
    answers: [answer(`${RECEIPT}result = { total, reference: "receipt 1" };`)],
  },
  {
    match: { task: TASKS.receipt, purpose: "repair" },
    answers: [answer(`${RECEIPT}result = { total, reference: \`FT-\${total}\` };`)],
  },
  {
    match: { task: TASKS.stock },
    answers: [
      answer(
        "const [lamps, chairs] = await Promise.all([\n" +
          '  tools.stock({ article: "lamp" }),\n' +
          '  tools.stock({ article: "chair" }),\n' +
          "]);\nresult = lamps + chairs;",
      ),
    ],
  },
  {
    match: { task: TASKS.primes },
    answers: [
      answer(
        "const isPrime = (n) => { for (let d = 2; d < n; d++) if (n % d === 0) return false; return n > 1; };\n" +
          "result = Array.from({ length: 20 }, (_, n) => n).filter(isPrime);",
      ),
    ],
  },
  {
    match: { task: TASKS.sum },
    answers: [answer("result = context.previousStepResults.primes.reduce((sum, n) => sum + n, 0);")],
  },
];
