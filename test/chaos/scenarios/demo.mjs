// The three tasks of `fettle demo`: one that works at once, one with a repair, one with a tool and context.
import { calculator, tasks } from "#src/app/demo/agents";
import { answers } from "#src/app/demo/answers";

const FENCE = /^```\w*\n([^]*)\n```$/;

export const demo = {
  title: "the three tasks of the demo",
  agents: [calculator],
  tasks: tasks.map(({ task }, index) => ({ role: "calculator", task: { id: `demo-${index + 1}`, ...task } })),
  workflows: [],
  answer: ({ task, repair }) => {
    const purpose = repair === 0 ? "generate" : "repair";
    const found = answers.find(
      ({ match }) => task.includes(match.task) && (match.purpose ?? purpose) === purpose,
    );
    return FENCE.exec(found.answers[0].text)[1];
  },
};
