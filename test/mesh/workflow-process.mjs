// A process of its own for the tests of workflows: a mesh on a data folder that asks for the workflow "w", cancels it,
// or only serves. It says each task that it begins, each retry, and the result; keys of the bucket "gates" open what waits.
import { createEmbeddedFabric, defineAgent, loadConfig, Mesh } from "fettle";

const [folder, what] = process.argv.slice(2);
const fabric = createEmbeddedFabric({ dataDirectory: folder });
const say = (line) => console.log(JSON.stringify(line));

/** Resolves when a gate is open. */
async function gate(name) {
  let stop;
  await new Promise((resolve) => {
    stop = fabric.keyValue.watch("gates", ({ key }) => key === name && resolve());
  });
  (await stop)();
}

const worker = defineAgent({
  role: "worker",
  capabilities: ["work"],
  handle: async ({ id, task }, { signal }) => {
    say({ begins: id });
    const aborted = new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted"))),
    );
    aborted.catch(() => undefined);
    if (task === "wait") await Promise.race([gate("open"), aborted]);
    if (task === "shaky" && !id.endsWith("-r2")) throw new Error("asked to fail");
    return `${task} done`;
  },
});
const step = (id, task, ...dependsOn) => ({ id, agent: "worker", task, dependsOn });
const steps = {
  waiting: [step("first", "do"), step("held", "wait", "first"), step("last", "do", "held")],
  shaky: [{ ...step("shaky", "shaky"), retries: { max: 1, backoffMs: 3000 } }, step("last", "do", "shaky")],
};

const config = loadConfig({ env: { LOG_LEVEL: "silent" }, envFile: null });
const mesh = await new Mesh({ fabric, config }).add(worker).start();
mesh.subscribe((event) => {
  if (event.type === "step-retry") say({ retries: event.step });
  if (event.type === "workflow-finished" && what === "serve") say({ ended: event.status });
});
const controller = new globalThis.AbortController();
void gate("abort").then(() => controller.abort());
say({ ready: process.pid });
const results = {
  ask: () => mesh.workflow("w", steps.waiting, { signal: controller.signal }),
  shaky: () => mesh.workflow("w", steps.shaky),
  together: async () => {
    await gate("go");
    return mesh.workflow("w", [step("first", "do"), step("last", "do", "first")]);
  },
  other: () => mesh.workflow("w", [step("first", "else")]),
  cancel: () => mesh.cancelWorkflow("w", "enough"),
  serve: async () => {
    await gate("end");
    return { status: "served", outputs: {}, failures: [] };
  },
};
try {
  const { status, outputs, failures } = await results[what]();
  say({ result: { status, outputs, failures } });
} catch (thrown) {
  say({ thrown: thrown.message });
}
await mesh.stop();
await fabric.close();
process.exit(0);
