// More nodes, more tasks: one to four nodes, a process each, whose model thinks for a fixed time; tasks a second of a caller
// that has more of them than all nodes may run.
import { ROLE } from "../durable/fettle.mjs";
import { taskOf } from "../durable/work.mjs";
import { openNode } from "../network/contenders.mjs";
import { startNode } from "../network/process.mjs";

const THINKING_MS = 1000;
const AT_ONCE = 8;
const NODES = [1, 2, 4];

export const natsNodes = {
  id: "nats-nodes",
  title: "Tasks per second of more nodes, a model call of 1 s each",
  unit: "tasks/s",
  better: "more",
  headline: "perSecond",
  aims: [],
  async measure({ contenders: [{ url }], counts }) {
    const rows = [];
    for (const nodes of NODES) {
      const perSecond = await throughput({ url, nodes, mesh: `nodes-${nodes}`, waves: counts.waves });
      const most = (nodes * AT_ONCE * 1000) / THINKING_MS;
      rows.push({
        name: nodes === 1 ? "1 node" : `${nodes} nodes`,
        perSecond,
        ofMost: perSecond / most,
        tasks: nodes * AT_ONCE * counts.waves,
        apart: `at most ${most}/s by the model's time`,
      });
    }
    return rows;
  },
};

async function throughput({ url, nodes, mesh, waves }) {
  const started = [];
  for (let node = 0; node < nodes; node += 1) {
    started.push(await startNode({ url, mesh, thinking: THINKING_MS, atOnce: AT_ONCE }));
  }
  const caller = await openNode(url, { mesh, agents: [] });
  const run = async () => {
    const { status, error } = await caller.node.execute(ROLE, taskOf("plain"));
    if (status !== "success") throw new Error(`A task ended in ${status}: ${error?.message}`);
  };
  await Promise.all(Array.from({ length: nodes * AT_ONCE }, run));
  const tasks = nodes * AT_ONCE * waves;
  const from = performance.now();
  await Promise.all(Array.from({ length: tasks }, run));
  const perSecond = (tasks * 1000) / (performance.now() - from);
  await caller.close();
  await Promise.all(started.map((node) => node.stop()));
  return perSecond;
}
