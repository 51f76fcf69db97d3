// `fettle demo`: what a newcomer sees first, with and without a provider.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TaskResult } from "fettle";
import { answers } from "#src/app/demo/answers";
import { runFettle } from "../harness/program.ts";
import { startServer } from "../model/server.ts";
import { answering } from "./answering.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-demo-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const OUTPUTS = [
  3_628_800,
  104.5,
  [
    { number: "2026-01", currency: "USD", amount: 270 },
    { number: "2026-02", currency: "JPY", amount: 13_081.25 },
  ],
];

interface Report {
  readonly source: string;
  readonly logDirectory: string;
  readonly results: readonly TaskResult[];
}

it("plays answers back where no provider is configured, and says so in one line", async () => {
  const { code, stdout, stderr } = await runFettle(["demo"], { cwd: folder });
  expect(code).toBe(0);
  expect(stdout.split("\n")[0]).toMatch(/^No model provider is configured: playing back .* are real\.$/);
  expect(stdout.match(/^ {2}status {4}success$/gm)).toHaveLength(3);
  expect(stdout).toMatch(/^ {2}output {4}3628800$/m);
  expect(stdout).toMatch(/^ {2}try 1 {5}TypeError: .* \(line 1, column \d+\)$/m);
  expect(stdout).toMatch(/^ {2}repairs {3}1$/m);
  expect(stdout).toContain(`stored    ${join(folder, "logs/calculator/")}`);
  expect(stdout).not.toMatch(/[ \t]$/m);
  expect(stderr).toContain("calculator: the model mends its code\n");
  expect(stderr).toContain("calculator: tool exchange.rate returned\n");
});

it("prints one JSON document with --json, whose results are those on disk", async () => {
  const { code, stdout, stderr } = await runFettle(["demo", "--json"], { cwd: folder });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const report = JSON.parse(stdout) as Report;
  expect(report).toMatchObject({ source: "recorded", logDirectory: join(folder, "logs") });
  expect(report.results.map(({ output }) => output)).toEqual(OUTPUTS);
  expect(report.results.map(({ repairs }) => repairs)).toEqual([0, 1, 0]);
  for (const { role, resultId, output } of report.results) {
    const file = join(report.logDirectory, role, `${resultId}.json`);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ status: "success", output });
  }
});

it("asks the provider that is configured, and fails where it fails", async () => {
  await using server = await startServer([answering(answers)]);
  await using empty = await startServer([answering([])]);
  const env = (url: string) => ({ OPENAI_API_KEY: "sk-test-0123456789abcdef", OPENAI_BASE_URL: url });
  // On one folder: each does its own tasks, with its own model.
  const [live, failing] = await Promise.all([
    runFettle(["demo", "--json"], { cwd: folder, env: env(server.url) }),
    runFettle(["demo"], { cwd: folder, env: env(empty.url) }),
  ]);
  expect(live).toMatchObject({ code: 0, stderr: "" });
  const report = JSON.parse(live.stdout) as Report;
  expect(report.source).toBe("provider");
  expect(report.results.map(({ output }) => output)).toEqual(OUTPUTS);
  expect(report.results[0]).toMatchObject({
    model: "openai/gpt-test-1",
    replayed: false,
    tokens: { input: 10, output: 5 },
  });
  expect(server.seen).toHaveLength(4);
  expect(failing.code).toBe(1);
  expect(failing.stdout).toMatch(/^Asking openai\/gpt/);
  expect(failing.stdout.match(/^ {2}error {5}ModelError: .*answered 404.*no such task/gm)).toHaveLength(3);
});
