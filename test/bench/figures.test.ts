// The figures that docs/benchmarks.md quotes, held against the results that are stored.
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { rowsOf } from "../docs/markdown.ts";

const resultsSchema = z.object({
  short: z.literal(false),
  lines: z.array(z.object({ id: z.string(), rows: z.array(z.looseObject({ name: z.string() })) })),
});
type Results = z.infer<typeof resultsSchema>;

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), "utf8");
const page = await read("docs/benchmarks.md");
const stored = async (name: string): Promise<Results> =>
  resultsSchema.parse(JSON.parse(await read(`bench/results/${name}.json`)));
const node20 = await stored("node-20");
const runtimes = [node20, await stored("node-26"), await stored("deno-2")];

/** The rows of the one table under a heading. */
function table(heading: string): ReadonlyMap<string, readonly string[]> {
  const text = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return rowsOf(text);
}

/** A stored figure as the page writes it; of the line's first row where no row is named. */
function quoted(results: Results, id: string, column: string, row?: string): string {
  const rows = results.lines.find((line) => line.id === id)?.rows ?? [];
  const value = rows.find(({ name }) => row === undefined || name === row)?.[column];
  if (typeof value !== "number") return "–";
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

describe("docs/benchmarks.md", () => {
  it.each(["What it shows", "Durable work"])("quotes Fettle's own figures as measured: %s", (heading) => {
    const rows = table(heading);
    expect(rows.size).toBeGreaterThan(6);
    for (const [key, [, ...cells]] of rows) {
      const [, id = "", column = "", row] = /^(\S+) (\S+)(?: of (.*))?$/.exec(key) ?? [];
      const measured = runtimes.map((results) => quoted(results, id, column, row));
      expect(cells.slice(0, 3), key).toEqual(measured);
    }
  });

  it.each([
    ["Beside others", ["warm-run", "throughput", "tool-call"]],
    ["Beside LangGraph.js", ["durable-task", "durable-repair", "durable-throughput", "recovery"]],
  ])("quotes how the others compare: %s", (heading, lines) => {
    const rows = table(heading);
    const names = lines.flatMap((id) => node20.lines.find((line) => line.id === id)?.rows ?? []);
    expect(rows.size).toBe(Math.max(new Set(names.map(({ name }) => name)).size - 1, 0));
    for (const [name, cells] of rows) {
      expect(cells, name).toEqual(lines.map((id) => quoted(node20, id, "timesFettle", name)));
    }
  });

  it("quotes what polling costs", () => {
    const rows = table("What polling costs");
    expect(rows.size).toBeGreaterThan(5);
    for (const [name, cells] of rows) {
      expect(cells, name).toEqual(runtimes.map((results) => quoted(results, "polling", "ratio", name)));
    }
  });
});
