// A task over HTTP beside the mesh called directly, 64 at once: what the service adds to its work.
import { ROLE } from "../durable/fettle.mjs";
import { latency, timed } from "../samples.mjs";

const AT_ONCE = 64;

export const httpTask = {
  id: "http-task",
  title: "Tasks over HTTP, 64 connections, each step synced to disk",
  unit: "ms",
  better: "less",
  headline: "p99",
  aims: [{ column: "lost", below: 1 }],
  async measure({ contenders: [{ run, load }], counts }) {
    const requests = counts.httpRequests;
    await load({ connections: AT_ONCE, requests: AT_ONCE, agent: ROLE });
    const [http, httpMs] = await clocked(() => load({ connections: AT_ONCE, requests, agent: ROLE }));
    const [direct, directMs] = await clocked(() => callDirectly(run, requests));
    const perSecond = (ms) => (requests / ms) * 1000;
    return [
      {
        name: "Fettle over HTTP",
        apart: "POST /v1/tasks, clients in another process",
        ...latency(http.samples),
        perSecond: perSecond(httpMs),
        lost: http.lost,
      },
      {
        name: "Fettle, called directly",
        apart: "mesh.execute, in the same process",
        ...latency(direct),
        perSecond: perSecond(directMs),
        lost: 0,
      },
    ];
  },
};

async function clocked(work) {
  const begun = performance.now();
  return [await work(), performance.now() - begun];
}

async function callDirectly(run, requests) {
  const samples = [];
  let left = requests;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      samples.push(await timed(() => run("plain")));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  return samples;
}
