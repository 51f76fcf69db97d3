// Each example, run as its reader would run it; each checks itself and ends by itself.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, runFettle } from "../harness/program.ts";

const examples = await readdir(join(projectRoot, "examples"), { withFileTypes: true });
const names = examples.filter((entry) => entry.isDirectory()).map(({ name }) => name);

describe("the example", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-examples-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(names)("%s does what it says", async (name) => {
    const run = await runFettle(["run", join(projectRoot, "examples", name, "main.ts")], { cwd: folder });
    expect(run.stderr).not.toMatch(/Error|at file:/);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toContain("playing back recorded answers");
  });

  it("suite covers what the README promises", () => {
    expect(names.sort()).toEqual([
      "calculator",
      "custom-agent",
      "repair",
      "research-write",
      "review-merge",
      "tools-and-context",
    ]);
  });
});
