// A process of its own for the tests of budgets: waits until there are two of them, spends from a folder's mesh budget
// until a call no longer fits, and reports what it spent, what was refused, and the most that it saw used at once.
import { setTimeout } from "node:timers/promises";
import { BudgetBook } from "../dist/src/budgets.js";
import { createEmbeddedFabric } from "../dist/src/fabric/embedded/fabric.js";

const [folder, name, limit, wanted] = process.argv.slice(2);
const fabric = createEmbeddedFabric({ dataDirectory: folder });
const book = new BudgetBook(fabric.keyValue);
const mesh = { name: "mesh", budget: { tokens: Number(limit) } };
let spent = 0;
let refused = 0;
let highest = 0;

async function work(task) {
  const account = book.account(`${name}-${task}`, [mesh]);
  for (let call = 0; ; call += 1) {
    try {
      await account.reserve(`model-${call}`, { tokens: Number(wanted) });
    } catch (error) {
      if (error.code !== "BUDGET_EXCEEDED") throw error;
      refused += 1;
      await account.close();
      return;
    }
    const { tokens } = await book.status(mesh);
    highest = Math.max(highest, tokens.spent + tokens.reserved);
    const used = 40 + ((task * 7 + call * 13) % 61);
    await account.settle(`model-${call}`, { tokens: used });
    spent += used;
  }
}

await fabric.keyValue.put("spenders", name, "");
while ((await fabric.keyValue.keys("spenders")).length < 2) await setTimeout(1);
await Promise.all(Array.from({ length: 8 }, (_, task) => work(task)));
await fabric.close();
console.log(JSON.stringify({ spent, refused, highest }));
