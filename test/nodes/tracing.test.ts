// One trace over several processes, as a collector hears it.
import { expect, it } from "vitest";
import { openCollector } from "../harness/collector.ts";
import { Crew, fenced, gate, groundForTests } from "./crew.ts";

const ground = groundForTests();
// What has ended is sent at once: a process that is killed sends nothing any more.
process.env["OTEL_BSP_SCHEDULE_DELAY"] = "20";

it("a task's trace goes from its caller over the node that is killed to the one that takes over", async () => {
  await using collector = await openCollector();
  await using crew = new Crew(ground);
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-team=fettle%20tests",
    OTEL_SERVICE_NAME: "mesh-of-tests",
  };
  const held = gate();
  crew.answer(async ({ kind, node, text }) => {
    if (kind === "model") {
      return fenced('result = [await tools.act({ step: "first" }), await tools.act({ step: "second" })];');
    }
    if (text.includes("second") && node === "a") await held.passed;
    return "1";
  });
  const [caller, a] = await Promise.all([
    crew.start("caller", { env }),
    crew.start("a", { agents: ["worker"], env }),
  ]);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const task = { id: "t-traced", task: "Do t-traced." };
  const result = caller.call("execute", "worker", task, { trace: `00-${traceId}-b7ad6b7169203331-01` });
  await crew.seen(({ kind, text }) => kind === "tool" && text.includes("second"));
  // The model's answer and the first tool's return were sent by the node that is about to die.
  await expect
    .poll(() => collector.spans.filter(({ name }) => /^(?:chat|execute_tool)/.test(name)).length)
    .toBe(2);
  const b = await crew.start("b", { agents: ["worker"], env });
  await a.kill();
  expect(await result).toMatchObject({ status: "success" });
  held.open();
  await Promise.all([b.leave(), caller.leave()]);
  const { spans } = collector;
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  expect(spans.every(({ resource }) => resource["service.name"] === "mesh-of-tests")).toBe(true);
  expect(new Set(spans.map(({ resource }) => resource["service.instance.id"])).size).toBe(3);
  const named = (name: string) => spans.filter((span) => span.name.startsWith(name));
  const [accept] = named("fettle.accept");
  expect(accept?.parentSpanId).toBe("b7ad6b7169203331");
  // That of the node that died was never ended.
  const [agent, ...others] = named("invoke_agent worker");
  expect(others).toEqual([]);
  expect(agent?.parentSpanId).toBe(accept?.spanId);
  expect(agent?.attributes).toMatchObject({ "fettle.takeover": true, "gen_ai.conversation.id": "t-traced" });
  const chats = named("chat ");
  expect(chats.map(({ attributes }) => attributes["fettle.replayed"] ?? false)).toEqual([false, true]);
  const tools = named("execute_tool act").map(({ attributes }) => attributes);
  const first = tools.filter((one) => one["gen_ai.tool.call.id"] === "t-traced-1:0");
  expect(first.map((one) => one["fettle.replayed"] ?? false)).toEqual([false, true]);
  const second = tools.filter((one) => one["gen_ai.tool.call.id"] === "t-traced-1:1");
  expect(second.map((one) => one["fettle.replayed"] ?? false)).toEqual([false]);
  expect(JSON.stringify(spans)).not.toContain("Do t-traced");
  expect(collector.headers.every((headers) => headers["x-team"] === "fettle tests")).toBe(true);
  expect(collector.counts.get("gen_ai.client.operation.duration")).toBeGreaterThan(1);
});

it("a workflow's trace goes on over the node that takes it up from one that was killed", async () => {
  await using collector = await openCollector();
  await using crew = new Crew(ground);
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  const held = gate();
  crew.answer(async ({ node, text }) => {
    if (text.includes("t-second") && node === "a") await held.passed;
    return fenced("result = 1;");
  });
  const [a, b] = await Promise.all([
    crew.start("a", { agents: ["worker"], env }),
    crew.start("b", { agents: ["clerk"], env }),
  ]);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const steps = [
    { id: "first", agent: "clerk", task: "Do t-first." },
    { id: "second", agent: "worker", task: "Do t-second.", dependsOn: ["first"] },
  ];
  const trace = `00-${traceId}-b7ad6b7169203331-01`;
  const lost = a.call("workflow", "w-traced", steps, { trace }).catch(String);
  await crew.seen(({ text }) => text.includes("t-second"));
  await expect.poll(() => collector.spans.filter(({ name }) => name === "fettle.accept")).toHaveLength(3);
  await a.kill();
  expect(await lost).toContain("NodeEnded");
  const c = await crew.start("c", { agents: ["worker"], env });
  const ended = () => collector.spans.filter(({ name }) => name === "invoke_workflow");
  await expect.poll(ended, { timeout: 60_000 }).toHaveLength(1);
  held.open();
  await Promise.all([b.leave(), c.leave()]);
  const { spans } = collector;
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
  const [workflow] = ended();
  const accepted = spans.find(({ parentSpanId }) => parentSpanId === "b7ad6b7169203331");
  expect(accepted?.attributes).toMatchObject({ "fettle.workflow.id": "w-traced" });
  expect(workflow?.parentSpanId).toBe(accepted?.spanId);
  expect(workflow?.attributes).toMatchObject({ "fettle.takeover": true, "fettle.status": "success" });
  expect(spans.filter(({ name }) => name === "invoke_agent worker")).toHaveLength(1);
});
