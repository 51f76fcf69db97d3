// Trivial runs one after the other without a pause, several at once: what a machine sustains.
import os from "node:os";
import { sustained } from "../sustained.mjs";

export const throughput = {
  id: "throughput",
  title: "Runs per second, sustained on all cores",
  unit: "runs/s",
  better: "more",
  headline: "median",
  aims: [{ column: "median", above: 500 }],
  async measure(given) {
    const rows = await sustained(given, {
      run: ({ run }) => run(),
      atOnce: ({ slow, atOnce }) => atOnce ?? (slow ? os.availableParallelism() : 16),
    });
    return rows.map(({ contender, perSecond, least, cpuMs, windows }) => ({
      name: contender.name,
      apart: contender.apart,
      median: perSecond,
      least,
      cpuMs: contender.elsewhere ? null : cpuMs,
      windows,
    }));
  },
};
