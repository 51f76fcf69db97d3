// One agent with three attributes, one task: a plain sentence becomes code, and the code becomes a number.
import assert from "node:assert/strict";
import { defineAgent, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const calculator = defineAgent({
  role: "calculator",
  capabilities: ["math", "calculations"],
  systemPrompt: "You are a math expert. Compute exactly and store the answer in `result`.",
});

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(calculator);
await mesh.start();
const result = await mesh.execute("calculator", "Calculate the factorial of 10");
await mesh.stop();

console.log(`Status:  ${result.status}`);
console.log(`Output:  ${String(result.output)}`);
console.log(`Repairs: ${result.repairs}`);
console.log(`Code:\n${result.code ?? ""}`);

assert.equal(result.status, "success");
assert.equal(Number(result.output), 3_628_800);
