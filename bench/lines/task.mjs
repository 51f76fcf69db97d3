// A whole task with a model that answers at once: agent, charts, prompt, sandbox, registry and stored result.
// In memory, what is left is Fettle's own time; embedded, everything is synced to disk as in use.
import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineAgent, Mesh } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { createScriptedModel, TestMesh } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { interleave, latency, timed } from "../samples.mjs";

const ANSWER = "```js\nresult = 1 + 1;\n```";
const agent = defineAgent({ role: "adder", capabilities: ["math"], systemPrompt: "Add what you are given." });

export const task = {
  id: "task",
  title: "Whole task with a model that answers at once",
  unit: "ms",
  better: "less",
  headline: "p50",
  aims: [{ column: "p50", below: 3 }],
  async measure({ counts }) {
    const directory = await mkdtemp(join(tmpdir(), "fettle-bench-"));
    const sandbox = createSandbox();
    const memory = new TestMesh({ model: () => ANSWER, sandbox }).add(agent);
    const embedded = new Mesh({
      model: createScriptedModel(() => ANSWER),
      sandbox,
      log: silentLog,
      logDirectory: join(directory, "logs"),
      dataDirectory: join(directory, "data"),
    }).add(agent);
    await Promise.all([memory.start(), embedded.start()]);
    const ways = [
      { name: "Fettle, in memory", apart: "results in memory", run: () => execute(memory) },
      { name: "Fettle, embedded", apart: "results and code synced to disk", run: () => execute(embedded) },
      {
        name: "(its run in the sandbox alone)",
        apart: "the part that is not Fettle's mesh",
        run: () => sandbox.execute("result = 1 + 1;"),
      },
      {
        name: "(one file written, synced and renamed)",
        apart: "what this disk asks for one",
        run: () => writeSynced(directory),
      },
    ];
    try {
      const taken = await interleave(ways, {
        rounds: counts.taskRounds,
        warmUp: counts.warmUp,
        burst: () => counts.burst,
        sample: ({ run }) => timed(run),
      });
      return [...taken].map(([{ name, apart }, samples]) => ({ name, apart, ...latency(samples) }));
    } finally {
      await Promise.all([memory.stop(), embedded.stop()]);
      await sandbox.close();
      await rm(directory, { recursive: true });
    }
  },
};

async function execute(mesh) {
  const { status, output, error } = await mesh.execute("adder", "Add one and one");
  if (status !== "success" || output !== 2) throw new Error(`The task failed: ${error?.message}`);
}

async function writeSynced(directory) {
  const file = join(directory, "floor.json");
  const handle = await open(`${file}.new`, "w");
  await handle.writeFile("x".repeat(1000));
  await handle.sync();
  await handle.close();
  await rename(`${file}.new`, file);
}
