// `fettle smoketest`: end to end, with played-back answers and with a provider, in order and out of order.
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { answers } from "#src/app/smoketest/answers";
import { leftoverHandles, openHandles } from "#src/app/smoketest/handles";
import { runFettle } from "../harness/program.ts";
import { silence, startServer } from "../model/server.ts";
import { answering } from "./answering.ts";

const STEPS = [
  "Mesh started",
  "Task to code to result",
  "Repair",
  "Tool call",
  "Workflow of two steps",
  "Custom agent",
  "Result on disk",
  "Code in the registry",
  "Mesh stopped",
];

interface Report {
  readonly ok: boolean;
  readonly source: string;
  readonly model: string | null;
  readonly steps: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly kept: string | null;
}

let folder = "";
let temp = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-smoke-"));
  temp = await mkdtemp(join(tmpdir(), "fettle-smoke-temp-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(temp, { recursive: true, force: true });
});

const smoketest = (args: string[], env: Record<string, string> = {}) =>
  runFettle(["smoketest", ...args], { cwd: folder, env: { TMPDIR: temp, ...env } });

// The first of this file: a server of another test that is just closing would count as open before.
it("sees a handle that was left open, where the runtime can tell", async () => {
  const before = openHandles();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const left = await leftoverHandles(before);
  server.close();
  expect(left).toEqual(before === null ? null : ["TCPServerWrap"]);
  expect(before === null).toBe("Deno" in globalThis);
});

it("shows each step with its time, plays answers back without a provider, and removes its folder", async () => {
  const { code, stdout, stderr } = await smoketest([]);
  const [first, ...lines] = stdout.trimEnd().split("\n");
  expect(first).toMatch(/^No model provider is configured: playing back recorded answers\./);
  expect(lines.at(-1)).toBe("All steps worked.");
  expect(lines.slice(0, -1)).toEqual(
    STEPS.map(
      (name) => expect.stringMatching(new RegExp(`^ ${name}: OK \\(\\d+\\.\\d\\d s: .+\\)$`)) as string,
    ),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(await readdir(temp)).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});

it("does the same with the provider that is configured, and keeps its folder with --keep", async () => {
  await using server = await startServer([answering(answers)]);
  const env = { OPENAI_API_KEY: "sk-test-0123456789abcdef", OPENAI_BASE_URL: server.url };
  const { code, stdout, stderr } = await smoketest(["--json", "--keep"], env);
  const report = JSON.parse(stdout) as Report;
  expect(report.steps.map(({ name, status }) => `${name}: ${status}`)).toEqual(
    STEPS.map((name) => `${name}: ok`),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(report).toMatchObject({ ok: true, source: "provider" });
  expect(report.model).toMatch(/^openai\//);
  expect(server.seen).toHaveLength(6);
  expect(await readdir(temp)).toEqual([report.kept?.split("/").at(-1)]);
  const roles = await readdir(join(report.kept ?? "", "results"));
  expect(roles.sort()).toEqual(["smoke-calculator", "smoke-cashier", "smoke-storekeeper"]);
  await rm(report.kept ?? "", { recursive: true });
});

it("names the steps that fail, goes on with the others, stops the mesh, and exits with 1", async () => {
  await using server = await startServer([answering(answers.slice(1))]);
  const { code, stdout } = await smoketest([], {
    OPENAI_API_KEY: "sk-test-0123456789abcdef",
    OPENAI_BASE_URL: server.url,
  });
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^ Task to code to result: FAILED \(.*\): the task ended as failure: ModelError: .*404/m,
  );
  expect(stdout).toMatch(/^ Result on disk: FAILED .*the first task gave no result/m);
  expect(stdout).toMatch(/^ Repair: OK/m);
  expect(stdout).toMatch(/^ Mesh stopped: OK/m);
  expect(stdout).toMatch(/\nIt does not work\.\n$/);
  expect(await readdir(temp)).toEqual([]);
});

it("ends in order on Ctrl-C: the task cancelled, the mesh stopped, its folder removed", async () => {
  await using server = await startServer([silence]);
  const { code, stdout } = await runFettle(["smoketest", "--json"], {
    cwd: folder,
    env: { TMPDIR: temp, LLM_ENDPOINT: server.url, LLM_MODEL: "local-1" },
    onStart: (child) => void server.asked.then(() => child.kill("SIGINT")),
  });
  const report = JSON.parse(stdout) as Report;
  expect(report.steps.map(({ name, status }) => `${name}: ${status}`)).toEqual([
    "Mesh started: ok",
    "Task to code to result: failed",
    "Mesh stopped: ok",
  ]);
  expect(report.ok).toBe(false);
  // Deno's node:child_process tells a child's exit with 130 as the end by a signal: code null.
  expect(code).toBe("Deno" in globalThis ? null : 130);
  expect(await readdir(temp)).toEqual([]);
});
