// Budgets: what a call may cost at most is reserved before it is made, and what it did cost is booked after it. A call
// that would go over is not made: the task ends, waits for a person, or a cheaper model is asked, as you choose.
import assert from "node:assert/strict";
import { defineAgent, loadConfig, Mesh, type Budget, type TaskResult } from "fettle";
import { pricedModel } from "./priced.ts";

const counter = defineAgent({
  role: "counter",
  capabilities: ["math"],
  systemPrompt: "You compute exactly.",
  // The longest answer is part of what a call may cost: the shorter, the more fit into a budget.
  model: { maxOutputTokens: 500 },
});

console.log("No provider is asked: playing back recorded answers, at the prices of a made-up list.");
const mesh = new Mesh({
  model: pricedModel(new URL("answers.json", import.meta.url)),
  // What `cheaper` asks; as the setting FETTLE_MODEL_FAST.
  config: { ...loadConfig(), tiers: { fast: "small", strong: undefined } },
}).add(counter);
await mesh.start();

const run = crypto.randomUUID().slice(0, 8);
const usd = (amount: number | null) => `${(amount ?? 0).toFixed(5)} USD`;
const execute = (name: string, budget: Budget): Promise<TaskResult> =>
  mesh.execute("counter", { id: `${name}-${run}`, task: "Count the primes below 100.", budget });

console.log("\n1. A task that may cost too little ends before anything is paid:");
const ended = await execute("ends", { usd: 0.001 });
console.log(`  ${ended.status}, ${usd(ended.costUsd)} paid: ${ended.error?.message ?? ""}`);

console.log("\n2. One that may ask waits until a person raises its budget:");
const approving = mesh.subscribe((event) => {
  if (event.type !== "approval" || event.subject.type !== "budget") return;
  const { budget, wanted, measure } = event.subject;
  console.log(`  ${budget} asks for ${wanted} ${measure} more (npx fettle approvals); Ann allows it`);
  void mesh.approve(event.approvalId, { by: "Ann" });
});
const raised = await execute("asks", { usd: 0.001, onExceeded: "ask" });
approving();
console.log(
  `  ${raised.status}: ${String(raised.output)}, ${usd(raised.costUsd)} paid to ${raised.model ?? ""}`,
);

console.log("\n3. One that may not afford the big model asks the small one:");
const cheaper = await execute("saves", { usd: 0.005, onExceeded: "cheaper" });
console.log(
  `  ${cheaper.status}: ${String(cheaper.output)}, ${usd(cheaper.costUsd)} paid to ${cheaper.model ?? ""}`,
);

/** Twelve tasks at once on one budget of so many dollars. */
async function square(name: string, limit: number) {
  const id = `${name}-${run}`;
  const budget: Budget = { usd: limit };
  const { steps } = await mesh.workflow(
    id,
    [
      {
        id: "square",
        agent: "counter",
        task: "Square context.item.",
        forEach: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        concurrency: 12,
        allowFailures: true,
      },
    ],
    { budget },
  );
  const { usd: books } = await mesh.budget({ name: `workflow:${id}`, budget });
  const failures = steps[0]?.failures ?? [];
  console.log(`  ${12 - failures.length} were done, ${failures.length} were not paid for`);
  console.log(`  ${usd(books.spent)} of ${usd(books.limit)} spent, ${usd(books.reserved)} still reserved`);
  return { failures, books };
}

console.log(
  "\n4. Twelve tasks at once share a budget that does for all: some wait for what others give back:",
);
const enough = await square("squares", 0.03);

console.log(
  "\n5. Where it does not do for all, what is left is not paid for; together they never go over it:",
);
const scarce = await square("scarce", 0.015);
await mesh.stop();

assert.equal(ended.error?.category, "budget");
assert.match(ended.error.message, new RegExp(`budget "task:ends-${run}"`));
assert.equal(ended.costUsd, 0);
assert.equal(raised.output, 25);
assert.equal(cheaper.output, 25);
assert.equal(cheaper.model, "example/small");
assert((cheaper.costUsd ?? 1) < (raised.costUsd ?? 0));
assert.equal(enough.failures.length, 0);
assert(scarce.failures.length > 0 && scarce.failures.length < 12);
assert(scarce.failures.every(({ error }) => error.category === "budget"));
for (const { books } of [enough, scarce]) {
  assert(books.spent > 0 && books.spent <= (books.limit ?? 0));
  assert.equal(books.reserved, 0);
}
