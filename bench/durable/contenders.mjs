// The runtimes that keep the same work durable, side by side, each in a folder of its own and on one sandbox.
// Invariant: what cannot be had here is named with its reason and left out; nothing else fails because of it.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createSandbox } from "fettle/sandbox";
import { reasonOf } from "../contenders.mjs";
import { makeFolder } from "./disk.mjs";
import { openFettle } from "./fettle.mjs";
import { createInstantModel, requireDone, taskOf } from "./work.mjs";

const LANGGRAPH = "LangGraph.js, SQLite";

/** Each runtime: its name, what is durable when, and how it is opened in a folder. */
const CONTENDERS = [
  {
    name: "Fettle",
    apart: "LMDB and files; each commit and file synced",
    synced: true,
    open: (directory, sandbox) => openFettle(directory, { sandbox }),
  },
  {
    name: LANGGRAPH,
    apart: 'durability "sync", synchronous = FULL: each commit synced',
    synced: true,
    open: (directory, sandbox) => openLanggraph(directory, { sandbox, synchronous: "FULL" }),
  },
  {
    name: `${LANGGRAPH}, unsynced`,
    apart: 'durability "sync", synchronous = NORMAL, as it is opened: a power cut loses the last commits',
    synced: false,
    open: (directory, sandbox) => openLanggraph(directory, { sandbox, synchronous: "NORMAL" }),
  },
];

/** Opens all that are to be had; the others are given with the reason. `close` removes their folders too. */
export async function openContenders() {
  const sandbox = createSandbox();
  const contenders = [];
  const absent = [];
  for (const { open, ...described } of CONTENDERS) {
    const { directory, remove } = await makeFolder();
    try {
      const contender = await open(directory, sandbox);
      await contender.run("plain");
      const close = () => contender.close().then(remove);
      contenders.push({ ...described, ...contender, directory, sandbox, close });
    } catch (error) {
      await remove();
      absent.push({ name: described.name, absent: reasonOf(error) });
    }
  }
  const close = async () => {
    await Promise.all(contenders.map((contender) => contender.close()));
    await sandbox.close();
  };
  return { contenders, absent, close };
}

async function openLanggraph(directory, { sandbox, synchronous }) {
  const { open } = await import("../peers/langgraph.mjs");
  const model = createInstantModel();
  const graph = await open({ file: join(directory, "graph.db"), synchronous, model, sandbox });
  return {
    run: async (kind) => requireDone(kind, await graph.begin(randomUUID(), taskOf(kind))),
    settle: () => graph.settle(),
    close: () => graph.close(),
  };
}
