// Requests that all wait for their results at once, beside as many tasks of the mesh called directly: whether each gets its
// own, and how soon once there are results.
import { HELD } from "../http/contenders.mjs";
import { latency } from "../samples.mjs";

export const httpHeld = {
  id: "http-held",
  title: "Requests held over HTTP until all are answered at once",
  unit: "ms",
  better: "less",
  headline: "p99",
  aims: [{ column: "lost", below: 1 }],
  async measure({ contenders: [{ mesh, holding, load }], counts }) {
    const held = counts.httpHeld;
    const row = (name, apart, measured) => ({ name, apart, held, ...measured });
    return [
      row(
        "Fettle over HTTP",
        "a connection each, clients in another process",
        await hold(holding, held, () => load({ connections: held, requests: held, agent: HELD })),
      ),
      row(
        "Fettle, called directly",
        "mesh.execute, in the same process",
        await hold(holding, held, () => callDirectly(mesh, held)),
      ),
    ];
  },
};

/** Begins the work, lets all tasks go once all of them run, and says when each was answered from then on. */
async function hold(holding, held, begin) {
  const begun = performance.now();
  const working = begin();
  while (holding.size < held) await new Promise((resolve) => setTimeout(resolve, 5));
  const startMs = performance.now() - begun;
  const released = performance.timeOrigin + performance.now();
  for (const release of holding) release(1);
  holding.clear();
  const { ends, lost } = await working;
  const samples = ends.map((end) => end - released);
  return { lost, startMs, answerMs: Math.max(...samples), ...latency(samples) };
}

async function callDirectly(mesh, requests) {
  const ends = [];
  let lost = 0;
  const call = async () => {
    const { status } = await mesh.execute(HELD, "Do the plain work.");
    if (status !== "success") lost += 1;
    ends.push(performance.timeOrigin + performance.now());
  };
  await Promise.all(Array.from({ length: requests }, call));
  return { ends, lost };
}
