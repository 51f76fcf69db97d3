// What a durable task leaves on the disk: the bytes of its journal and of all files, for tasks of three kinds.
import { Buffer } from "node:buffer";
import { bytesOf, inFolder, sizeOf } from "../durable/disk.mjs";
import { openContenders } from "../durable/contenders.mjs";
import { openFettle } from "../durable/fettle.mjs";
import { KINDS } from "../durable/work.mjs";

export const durableBytes = {
  id: "durable-bytes",
  title: "Bytes on disk for a durable task",
  unit: "KB a task",
  better: "less",
  headline: "kbEach",
  aims: [],
  async measure({ counts }) {
    const rows = [];
    for (const kind of Object.keys(KINDS)) {
      rows.push(await inFolder((directory) => measureFettle(directory, kind, counts.byteTasks)));
    }
    return [...rows, ...(await measureOthers(counts.byteTasks))];
  },
};

async function measureFettle(directory, kind, tasks) {
  const fettle = await openFettle(directory);
  await fettle.run(kind);
  const stateBefore = await bytesOf(fettle.stateFile);
  const before = await sizeOf(directory);
  await Promise.all(Array.from({ length: tasks }, () => fettle.run(kind)));
  const { ledger } = fettle.fabric;
  const journals = await Promise.all((await ledger.names("default.task.")).map((name) => ledger.read(name)));
  const entries = journals.flat();
  const payload = entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.payload), 0);
  const kb = (bytes) => bytes / 1000 / tasks;
  const row = {
    name: `Fettle, ${kind}`,
    kbEach: kb((await sizeOf(directory)) - before),
    journalKb: payload / 1000 / journals.length,
    appends: entries.length / journals.length,
    stateKb: kb((await bytesOf(fettle.stateFile)) - stateBefore),
    tasks,
  };
  await fettle.close();
  return row;
}

/** Contenders of their own, so that their files hold these tasks alone. */
async function measureOthers(tasks) {
  const rows = [];
  const { contenders, close } = await openContenders();
  for (const { name, synced, run, settle, directory } of contenders.slice(1)) {
    if (!synced) continue;
    for (const kind of ["plain", "repair"]) {
      settle();
      const before = await sizeOf(directory);
      await Promise.all(Array.from({ length: tasks }, () => run(kind)));
      settle();
      const kbEach = ((await sizeOf(directory)) - before) / 1000 / tasks;
      rows.push({ name: `${name}, ${kind}`, kbEach, journalKb: null, appends: null, stateKb: null, tasks });
    }
  }
  await close();
  return rows;
}
