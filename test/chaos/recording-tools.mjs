// Tools that tell of each call before they act.
// Invariant: what they tell is on record with the witness before anything is done: no call goes unseen.
import { isTool } from "#src/core/tool";

/** The agent with its tools telling of their calls; a custom agent as it is. */
export function watchTools(agent, report) {
  if (agent.kind !== "prompt") return agent;
  return Object.freeze({ ...agent, tools: watchSet(agent.tools, report, "") });
}

function watchSet(tools, report, group) {
  return Object.fromEntries(
    Object.entries(tools).map(([name, entry]) => [
      name,
      isTool(entry) ? watch(entry, report, group + name) : watchSet(entry, report, `${name}.`),
    ]),
  );
}

function watch(tool, report, name) {
  const execute = async (input, info) => {
    await report({ tool: name, input, callId: info.callId, taskId: info.taskId });
    return tool.execute(input, info);
  };
  return Object.freeze({ ...tool, execute });
}
