// Durable tasks per second, 64 at once: commits that come together share a sync of the disk.
import process from "node:process";
import { interleave, percentile } from "../samples.mjs";

const AT_ONCE = 64;

export const durableThroughput = {
  id: "durable-throughput",
  title: "Durable tasks per second, 64 at once",
  unit: "tasks/s",
  better: "more",
  headline: "perSecond",
  aims: [{ column: "perSecond", above: 300 }],
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
      perSecond: percentile(rates, 50),
      least: Math.min(...rates),
      cpuMs: percentile(used.get(contender), 50),
      windows: rates.length,
    }));
  },
};

async function sustain({ run }, windowMs) {
  const started = performance.now();
  const before = process.cpuUsage();
  let tasks = 0;
  const loop = async () => {
    while (performance.now() - started < windowMs) {
      await run("plain");
      tasks += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  const { user, system } = process.cpuUsage(before);
  return { rate: (tasks * 1000) / (performance.now() - started), cpuMs: (user + system) / 1000 / tasks };
}
