// What contenders sustain, several runs at once without a pause, in windows that take turns; and the processor time that
// each run takes on all threads of this process, which tells more than the clock where others use the machine.
import process from "node:process";
import { interleave, percentile } from "./samples.mjs";

/** A row for each contender: the median rate a second, the least, the processor time a run. */
export async function sustained({ contenders, counts }, { run, atOnce }) {
  const used = new Map(contenders.map((contender) => [contender, []]));
  const taken = await interleave(contenders, {
    rounds: counts.windows,
    warmUp: 1,
    burst: () => 1,
    sample: async (contender) => {
      const { rate, cpuMs } = await sustain(() => run(contender), atOnce(contender), counts.windowMs);
      used.get(contender).push(cpuMs);
      return rate;
    },
  });
  return [...taken].map(([contender, rates]) => ({
    contender,
    perSecond: percentile(rates, 50),
    least: Math.min(...rates),
    cpuMs: percentile(used.get(contender), 50),
    windows: rates.length,
  }));
}

async function sustain(run, atOnce, windowMs) {
  const started = performance.now();
  const before = process.cpuUsage();
  let runs = 0;
  const loop = async () => {
    while (performance.now() - started < windowMs) {
      await run();
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  const { user, system } = process.cpuUsage(before);
  return { rate: (runs * 1000) / (performance.now() - started), cpuMs: (user + system) / 1000 / runs };
}
