// Trivial runs one after the other without a pause, several at once: what a machine sustains, and the processor time
// that each run takes on all threads of this process, which tells more than the clock where others use the machine.
import os from "node:os";
import process from "node:process";
import { interleave, percentile } from "../samples.mjs";

export const throughput = {
  id: "throughput",
  title: "Runs per second, sustained on all cores",
  unit: "runs/s",
  better: "more",
  headline: "median",
  aims: [{ column: "median", above: 500 }],
  async measure({ contenders, counts }) {
    const used = new Map(contenders.map((contender) => [contender, []]));
    const taken = await interleave(contenders, {
      rounds: counts.windows,
      warmUp: 1,
      burst: () => 1,
      sample: async (contender) => {
        const { rate, cpuMs } = await sustain(contender, counts.windowMs);
        used.get(contender).push(cpuMs);
        return rate;
      },
    });
    return [...taken].map(([contender, rates]) => ({
      name: contender.name,
      apart: contender.apart,
      median: percentile(rates, 50),
      least: Math.min(...rates),
      cpuMs: contender.elsewhere ? null : percentile(used.get(contender), 50),
      windows: rates.length,
    }));
  },
};

async function sustain({ run, slow, atOnce }, windowMs) {
  const started = performance.now();
  const before = process.cpuUsage();
  let runs = 0;
  const loop = async () => {
    while (performance.now() - started < windowMs) {
      await run();
      runs += 1;
    }
  };
  const loops = atOnce ?? (slow ? os.availableParallelism() : 16);
  await Promise.all(Array.from({ length: loops }, loop));
  const { user, system } = process.cpuUsage(before);
  return { rate: (runs * 1000) / (performance.now() - started), cpuMs: (user + system) / 1000 / runs };
}
