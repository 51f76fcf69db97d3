// A custom agent: your own logic behind the same address, mailbox and supervision as any other agent.
// It keeps state, answers messages, gives work to an agent that writes code, and survives its own crashes.
import assert from "node:assert/strict";
import { defineAgent, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

interface Ledger {
  readonly entries: number[];
}

const accountant = defineAgent({
  role: "accountant",
  capabilities: ["bookkeeping"],
  setup: (): Ledger => ({ entries: [] }),
  handle: async (message, actor) => {
    const { entries } = actor.state as Ledger;
    // A task: its result is stored like any other agent's.
    if (message.type === "task") {
      const result = await actor.execute("mathematician", { task: message.task, context: { entries } });
      return result.output;
    }
    // A message: what is returned answers an ask.
    if (typeof message.body !== "number") throw new TypeError("an entry is a number");
    entries.push(message.body);
    return entries.length;
  },
  supervision: { backoffMs: 10 },
});
const mathematician = defineAgent({
  role: "mathematician",
  capabilities: ["math"],
  systemPrompt: "You compute with the numbers in context.entries.",
});

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(accountant).add(mathematician);
await mesh.start();

await mesh.send("accountant", 120);
await mesh.send("accountant", -45.5);
const count = await mesh.ask("accountant", 30);
console.log(`${String(count)} entries`);

const balance = await mesh.execute("accountant", "Sum all entries.");
console.log(`balance: ${String(balance.output)}`);

const [found] = await mesh.discover({ capability: "bookkeeping" });
console.log(`found by its capability: ${found?.address ?? "nobody"}`);

const refused: unknown = await mesh.ask("accountant", "not a number").catch((error: unknown) => error);
console.log(`a bad entry is refused at once: ${String(refused)}`);
const afterRestart = await mesh.ask("accountant", 1);
console.log(`after its restart it has ${String(afterRestart)} entry: its state began anew`);

await mesh.stop();

assert.equal(count, 3);
assert.equal(balance.output, 104.5);
assert.equal(found?.role, "accountant");
assert.match(String(refused), /an entry is a number/);
assert.equal(afterRestart, 1);
