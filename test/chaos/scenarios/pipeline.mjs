// The example of a financial pipeline as it is: a researcher fetches, a coder computes, a communicator writes, and is
// sent back once. Its prose carries its request in a comment, as code does.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadModule } from "#src/app/module-loader";

const EXAMPLE = new URL("../../../examples/financial-pipeline/", import.meta.url);
const FENCE = /^```\w*\n([^]*)\n```$/;

const { workflow } = await loadModule(fileURLToPath(new URL("pipeline.ts", EXAMPLE)));
const { entries } = JSON.parse(readFileSync(new URL("answers.json", EXAMPLE), "utf8"));

export const pipeline = {
  title: "the financial pipeline",
  agents: workflow.agents,
  tasks: [],
  workflows: [workflow],
  answer: ({ task, repair }) => {
    const purpose = repair === 0 ? "generate" : "repair";
    const found = entries.find(
      ({ match }) => task.includes(match.task) && (match.purpose ?? purpose) === purpose,
    );
    const text = found.answers[0].join("\n");
    const code = FENCE.exec(text)?.[1];
    return code ?? { prose: text };
  },
};
