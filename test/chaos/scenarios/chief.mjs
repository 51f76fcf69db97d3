// A custom agent that gives tasks to others, two of them alike, and puts together what they give back.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

const note = defineTool({
  description: "Notes a number.",
  input: z.object({ number: z.number(), by: z.string() }),
  execute: ({ number }) => number + 1,
});

export const chief = {
  title: "a custom agent that gives tasks to others",
  agents: [
    defineAgent({
      role: "clerk",
      capabilities: ["numbers"],
      systemPrompt: "You note numbers.",
      tools: { note },
      // Else a request would tell of the other plan's code, or not, as that one is ahead: by chance, and not by a fault.
      reuse: "off",
    }),
    defineAgent({
      role: "chief",
      capabilities: ["plans"],
      handle: async (message, actor) => {
        const give = (number) =>
          actor.execute("clerk", {
            task: `Note the number ${number}.`,
            context: { number, by: message.task },
          });
        const all = await Promise.all([give(1), give(2), give(2)]);
        const last = await give(3);
        return [...all, last].map(({ output }) => output);
      },
    }),
  ],
  tasks: [
    { role: "chief", task: { id: "plan-a", task: "Plan A" } },
    { role: "chief", task: { id: "plan-b", task: "Plan B" } },
  ],
  workflows: [],
  answer: () => "result = await tools.note({ number: context.number, by: context.by });",
};
