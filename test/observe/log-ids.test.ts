// The ids by which lines of the log about one task are found, in whatever part of the program they were written.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createMemoryFabric } from "fettle/testing";
import { defineAgent, loadConfig, Mesh, StorageError, type Fabric } from "fettle";
import { secretsOf } from "#src/app/config";
import { logTasks } from "#src/app/task-log";
import { createLogger } from "#src/observe/logger";

const KEY = "collector-secret-4711";
const TRACE = "0af7651916cd43dd8448eb211c80319c";

it("lines about a task name its node, its workflow and its trace, and no key that is configured", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fettle-log-"));
  const lines: Record<string, unknown>[] = [];
  const env = { OTEL_EXPORTER_OTLP_HEADERS: `api-key=${KEY}` };
  const config = loadConfig({ env, envFile: null, cwd: folder });
  const log = createLogger({
    secrets: secretsOf(config),
    destination: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  await using memory = createMemoryFabric();
  // Its last words cannot be written, which the settlement says.
  const { ledger } = memory;
  const fabric: Fabric = {
    ...memory,
    ledger: {
      append: (name, payload, expected) =>
        payload.includes('"finished"') && payload.includes("Fail")
          ? Promise.reject(new StorageError("STORAGE_FAILED", `no room, says ${KEY}`))
          : ledger.append(name, payload, expected),
      read: (name, options) => ledger.read(name, options),
      last: (name) => ledger.last(name),
      names: (prefix) => ledger.names(prefix),
      delete: (name) => ledger.delete(name),
    },
  };
  const clerk = defineAgent({
    role: "clerk",
    capabilities: ["x"],
    handle: (message) => (message.type === "task" ? message.task : null),
  });
  const mesh = new Mesh({ config, log, fabric }).add(clerk);
  mesh.subscribe(logTasks(log, mesh));
  await mesh.start();
  await mesh.execute("clerk", { id: "t1", task: "Fail." }, { trace: `00-${TRACE}-b7ad6b7169203331-01` });
  await mesh.workflow("w1", [{ id: "one", agent: "clerk", task: "Work." }]);
  const { node } = mesh;
  await mesh.stop();
  const about = (message: string) => lines.filter(({ msg }) => msg === message);
  expect(about("a task is begun")).toMatchObject([
    { node, taskId: "t1", role: "clerk", traceId: TRACE },
    { node, role: "clerk", workflowId: "w1" },
  ]);
  expect(about("a task has succeeded")[1]).toMatchObject({ node, workflowId: "w1" });
  expect(about("cannot store the result of a task")).toMatchObject([{ node, taskId: "t1", traceId: TRACE }]);
  expect(JSON.stringify(lines)).toContain("[redacted]");
  expect(JSON.stringify(lines)).not.toContain(KEY);
  await rm(folder, { recursive: true, force: true });
});
