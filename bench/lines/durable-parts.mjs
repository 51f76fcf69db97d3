// Where a durable task's time goes: each part by how long it is waited for; parts that overlap are said once in the
// row of all of them, and what is left beside it is Fettle's own work on the processor.
import { inFolder } from "../durable/disk.mjs";
import { openFettle } from "../durable/fettle.mjs";
import { Stopwatch } from "../durable/stopwatch.mjs";
import { timed } from "../samples.mjs";

export const durableParts = {
  id: "durable-parts",
  title: "Where a durable task's time goes",
  unit: "ms a task",
  better: "less",
  headline: "mean",
  aims: [],
  measure: ({ counts }) => inFolder((directory) => measure(directory, counts)),
};

async function measure(directory, counts) {
  const watch = new Stopwatch();
  const fettle = await openFettle(directory, { wrap: (parts) => watch.wrap(parts) });
  const tasks = counts.durableRounds * counts.burst;
  for (let task = 0; task < tasks / 4; task += 1) await fettle.run("plain");
  watch.reset();
  let total = 0;
  for (let task = 0; task < tasks; task += 1) total += await timed(() => fettle.run("plain"));
  const parts = [...watch.parts].map(([name, { calls, ms }]) => ({ name, ms, calls }));
  const waited = watch.any;
  await fettle.close();
  const row = (name, ms, calls) => ({ name, mean: ms / tasks, calls: calls === null ? null : calls / tasks });
  return [
    row("Fettle, whole task", total, 1),
    row("(waiting for any of these)", waited, null),
    ...parts.sort((a, b) => b.ms - a.ms).map(({ name, ms, calls }) => row(`(${name})`, ms, calls)),
    row("(its own work between them)", total - waited, null),
  ];
}
