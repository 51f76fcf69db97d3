// The work of the fleet: workflows of four steps, two of them side by side, one with a repair; and how the model and the
// tools answer.
// Invariant: an answer depends on what is asked alone, and names the workflow wherever it depends on it: so the outcome of
// one workflow, with another's name in it, is the outcome of that one.

const STEPS = { a: [], b: ["a"], c: ["a"], d: ["b", "c"] };

/** How many steps, and so tasks, a workflow has. */
export const STEP_COUNT = Object.keys(STEPS).length;
/** The roles that a node has agents for. */
export const AGENTS = ["worker", "clerk"];

/** The steps of a workflow. */
export function stepsOf(workflow) {
  return Object.entries(STEPS).map(([id, dependsOn], index) => ({
    id,
    agent: AGENTS[index % AGENTS.length],
    task: `Do ${workflow} ${id}.`,
    dependsOn,
  }));
}

/** The id of a step's task. */
export function taskIdsOf(workflow) {
  return Object.keys(STEPS).map((step) => `${workflow}-${step}`);
}

/**
 * What a call is answered with.
 *
 * @param call as the witness records it
 */
export function answerOf({ kind, text, repair }) {
  if (kind === "tool") return JSON.stringify(`did ${JSON.parse(text).step}`);
  const [, workflow, step] = /Do (\S+) (\w)\./.exec(text) ?? [];
  const name = `${workflow}-${step}-${repair}`;
  const isBad = step === "c" && repair === 0;
  return `\`\`\`js
const first = await tools.act({ step: "${name}-1" });
${isBad ? 'throw new Error("not yet, after " + first);' : ""}
const second = await tools.act({ step: "${name}-2" });
result = { first, second, before: context.previousStepResults ?? null };
\`\`\``;
}

/** What a call is, whoever makes it: the same text for the same call. */
export function keyOf({ kind, text, repair, callId }) {
  const [, workflow, step] = /Do (\S+) (\w)\./.exec(text) ?? [];
  return kind === "tool" ? `tool ${callId}` : `model ${workflow}-${step} ${repair}`;
}
