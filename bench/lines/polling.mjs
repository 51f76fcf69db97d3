// What it costs that the engine's loops ask whether time is up: programs on the engine as its package delivers it,
// and on the engine as Fettle builds it, in turns on this thread.
import { interleave, percentile } from "../samples.mjs";
import { openPlainEngine, openPolledEngine, PROGRAMS } from "../engines.mjs";

export const polling = {
  id: "polling",
  title: "Polling in every loop against the plain engine",
  unit: "× the plain engine's time",
  better: "less",
  headline: "ratio",
  aims: [],
  async measure({ counts }) {
    const engines = { plain: await openPlainEngine(), polled: await openPolledEngine() };
    const rows = [];
    for (const [name, code] of Object.entries(PROGRAMS)) {
      const taken = await interleave(Object.values(engines), {
        rounds: counts.programRounds,
        warmUp: 1,
        burst: () => 1,
        sample: (engine) => engine.time(code),
      });
      const [plainMs, polledMs] = [...taken.values()].map((samples) => percentile(samples, 50));
      rows.push({ name, ratio: polledMs / plainMs, plainMs, polledMs, samples: counts.programRounds });
    }
    return rows;
  },
};
