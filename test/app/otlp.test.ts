// Traces that settings ask for, as a collector hears them.
import { metrics, trace } from "@opentelemetry/api";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createScriptedModel } from "fettle/testing";
import { defineAgent, loadConfig, Mesh } from "fettle";
import { silentLog } from "#src/core/log";
import { isOpenTelemetryRegistered } from "#src/app/otlp";
import { tracing } from "../observe/spans.ts";
import { openCollector } from "../harness/collector.ts";

const coder = defineAgent({ role: "coder", capabilities: ["coding"], systemPrompt: "You write code." });

it("traces and metrics go to the collector that the settings name, prompts only where they say so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fettle-otlp-"));
  await using collector = await openCollector();
  const run = async (more: Readonly<Record<string, string>>) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`, ...more };
    const config = loadConfig({ env, envFile: null, cwd: folder });
    const answer = { tokens: { input: 7, output: 3, cacheRead: 0, cacheWrite: 0 } };
    const model = createScriptedModel(["result = oops", "result = 1"], { answer });
    const mesh = await new Mesh({ config, model, log: silentLog }).add(coder).start();
    const isRegistered = isOpenTelemetryRegistered();
    await mesh.execute("coder", "A wish.");
    await mesh.stop();
    return isRegistered;
  };
  expect(await run({ OTEL_SDK_DISABLED: "true" })).toBe(false);
  expect(collector.spans).toEqual([]);
  expect(await run({})).toBe(true);
  const names = collector.spans.map(({ name }) => name).sort();
  expect(names).toEqual([
    "chat script",
    "chat script",
    "fettle.accept",
    "fettle.repair",
    "fettle.sandbox.run",
    "fettle.sandbox.run",
    "invoke_agent coder",
  ]);
  expect(collector.spans[0]?.resource).toMatchObject({ "service.name": "fettle" });
  expect(JSON.stringify(collector.spans)).not.toContain("A wish.");
  // Two answers, each with its tokens in and out; two calls and one task.
  expect(collector.counts.get("gen_ai.client.token.usage")).toBe(4);
  expect(collector.counts.get("gen_ai.client.operation.duration")).toBe(3);
  expect(isOpenTelemetryRegistered()).toBe(false);
  await run({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true" });
  expect(JSON.stringify(collector.spans)).toContain("A wish.");
  await rm(folder, { recursive: true, force: true });
});

it("a program's own OpenTelemetry is used as it is, and no other is set up", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fettle-otlp-"));
  await using collector = await openCollector();
  const traced = tracing();
  trace.setGlobalTracerProvider(traced.provider);
  try {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const config = loadConfig({ env, envFile: null, cwd: folder });
    const model = createScriptedModel(["result = 1"]);
    await using mesh = await new Mesh({ config, model, log: silentLog }).add(coder).start();
    await mesh.execute("coder", "A wish.");
    expect(traced.one("invoke_agent coder").attributes["fettle.status"]).toBe("success");
  } finally {
    trace.disable();
    metrics.disable();
  }
  expect(collector.spans).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});
