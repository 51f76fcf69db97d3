// Trivial runs one after the other without a pause, several at once: what a machine sustains.
import os from "node:os";
import { interleave, percentile } from "../samples.mjs";

export const throughput = {
  id: "throughput",
  title: "Runs per second, sustained on all cores",
  unit: "runs/s",
  better: "more",
  headline: "median",
  aims: [{ column: "median", above: 500 }],
  async measure({ contenders, counts }) {
    const taken = await interleave(contenders, {
      rounds: counts.windows,
      warmUp: 1,
      burst: () => 1,
      sample: (contender) => runsPerSecond(contender, counts.windowMs),
    });
    return [...taken].map(([{ name, apart }, rates]) => ({
      name,
      apart,
      median: percentile(rates, 50),
      least: Math.min(...rates),
      windows: rates.length,
    }));
  },
};

async function runsPerSecond({ run, slow, atOnce }, windowMs) {
  const started = performance.now();
  let runs = 0;
  const loop = async () => {
    while (performance.now() - started < windowMs) {
      await run();
      runs += 1;
    }
  };
  const loops = atOnce ?? (slow ? os.availableParallelism() : 16);
  await Promise.all(Array.from({ length: loops }, loop));
  return (runs * 1000) / (performance.now() - started);
}
