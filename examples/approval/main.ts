// A tool that asks a person first: payments above a limit wait, also while no program runs. Here the person is played
// by the program, so that it ends by itself; `fettle approvals` lists and answers what waits in the data folder.
import assert from "node:assert/strict";
import { z } from "zod";
import { defineAgent, defineTool, Mesh, type Approval } from "fettle";
import { exampleModel } from "../model.ts";

/** The bank, which this program stands in for: what was paid, by the invoice's number. */
const paid = new Map<string, number>();

const pay = defineTool({
  description: "Pays an invoice, in euros; each number once. Above 1000 euros a person must allow it.",
  input: z.object({ invoice: z.string(), amount: z.number().positive() }),
  output: z.string(),
  needsApproval: ({ amount }) => amount > 1000,
  // A mended program makes its calls anew, with call ids of its own: what must never happen twice, such as paying an
  // invoice, needs a key of its own.
  execute: ({ invoice, amount }) => {
    const before = paid.get(invoice);
    if (before !== undefined) return `${invoice} is paid already: ${before}`;
    paid.set(invoice, amount);
    return `paid ${amount} for ${invoice}`;
  },
});

const clerk = defineAgent({
  role: "clerk",
  capabilities: ["payments"],
  systemPrompt: "You pay the invoices in context.invoices, each in full, unless a person says otherwise.",
  tools: { bank: { pay } },
  output: z.array(z.string()),
});

const { model, live } = exampleModel(new URL("answers.json", import.meta.url));
const id = `payments-${crypto.randomUUID().slice(0, 8)}`;
const task = {
  id,
  task: "Pay the invoices.",
  context: {
    invoices: [
      { invoice: "paper-17", amount: 120 },
      { invoice: "machines-4", amount: 25_000 },
    ],
  },
};

/** Starts a mesh on the same data and gives it the task; the same id is the same task, which goes on where it was. */
async function start() {
  const mesh = await new Mesh({ model }).add(clerk).start();
  const life = { mesh, result: mesh.execute("clerk", task), ended: false };
  // It rejects where the mesh is stopped while the task waits: nothing is lost, so nobody needs to hear of it.
  life.result.catch(() => undefined).finally(() => (life.ended = true));
  return life;
}

/** Gives the task's next approval after the one that is known. */
async function asked(life: Awaited<ReturnType<typeof start>>, known?: Approval): Promise<Approval> {
  while (!life.ended) {
    const pending = await life.mesh.pending();
    const found = pending.find(({ taskId, approvalId }) => taskId === id && approvalId !== known?.approvalId);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("The task ended without asking anybody.");
}

function show({ approvalId, role, subject }: Approval): void {
  if (subject.type !== "tools") return;
  for (const { tool, input } of subject.calls)
    console.log(`  ${approvalId}: ${role} wants ${tool}(${input})`);
}

console.log("\nThe first program gives the task. What waits:");
const first = await start();
const big = await asked(first);
show(big);
console.log("It stops. The task waits on disk, with no guest in memory; it could be answered in days, by");
console.log(`  npx fettle approvals approve ${big.approvalId}`);
await first.mesh.stop();
const paidBefore = [...paid.keys()];

console.log(
  "\nThe second program goes on with it. The payment is refused, and the reason goes to the model:",
);
const second = await start();
await second.mesh.reject(big.approvalId, { by: "Ann", note: "Only the half of it is due: pay 12500." });
const half = await asked(second, big);
show(half);
await second.mesh.stop();

console.log("\nThe third one allows it:");
const third = await start();
await third.mesh.approve(half.approvalId, { by: "Ann", note: "That is right." });
const { status, output, repairs } = await third.result;
console.log(`  ${status}: ${(output ?? []).join(", ")}`);
console.log(`  the bank's books: ${JSON.stringify(Object.fromEntries(paid))}`);
console.log(`\nAll of it: npx fettle show ${id}`);
await third.mesh.stop();

assert.equal(status, "success");
if (!live) {
  assert.deepEqual(paidBefore, ["paper-17"]);
  assert.equal(repairs, 1);
  assert.deepEqual(
    [...paid],
    [
      ["paper-17", 120],
      ["machines-4", 12_500],
    ],
  );
}
