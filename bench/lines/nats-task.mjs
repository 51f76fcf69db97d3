// A task over NATS beside the same on the embedded fabric: from the call to its result, one after the other, with a model
// that answers at once.
import { makeFolder } from "../durable/disk.mjs";
import { openFettle } from "../durable/fettle.mjs";
import { interleave, latency, timed } from "../samples.mjs";

export const natsTask = {
  id: "nats-task",
  title: "Task over NATS beside the embedded one",
  unit: "ms",
  better: "less",
  headline: "p50",
  aims: [],
  async measure({ contenders: [{ run, sandbox }], counts }) {
    const folder = await makeFolder();
    const embedded = await openFettle(folder.directory, { sandbox });
    const rows = [
      { name: "Fettle, over NATS", apart: "each step acknowledged by JetStream, one server", run },
      { name: "Fettle, embedded", apart: "each step synced to this machine's disk", run: embedded.run },
    ];
    const taken = await interleave(rows, {
      rounds: counts.durableRounds,
      warmUp: counts.warmUp,
      burst: () => counts.burst,
      sample: (row) => timed(() => row.run("plain")),
    });
    await embedded.close();
    await folder.remove();
    return [...taken].map(([{ name, apart }, samples]) => ({ name, apart, ...latency(samples) }));
  },
};
