// A program of somebody who installed the package: every entry point, typed as it is used. package.test.ts compiles it
// against the installed types and runs it. Invariant: it imports nothing but what a user has.
import { z } from "zod";
import { defineAgent, defineTool, FettleError, Mesh, type TaskResult } from "fettle";
import { createHttpApp } from "fettle/http";
import { taskMachine } from "fettle/machines";
import { createSandbox, type ExecuteResult } from "fettle/sandbox";
import { createScriptedModel, TestMesh } from "fettle/testing";

const double = defineTool({
  description: "Doubles a number.",
  input: z.object({ value: z.number() }),
  output: z.number(),
  execute: ({ value }) => value * 2,
});
const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math"],
  systemPrompt: "Compute exactly.",
  tools: { double },
  output: z.number(),
});
const code = (text: string): string => ["```js", text, "```"].join("\n");

/** A mesh in memory, whose first code fails. */
async function mended(): Promise<TaskResult<number>> {
  await using mesh = new TestMesh({ model: [code("result = missing"), code("result = 6 * 7")] }).add(
    calculator,
  );
  await mesh.start();
  return await mesh.execute("calculator", "Calculate 6 times 7");
}

/** A mesh that keeps its state in this folder, over HTTP. */
async function served(): Promise<{ readonly status: number; readonly output: unknown }> {
  const model = createScriptedModel([code("result = await tools.double({ value: 21 })")]);
  const mesh = new Mesh({ model }).add(calculator);
  await mesh.start();
  const answer = await createHttpApp(mesh).request("/v1/tasks", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ agent: "calculator", task: "Double 21" }),
  });
  const { output } = (await answer.json()) as { readonly output: unknown };
  await mesh.stop();
  return { status: answer.status, output };
}

/** Code in the sandbox alone. */
async function ran(): Promise<ExecuteResult> {
  await using sandbox = createSandbox({ isolates: 1 });
  return await sandbox.execute("result = context.list.map((n) => n * n)", { context: { list: [1, 2, 3] } });
}

/** What is thrown at a definition that is wrong. */
function refused(): string {
  try {
    defineAgent({ role: "", capabilities: [], systemPrompt: "" });
  } catch (error) {
    return error instanceof FettleError ? error.code : "another error";
  }
  return "nothing";
}

const { output, repairs } = await mended();
const doubled: number | null = output;
const outcome = await ran();
console.log(
  JSON.stringify({
    mended: { output: doubled, repairs },
    served: await served(),
    ran: outcome.ok ? outcome.value : outcome.error.message,
    refused: refused(),
    machine: taskMachine.id,
  }),
);
