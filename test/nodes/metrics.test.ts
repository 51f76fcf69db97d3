// Metrics of nodes in processes of their own: what one counted the other does not, whatever became of it.
import { expect, it } from "vitest";
import { loadConfig, Mesh } from "fettle";
import { silentLog } from "#src/core/log";
import { Exposition } from "../harness/exposition.ts";
import { startNatsServer } from "../harness/nats-server.ts";
import type { NodeProcess } from "../harness/node-process.ts";
import { Crew, fenced, gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
const METRICS = { FETTLE_METRICS_PORT: "0" };
const pageOf = async (node: NodeProcess) => Exposition.parse((await node.call("metrics")) as string);

it("a task whose node is killed is taken over once, and neither its calls nor its cost are counted again", async () => {
  await using crew = new Crew(ground);
  const held = gate();
  crew.answer(async ({ kind, node, text }) => {
    if (kind === "model")
      return fenced('result = [await tools.act({ step: "first" }), await tools.act({ step: "second" })];');
    if (text.includes("second") && node === "a") await held.passed;
    return "1";
  });
  const [caller, a] = await Promise.all([
    crew.start("caller", { env: METRICS }),
    crew.start("a", { agents: ["worker"], env: METRICS }),
  ]);
  const result = caller.call("execute", "worker", { id: "t-metrics", task: "Do t-metrics." });
  await crew.seen(({ kind, text }) => kind === "tool" && text.includes("second"));
  const before = await pageOf(a);
  expect(before.sum("fettle_tasks_running", { role: "worker" })).toBe(1);
  expect(before.sum("fettle_nodes")).toBe(2);
  const b = await crew.start("b", { agents: ["worker"], env: METRICS });
  await a.kill();
  expect(await result).toMatchObject({ status: "success", output: [1, 1] });
  held.open();
  const pages = [await pageOf(caller), before, await pageOf(b)];
  const counted = (name: string, labels?: Readonly<Record<string, string>>) =>
    pages.map((page) => page.sum(name, labels));
  expect(counted("fettle_tasks_accepted_total")).toEqual([1, 0, 0]);
  expect(counted("fettle_takeovers_total", { kind: "task" })).toEqual([0, 0, 1]);
  expect(counted("fettle_model_calls_total", { outcome: "answered" })).toEqual([0, 1, 0]);
  expect(counted("fettle_tool_calls_total", { tool: "act" })).toEqual([0, 1, 1]);
  expect(counted("fettle_tasks_total", { status: "success" })).toEqual([0, 0, 1]);
});

it("a connection that comes back is counted", async () => {
  await using server = await startNatsServer();
  const config = loadConfig({ env: { NATS_URL: server.url }, envFile: null });
  await using mesh = await new Mesh({ config, log: silentLog, metrics: { port: 0 } }).start();
  const reconnects = async () =>
    Exposition.parse((await mesh.metrics?.text()) ?? "").sum("fettle_nats_reconnects_total");
  expect(await reconnects()).toBe(0);
  await server.stop();
  await server.start();
  await expect.poll(reconnects, { timeout: 60_000 }).toBe(1);
});
