// A workflow that is done once: the second run takes every step from the record, asks no model and pays nothing.
// Kill it wherever you like and run it again: it goes on where it was. Another id would be another report:
// npx fettle workflow examples/financial-pipeline/pipeline.ts --id financial-report-2
import assert from "node:assert/strict";
import { Mesh, type WorkflowResult } from "fettle";
import { exampleModel } from "../model.ts";
import { workflow, type Figures } from "./pipeline.ts";

const { id = "", steps, agents, context } = workflow;
const REPORT = `reports/${id}.md`;

const { model, live } = exampleModel(new URL("answers.json", import.meta.url));
let asked = 0;
const counting: typeof model = {
  ...model,
  ask: (request, options) => {
    asked += 1;
    return model.ask(request, options);
  },
};

/** One life of the program: a mesh on the same data folder each time, the workflow by its id, the report in blobs. */
async function run(): Promise<{ result: WorkflowResult; report: string }> {
  const mesh = new Mesh({ model: counting });
  for (const agent of agents) mesh.add(agent);
  await mesh.start();
  const result = await mesh.workflow(id, steps, {
    context,
    onEvent: (event) => {
      if (event.type === "tool" && event.phase === "called") console.log(`  ${event.role}: ${event.tool}()`);
      if (event.type === "error")
        console.log(`  ${event.role}: sent back: ${event.error.message.split("\n")[0] ?? ""}`);
      if (event.type !== "step-finished") return;
      const how = event.recorded ? "from the record" : `done now, in ${event.executionTime.toFixed(2)} s`;
      console.log(`- ${event.step}: ${event.status}, ${how}`);
    },
  });
  assert.equal(result.status, "success", result.failures[0]?.error.message);
  // The same report to the same place, however often: a kill before this line loses nothing.
  await mesh.blobs.write(REPORT, String(result.outputs["report"]));
  const report = new TextDecoder().decode((await mesh.blobs.read(REPORT)) ?? undefined);
  await mesh.stop();
  return { result, report };
}

console.log(`\nRun 1 of the workflow "${id}":`);
const first = await run();
const askedFirst = asked;
console.log(`\n${first.report}\n`);

console.log(`Run 2, with the same id:`);
const second = await run();
console.log(`${asked - askedFirst} model calls, and the same report.`);

console.log(`\nThe report is the blob ${REPORT}, by default the file logs/artifacts/${REPORT}.`);
console.log("What happened is in each task's journal:");
for (const { tasks } of second.result.steps) {
  for (const { taskId } of tasks) console.log(`  npx fettle show ${taskId}`);
}

const { companies } = first.result.outputs["analyse"] as Figures;
assert.equal(companies.length, 3);
assert.equal(asked - askedFirst, 0);
assert.equal(second.result.recorded, true);
assert.equal(second.report, first.report);
// Each figure of the report is one that the code computed ("lost 17.89 percent"); a live model may round them.
const computed = companies.flatMap((company) => Object.values(company));
for (const [figure] of first.report.matchAll(/\d+\.\d+/g)) {
  const size = Number(figure);
  assert(
    live || computed.includes(size) || computed.includes(-size),
    `the report says ${figure}, which nothing computed`,
  );
}
