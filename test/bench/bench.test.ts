// The benchmark in its short form: that each line is measured and written, never how fast anything is.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { startNatsServer } from "../harness/nats-server.ts";
import { startProgram } from "../harness/live-program.ts";

const positive = z.number().positive();
const rowSchema = z.looseObject({ name: z.string().min(1) });
const runSchema = z.object({
  machine: z.looseObject({
    date: z.iso.datetime(),
    cpu: z.string().min(1),
    cores: z.int().positive(),
    memoryGiB: positive,
    os: z.string().min(1),
    runtime: z.string().regex(/^(?:Node|Deno) \d+\./),
  }),
  short: z.literal(true),
  lines: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      unit: z.string(),
      better: z.enum(["less", "more"]),
      headline: z.string(),
      aims: z.array(z.looseObject({ column: z.string(), value: z.number(), met: z.boolean() })),
      rows: z.array(rowSchema).min(1),
    }),
  ),
  absent: z.array(z.object({ name: z.string(), absent: z.string().min(1) })),
});

const LINES = [
  "warm-run",
  "throughput",
  "waiting",
  "tool-call",
  "task",
  "polling",
  "durable-task",
  "durable-repair",
  "durable-parts",
  "durable-throughput",
  "durable-bytes",
  "recovery",
  "http-task",
  "http-held",
  "nats-ask",
  "nats-mailbox",
  "nats-durable-mailbox",
  "nats-task",
  "nats-takeover",
  "nats-nodes",
];
const bench = new URL("../../bench/run.mjs", import.meta.url);

describe("the benchmark in its short form", () => {
  let directory: string;
  let run: z.infer<typeof runSchema>;
  let name: string;

  beforeAll(async () => {
    // Where there is no nats-server yet, this installs it.
    await (await startNatsServer()).close();
    directory = await mkdtemp(join(tmpdir(), "fettle-bench-test-"));
    const program = startProgram(bench, ["--short", "--json", "--out", directory]);
    const line = (await program.lines.next()).value as string;
    const { code, stderr } = await program.ended;
    expect(code, stderr).toBe(0);
    run = runSchema.parse(JSON.parse(line));
    name = run.machine.runtime.toLowerCase().replace(/ (\d+).*/, "-$1");
  }, 120_000);

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("measures every line, each row by a positive figure", () => {
    expect(run.lines.map(({ id }) => id)).toEqual(LINES);
    for (const { id, headline, rows } of run.lines) {
      for (const row of rows) {
        // Resident memory of a few guests can shrink meanwhile: that line is judged by its guests below.
        if (id !== "waiting")
          expect(positive.safeParse(row[headline]).success, `${id}: ${row.name}`).toBe(true);
        if (typeof row["p99"] === "number") expect(row["p99"]).toBeGreaterThanOrEqual(row["p50"] as number);
      }
    }
  });

  it("loses none of the guests that wait", () => {
    expect(run.lines.find(({ id }) => id === "waiting")?.rows).toMatchObject([{ guests: 20, lost: 0 }]);
  });

  it("recovers every task that was unfinished when its process was killed, and asks for each once", () => {
    const rows = run.lines.find(({ id }) => id === "recovery")?.rows ?? [];
    expect(rows.length).toBeGreaterThan(1);
    for (const row of rows) expect(row, row.name).toMatchObject({ tasks: 20, lost: 0, asked: 20 });
  });

  it("answers every request over HTTP, those that wait together too", () => {
    const [over, direct] = run.lines.find(({ id }) => id === "http-task")?.rows ?? [];
    expect(over).toMatchObject({ name: "Fettle over HTTP", lost: 0, samples: 80 });
    expect(direct?.["samples"]).toBe(80);
    expect(run.lines.find(({ id }) => id === "http-held")?.rows).toMatchObject([
      { held: 50, lost: 0, samples: 50 },
      { held: 50, lost: 0, samples: 50 },
    ]);
  });

  it("counts what a durable task does to the disk", () => {
    const task = run.lines.find(({ id }) => id === "durable-task")?.rows[0];
    expect(task).toMatchObject({ name: "Fettle" });
    expect(task?.["commits"]).toBeGreaterThan(2);
    expect(task?.["syncs"]).toBeGreaterThan(1);
    const kinds = run.lines.find(({ id }) => id === "durable-bytes")?.rows ?? [];
    const [plain = 0, repair = 0, tools = 0] = kinds.map((row) => row["appends"] as number);
    expect(plain).toBeGreaterThan(2);
    expect(repair).toBeGreaterThan(plain);
    expect(tools).toBeGreaterThan(plain);
  });

  it("names LangGraph.js among what is measured or absent", () => {
    const names = run.lines.find(({ id }) => id === "durable-task")?.rows.map(({ name }) => name) ?? [];
    expect([...names, ...run.absent.map(({ name }) => name)]).toContain("LangGraph.js, SQLite");
  });

  it("puts Fettle first and what the runtime itself offers beside it; what is absent has a reason", () => {
    const names = run.lines[0]?.rows.map((row) => row.name) ?? [];
    expect(names[0]).toBe("Fettle");
    expect([...names, ...run.absent.map((one) => one.name)]).toEqual(
      expect.arrayContaining(["node:vm", "worker thread per run", "process per run", "isolated-vm", "run"]),
    );
  });

  it("writes the table, the figures and the plot, with the machine named", async () => {
    const read = (extension: string) => readFile(join(directory, `${name}.${extension}`), "utf8");
    expect(JSON.parse(await read("json"))).toEqual(run);
    const table = await read("md");
    expect(table).toContain(run.machine.cpu);
    expect(table).toContain("A short run");
    const plot = await read("svg");
    expect(plot).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(plot).not.toContain("NaN");
    for (const { title } of run.lines) {
      expect(table).toContain(`## ${title}`);
      expect(plot).toContain(title.replaceAll("`", ""));
    }
  });
});
