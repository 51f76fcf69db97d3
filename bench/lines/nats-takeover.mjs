// Takeover: a node is killed by SIGKILL while its model is asked, and another ends its tasks. From the kill until each task's
// result is with its caller on a third node.
import { defineAgent } from "fettle";
import { ROLE } from "../durable/fettle.mjs";
import { createInstantModel, taskOf } from "../durable/work.mjs";
import { openNode } from "../network/contenders.mjs";
import { startNode } from "../network/process.mjs";
import { percentile } from "../samples.mjs";

export const natsTakeover = {
  id: "nats-takeover",
  title: "Takeover of tasks whose node was killed",
  unit: "s from the kill to the result",
  better: "less",
  headline: "p50S",
  aims: [{ column: "p99S", below: 15 }],
  async measure({ contenders: [{ url, sandbox }], counts }) {
    const samples = [];
    for (let round = 0; round < counts.kills; round += 1) {
      samples.push(
        ...(await takeOver({ url, sandbox, mesh: `takeover-${round}`, tasks: counts.killedTasks })),
      );
    }
    return [
      {
        name: "Fettle",
        p50S: percentile(samples, 50) / 1000,
        p99S: percentile(samples, 99) / 1000,
        leastS: Math.min(...samples) / 1000,
        tasks: samples.length,
      },
    ];
  },
};

async function takeOver({ url, sandbox, mesh, tasks }) {
  const doomed = await startNode({ url, mesh, thinking: "never", atOnce: tasks });
  const caller = await openNode(url, { mesh, agents: [] });
  const results = Array.from({ length: tasks }, () => caller.node.execute(ROLE, taskOf("plain")));
  await doomed.says(`asked ${tasks}`);
  const agent = defineAgent({ role: ROLE, capabilities: ["x"], systemPrompt: "Work.", concurrency: 64 });
  const heir = await openNode(url, { mesh, agents: [agent], model: createInstantModel(), sandbox });
  const killed = performance.now();
  await doomed.kill();
  const taken = await Promise.all(
    results.map(async (result) => {
      const { status, error } = await result;
      if (status !== "success")
        throw new Error(`A task that was taken over ended in ${status}: ${error?.message}`);
      return performance.now() - killed;
    }),
  );
  for (const one of [caller, heir]) await one.close();
  return taken;
}
