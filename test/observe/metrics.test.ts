// Metrics of real meshes, read off their page as Prometheus would.
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMetrics, defineAgent, loadConfig, Mesh } from "fettle";
import { createScriptedModel } from "fettle/testing";
import { packageManifest } from "#src/app/package-root";
import { silentLog } from "#src/core/log";
import { createLogger } from "#src/observe/logger";
import { serveMetrics } from "#src/observe/metrics-server";
import { Exposition } from "../harness/exposition.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-metrics-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const coder = defineAgent({ role: "coder", capabilities: ["coding"], systemPrompt: "You write code." });
const WRONG = "result = nothingOfThatName";
const RIGHT = "result = 6 * 7";

describe("the port of the metrics", () => {
  it("is told in the log; one that is taken is an error that says how to choose another", async () => {
    const config = loadConfig({ env: { FETTLE_METRICS_PORT: "0" }, envFile: null, cwd: folder });
    const lines: string[] = [];
    const log = createLogger({ destination: { write: (line) => lines.push(line) } });
    await using mesh = await new Mesh({ config, log }).start();
    expect(lines.join("")).toContain(`"url":"${String(mesh.metricsUrl)}"`);
    const { port } = new URL(mesh.metricsUrl ?? "");
    const second = new Mesh({ config, log, metrics: { port: Number(port) } });
    await expect(second.start()).rejects.toThrow(
      /Cannot serve metrics on 127\.0\.0\.1:\d+: .*FETTLE_METRICS_PORT/,
    );
    await using third = await new Mesh({ config, log, metrics: false }).start();
    expect(third.metrics).toBeNull();
  });
});

describe("the server of the metrics", () => {
  it("answers what is no address at all, and lives on", async () => {
    await using server = await serveMetrics(createMetrics({ process: false }), { port: 0 });
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.end("GET // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect((await fetch(`${server.url}?again`)).status).toBe(200);
  });
});

describe("metrics of a mesh", () => {
  it("are served on a port of their own, and show a task through its repair", async () => {
    const tokens = { input: 100, output: 20, cacheRead: 5, cacheWrite: 1 };
    const answer = { provider: "test", model: "scripted-1", costUsd: 0.25, tokens };
    const model = createScriptedModel([WRONG, RIGHT], { answer });
    const config = loadConfig({ env: {}, envFile: null, cwd: folder });
    await using mesh = await new Mesh({ config, model, log: silentLog, metrics: { port: 0 } })
      .add(coder)
      .start();
    const result = await mesh.execute("coder", "What is six times seven?");
    expect(result).toMatchObject({ status: "success", output: 42, repairs: 1 });
    const response = await fetch(mesh.metricsUrl ?? "");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const page = Exposition.parse(await response.text());
    const role = "coder";
    expect(page.sum("fettle_tasks_accepted_total", { role })).toBe(1);
    expect(page.sum("fettle_tasks_total", { role, status: "success" })).toBe(1);
    expect(page.sum("fettle_task_duration_seconds_count", { role, status: "success" })).toBe(1);
    expect(page.sum("fettle_repairs_total", { role })).toBe(1);
    const asked = { role, provider: "test", model: "scripted-1", outcome: "answered" };
    expect(page.sum("fettle_model_calls_total", { ...asked, purpose: "generate" })).toBe(1);
    expect(page.sum("fettle_model_calls_total", { ...asked, purpose: "repair" })).toBe(1);
    expect(page.sum("fettle_model_call_duration_seconds_count")).toBe(2);
    const used = (kind: string) => page.sum("fettle_model_tokens_total", { role, kind });
    expect(["input", "output", "cache_read", "cache_write"].map(used)).toEqual([200, 40, 10, 2]);
    expect(page.sum("fettle_model_cost_usd_total", { role })).toBe(0.5);
    expect(page.sum("fettle_sandbox_runs_total", { place: "local", outcome: "runtime" })).toBe(1);
    expect(page.sum("fettle_sandbox_runs_total", { place: "local", outcome: "success" })).toBe(1);
    expect(page.sum("fettle_sandbox_isolates", { state: "up" })).toBeGreaterThan(0);
    expect(page.sum("fettle_journal_appends_total")).toBeGreaterThan(4);
    expect(page.sum("fettle_journal_entries_total", { type: "finished" })).toBe(1);
    expect(page.sum("fettle_tasks_running", { role })).toBe(0);
    expect(page.sum("fettle_actors", { role })).toBe(1);
    expect(page.sum("fettle_nodes")).toBe(1);
    expect(page.sum("fettle_info", { version: packageManifest().version })).toBe(1);
    expect(page.sum("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
    const elsewhere = new URL("/", mesh.metricsUrl ?? "");
    expect((await fetch(elsewhere)).status).toBe(404);
    expect((await fetch(mesh.metricsUrl ?? "", { method: "POST" })).status).toBe(405);
  });
});
