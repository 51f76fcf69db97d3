// A trivial program in a fresh environment, from the call to its value, as the host sees it.
import { openEcho } from "../contenders.mjs";
import { interleave, latency, timed } from "../samples.mjs";

export const warmRun = {
  id: "warm-run",
  title: "Warm run of `1 + 1` in a fresh environment",
  unit: "ms",
  better: "less",
  headline: "p50",
  aims: [
    { column: "p50", below: 0.5 },
    { column: "p99", below: 10 },
  ],
  async measure({ contenders, counts }) {
    const echo = await openEcho();
    const taken = await interleave([...contenders, echo], {
      rounds: counts.rounds,
      warmUp: counts.warmUp,
      burst: ({ slow }) => (slow ? 1 : counts.burst),
      sample: ({ run }) => timed(run),
    });
    await echo.close();
    return [...taken].map(([{ name, apart }, samples]) => ({ name, apart, ...latency(samples) }));
  },
};
