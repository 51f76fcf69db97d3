// The agents of test nodes, by name. What they do is told to the witness first.
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";

/**
 * Makes the agents that were asked for.
 *
 * @param names `worker` writes code and has a tool; `guarded` asks a person before its code runs; `desk` answers messages
 * @param parts `tell` tells the witness of a call and gives its answer
 */
export function agentsOf(names, { tell, node, concurrency }) {
  const bounds = concurrency === undefined ? {} : { concurrency };
  const act = defineTool({
    description: "Acts.",
    input: z.object({ step: z.string() }),
    execute: async (input, { callId }) =>
      JSON.parse(await tell({ kind: "tool", text: JSON.stringify(input), callId })),
  });
  const prompt = (role, more = {}) =>
    defineAgent({
      role,
      capabilities: [`${role}s`],
      systemPrompt: `You are the ${role}.`,
      tools: { act },
      reuse: "off",
      ...bounds,
      ...more,
    });
  const made = {
    worker: () => prompt("worker"),
    clerk: () => prompt("clerk"),
    guarded: () => prompt("guarded", { approval: "code" }),
    desk: () =>
      defineAgent({
        role: "desk",
        capabilities: ["messages"],
        handle: async ({ body }, actor) => {
          if (body?.fail !== undefined) throw new Error(body.fail);
          if (body?.never === true) {
            await tell({ kind: "tool", text: "never" });
            await new Promise((resolve) => actor.signal.addEventListener("abort", resolve, { once: true }));
          }
          return { from: node, self: actor.self, body };
        },
      }),
  };
  return names.map((name) => made[name]());
}
