// The figures of docs/registry.md, counted anew: they depend on no machine, so they must be the same.
import { readFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { rowsOf } from "../docs/markdown.ts";
import { projectRoot, runProgram } from "../harness/program.ts";

const countsSchema = z.object({
  rows: z.array(z.object({ task: z.string(), first: z.number(), repeat: z.number(), why: z.string() })),
  first: z.number(),
  repeat: z.number(),
  savedPercent: z.number(),
});

it("docs/registry.md says what exact reuse saves in a repeat run of the examples", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "fettle-reuse-"));
  const run = await runProgram(join(projectRoot, "bench/reuse.mjs"), ["--json"], { cwd });
  await rm(cwd, { recursive: true, force: true });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  const { rows, first, repeat, savedPercent } = countsSchema.parse(JSON.parse(run.stdout));

  const page = await readFile(join(projectRoot, "docs/registry.md"), "utf8");
  const section = page.split("## What it saves\n")[1] ?? "";
  const quoted = rowsOf(section);
  expect(quoted.size).toBe(rows.length);
  for (const row of rows) {
    const [, cells] = [...quoted].find(([task]) => row.task.startsWith(task)) ?? [];
    expect(cells?.slice(0, 2)).toEqual([String(row.first), String(row.repeat)]);
    expect(cells?.[2]?.split(/[,:]/)[0]).toBe(row.why.split(":")[0]);
  }
  const together = /^\| together +\| (\d+) +\| (\d+) +\| (\S+) % less/m.exec(section)?.slice(1).map(Number);
  expect(together).toEqual([first, repeat, savedPercent]);
  expect(repeat).toBeLessThan(first);
});
