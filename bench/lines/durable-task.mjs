// One durable task after the other, from the call to its result, with a model that answers at once: what the runtime
// itself takes to have each step on disk before the next begins.
import { commitsOf, countSyncs } from "../durable/disk.mjs";
import { KINDS } from "../durable/work.mjs";
import { interleave, latency, timed } from "../samples.mjs";

export const durableTask = lineOf("plain", {
  id: "durable-task",
  title: "Durable task whose first code works",
  aims: [{ column: "p50", below: 5 }],
});

export const durableRepair = lineOf("repair", {
  id: "durable-repair",
  title: "Durable task whose code is mended once",
  aims: [],
});

function lineOf(kind, { id, title, aims }) {
  return { id, title, unit: "ms", better: "less", headline: "p50", aims, measure };

  async function measure({ contenders, counts }) {
    const floor = {
      name: "(its runs in the sandbox alone)",
      apart: "the part that is no runtime's",
      run: (one) => runAlone(contenders[0].sandbox, one),
    };
    const disk = await countDisk(contenders[0], kind);
    const taken = await interleave([...contenders, floor], {
      rounds: counts.durableRounds,
      warmUp: counts.warmUp,
      burst: () => counts.burst,
      sample: ({ run }) => timed(() => run(kind)),
    });
    return [...taken].map(([{ name, apart }, samples], index) => ({
      name,
      apart,
      ...latency(samples),
      ...(index === 0 ? disk : { commits: null, syncs: null }),
    }));
  }
}

/** Commits of the state file and syncs of other files for a task; of several, so that none is counted in half. */
async function countDisk({ run, stateFile }, kind) {
  const tasks = 10;
  const before = await commitsOf(stateFile);
  const syncs = await countSyncs();
  for (let task = 0; task < tasks; task += 1) await run(kind);
  syncs.stop();
  return { commits: ((await commitsOf(stateFile)) - before) / tasks, syncs: syncs.count / tasks };
}

async function runAlone(sandbox, kind) {
  if (kind === "repair") await sandbox.execute(KINDS.repair.code);
  await sandbox.execute(KINDS.plain.code);
}
