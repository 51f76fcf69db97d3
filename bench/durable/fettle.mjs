// Fettle as a contender for durable work: a mesh on the embedded fabric, everything synced to disk as in use.
import { join } from "node:path";
import { createEmbeddedFabric, defineAgent, Mesh } from "fettle";
import { createSandbox } from "fettle/sandbox";
import { silentLog } from "#src/core/log";
import { createInstantModel, lookup, requireDone, taskOf } from "./work.mjs";

export const ROLE = "worker";

/** Opens a mesh in a folder; `wrap` may put something around its fabric and its sandbox. */
export async function openFettle(directory, options = {}) {
  const { model = createInstantModel(), concurrency = 64, wrap = (parts) => parts, onEvent } = options;
  const { fabric, sandbox } = wrap({
    fabric: createEmbeddedFabric({ dataDirectory: directory }),
    sandbox: options.sandbox ?? createSandbox(),
  });
  const common = { capabilities: ["x"], systemPrompt: "Work.", concurrency, mailboxSize: 100_000 };
  const mesh = new Mesh({ model, sandbox, fabric, log: silentLog, concurrency })
    .add(defineAgent({ role: ROLE, ...common }))
    .add(defineAgent({ role: "caller", ...common, tools: { lookup } }));
  if (onEvent !== undefined) mesh.subscribe(onEvent);
  await mesh.start();
  return {
    mesh,
    fabric,
    stateFile: join(directory, "state.mdb"),
    run: async (kind) => {
      requireDone(kind, await mesh.execute(kind === "tools" ? "caller" : ROLE, taskOf(kind)));
    },
    close: async () => {
      await mesh.stop();
      await fabric.close();
      if (options.sandbox === undefined) await sandbox.close();
    },
  };
}
