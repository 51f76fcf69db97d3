// The durable work that is measured: one loop of generate, execute and repair, with a model that answers at once.
// Invariant: every runtime gets the same model, the same code and the same sandbox; only what keeps the task differs.
import { defineTool } from "fettle";
import { z } from "zod";

/** Times that a task with tools calls one. */
const TOOL_CALLS = 3;

/** Kinds of tasks: what the model answers first, and how often it must mend that. */
export const KINDS = {
  plain: { code: "result = 1", repairs: 0 },
  repair: { code: "result = missing()", repairs: 1 },
  tools: {
    code: `for (let row = 0; row < ${TOOL_CALLS}; row += 1) await tools.lookup({ row }); result = 1`,
    repairs: 0,
  },
};

/** The tool of the kind `tools`. */
export const lookup = defineTool({
  description: "Looks a row up.",
  input: z.object({ row: z.number() }),
  execute: ({ row }) => ({ row, name: `row ${row}`, price: 1.5 }),
});

/** A model that answers at once, or never; it counts how often it was asked. */
export function createInstantModel({ answers = true } = {}) {
  const model = {
    name: "bench/instant",
    asked: 0,
    ask({ purpose, messages }) {
      model.asked += 1;
      if (!answers) return new Promise(() => undefined);
      const kind = Object.keys(KINDS).find((one) => messages[0].content.includes(taskOf(one))) ?? "plain";
      const code = purpose === "repair" ? KINDS.plain.code : KINDS[kind].code;
      return Promise.resolve({
        text: `\`\`\`js\n${code}\n\`\`\``,
        provider: "bench",
        model: "instant",
        tokens: { input: 100, output: 10, cacheRead: 0, cacheWrite: 0 },
        costUsd: 0,
        finish: "stop",
        replayed: false,
      });
    },
  };
  return model;
}

/** What a task of a kind says. */
export function taskOf(kind) {
  return `Do the ${kind} work.`;
}

/** @throws Error unless a task of the kind came to what it must. */
export function requireDone(kind, { output, repairs, error }) {
  if (output === 1 && repairs === KINDS[kind].repairs) return;
  throw new Error(`A task of the kind ${kind} gave ${output} after ${repairs} repairs: ${error?.message}`);
}
