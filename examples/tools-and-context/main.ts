// Tools and context: the host gives typed functions and data; the code that the model writes uses both.
// The tool is the only way out of the sandbox, and its input and output are validated on the host.
import assert from "node:assert/strict";
import { z } from "zod";
import { defineAgent, defineTool, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const ORDERS = [
  { id: 1, region: "north", total: 120.5 },
  { id: 2, region: "south", total: 80 },
  { id: 3, region: "north", total: 42.25 },
  { id: 4, region: "west", total: 310 },
];

const query = defineTool({
  description: "Finds the orders of one region.",
  input: z.object({ region: z.enum(["north", "south", "west"]) }),
  output: z.array(z.object({ id: z.number(), region: z.string(), total: z.number() })),
  execute: ({ region }, { callId }) => {
    console.log(`  database.query(${region}), call ${callId}`);
    return ORDERS.filter((order) => order.region === region);
  },
});

const reporter = defineAgent({
  role: "reporter",
  capabilities: ["sales"],
  systemPrompt: "You report sales. Get orders from the database; never invent any.",
  tools: { database: { query } },
  output: z.record(z.string(), z.number()),
});

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(reporter);
await mesh.start();
const result = await mesh.execute("reporter", {
  task: "Sum the orders of each region in context.regions, less context.discount percent, rounded to cents.",
  context: { regions: ["north", "west"], discount: 10 },
});
await mesh.stop();

console.log(result.output);

assert.equal(result.status, "success");
assert.deepEqual(result.output, { north: 146.48, west: 279 });
