// Parallel steps and a merge: two reviewers work at once, a third agent puts their findings together.
import assert from "node:assert/strict";
import { z } from "zod";
import { defineAgent, Mesh } from "fettle";
import { exampleModel } from "../model.ts";

const review = z.object({ severity: z.enum(["low", "medium", "high"]), issues: z.array(z.string()) });

const security = defineAgent({
  role: "security-reviewer",
  capabilities: ["review", "security"],
  systemPrompt: "You review the code in context.code for security. Give { severity, issues }.",
  output: review,
});
const performance = defineAgent({
  role: "performance-reviewer",
  capabilities: ["review", "performance"],
  systemPrompt: "You review the code in context.code for performance. Give { severity, issues }.",
  output: review,
});
const summarizer = defineAgent({
  role: "summarizer",
  capabilities: ["summaries"],
  systemPrompt:
    "You merge the reviews in context.previousStepResults into one Markdown list, the worst first.",
  output: z.string(),
});

const code = 'rows.forEach((row) => db.query("SELECT * FROM users WHERE name = \'" + row.name + "\'"));';

const { model } = exampleModel(new URL("answers.json", import.meta.url));
const mesh = new Mesh({ model }).add(security).add(performance).add(summarizer);
await mesh.start();
const order: string[] = [];
mesh.subscribe((event) => {
  if (event.type !== "state") return;
  if (event.state === "queued") order.push(`${event.role} begins`);
  if (event.state === "done") order.push(`${event.role} is done`);
});
// An id of its own for each run: one that has ended would not run again, but give its recorded results.
const { steps, outputs } = await mesh.workflow(`review-${crypto.randomUUID()}`, [
  {
    id: "security",
    agent: "security-reviewer",
    task: "Review the code for security issues.",
    context: { code },
  },
  {
    id: "performance",
    agent: "performance-reviewer",
    task: "Review the code for performance issues.",
    context: { code },
  },
  { id: "summary", agent: "summarizer", task: "Merge the reviews.", dependsOn: ["security", "performance"] },
]);
await mesh.stop();

console.log(order.join(", "));
console.log(String(outputs["summary"]));

assert.deepEqual(
  steps.map(({ status }) => status),
  ["success", "success", "success"],
);
// The reviews do not wait for each other; the summary waits for both.
assert.equal(order.at(-2), "summarizer begins");
assert.match(String(outputs["summary"]), /injection/i);
