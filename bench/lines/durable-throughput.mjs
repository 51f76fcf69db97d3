// Durable tasks per second, 64 at once: commits that come together share a sync of the disk.
import { sustained } from "../sustained.mjs";

const AT_ONCE = 64;

export const durableThroughput = {
  id: "durable-throughput",
  title: "Durable tasks per second, 64 at once",
  unit: "tasks/s",
  better: "more",
  headline: "perSecond",
  aims: [{ column: "perSecond", above: 300 }],
  async measure(given) {
    const rows = await sustained(given, { run: ({ run }) => run("plain"), atOnce: () => AT_ONCE });
    return rows.map(({ contender: { name, apart }, ...figures }) => ({ name, apart, ...figures }));
  },
};
