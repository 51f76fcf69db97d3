// A repair, seen from outside: the first code fails, the error goes back to the model, the second works.
// The output schema is part of it: what does not fit is mended like any other error.
import assert from "node:assert/strict";
import { z } from "zod";
import { defineAgent, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const analyst = defineAgent({
  role: "analyst",
  capabilities: ["statistics"],
  systemPrompt: "You are a statistician. Work on the data in `context` only.",
  output: z.object({ mean: z.number(), median: z.number(), outliers: z.array(z.number()) }),
});

const { model, live } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(analyst);
await mesh.start();
const result = await mesh.execute(
  "analyst",
  {
    task: "Describe the measurements: mean, median, and outliers beyond two standard deviations.",
    context: { measurements: [9.8, 10.1, 10, 9.9, 10.2, 10, 25.4] },
  },
  {
    onEvent: (event) => {
      if (event.type === "state") console.log(`- ${event.state}`);
      if (event.type === "error")
        console.log(`  ${event.error.name}: ${event.error.message.split("\n")[0] ?? ""}`);
    },
  },
);
await mesh.stop();

console.log(`${result.status} after ${result.repairs} repairs:`, result.output);

assert.equal(result.status, "success");
// The output is typed by the schema, and checked against it at run time.
assert.equal(result.output?.median, 10);
assert.deepEqual(result.output?.outliers, [25.4]);
if (!live) {
  assert.equal(result.repairs, 2);
  assert.deepEqual(
    result.attempts.map(({ error }) => error?.category ?? "worked"),
    ["runtime", "output", "worked"],
  );
}
