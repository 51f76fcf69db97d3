// Each example, run as its reader would run it; each checks itself and ends by itself.
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, runFettle, type Run } from "../harness/program.ts";

const examples = await readdir(join(projectRoot, "examples"), { withFileTypes: true });
const names = examples.filter((entry) => entry.isDirectory()).map(({ name }) => name);
/** Needs a server, and has a test of its own. */
const NETWORK = "research-network";

describe("the example", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-examples-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const runs = new Map<string, Promise<Run>>();
  const runOf = (name: string): Promise<Run> => {
    const main = join(projectRoot, "examples", name, "main.ts");
    const run = runs.get(name) ?? runFettle(["run", main], { cwd: folder });
    runs.set(name, run);
    return run;
  };

  it.each(names.filter((name) => name !== NETWORK))("%s does what it says", async (name) => {
    const run = await runOf(name);
    expect(run.stderr).not.toMatch(/Error|at file:/);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain("playing back recorded answers");
  });

  it("financial-pipeline is done once: a second program with the same data does no step again", async () => {
    const cwd = join(folder, "twice");
    await mkdir(cwd);
    const main = join(projectRoot, "examples/financial-pipeline/main.ts");
    const first = await runFettle(["run", main], { cwd });
    expect(first.stdout.match(/done now/g)).toHaveLength(3);
    expect(first.stdout).toContain('sent back: The heading "Sources" is missing');
    const second = await runFettle(["run", main], { cwd });
    expect(second).toMatchObject({ code: 0, stderr: "" });
    expect(second.stdout).not.toContain("done now");
    expect(second.stdout.match(/success, from the record/g)).toHaveLength(6);
    const report = await readFile(join(cwd, "logs/artifacts/reports/financial-report.md"), "utf8");
    expect(report).toMatch(/^# Half-year report/);
    expect(second.stdout).toContain(report);
  });

  it("approval asks once for each payment, and pays each invoice once", async () => {
    const { stdout } = await runOf("approval");
    expect(stdout.match(/clerk wants bank\.pay/g)).toHaveLength(2);
    expect(stdout).toContain('the bank\'s books: {"paper-17":120,"machines-4":12500}');
  });

  it("budget names the budget that ended a task, and what was paid for the others", async () => {
    const { stdout } = await runOf("budget");
    expect(stdout).toMatch(/failure, 0\.00000 USD paid: Cannot make call "ends-.* and budget "task:ends-/);
    expect(stdout).toMatch(/task:asks-\S+ asks for 0\.\d+ usd more/);
    expect(stdout).toMatch(/success: 25, 0\.\d+ USD paid to example\/small/);
    expect(stdout).toContain("12 were done, 0 were not paid for");
    expect(stdout).toMatch(/ ([1-9]|1[01]) were done, ([1-9]|1[01]) were not paid for/);
  });

  it("suite covers what the README promises", () => {
    expect(names.sort()).toEqual([
      "approval",
      "budget",
      "calculator",
      "custom-agent",
      "financial-pipeline",
      "http-service",
      "mcp-files",
      "repair",
      NETWORK,
      "research-write",
      "review-merge",
      "tools-and-context",
    ]);
  });
});
