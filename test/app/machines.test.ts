// `fettle machines`: the charts as text, pictures and data, and what it says to who asks for something else.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createMachine } from "xstate";
import { machineGraph } from "#src/app/charts/machine-graph";
import { agentMachine, itemMachine } from "fettle/machines";
import { callFettle } from "../harness/command.ts";
import { readXml } from "./charts/xml.ts";

const NAMES = ["agent", "task", "workflow", "step", "item"];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-machines-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const machines = (...args: string[]) => callFettle(["machines", ...args], { cwd: folder });

it("lists the charts with what each is, as text and as JSON", async () => {
  const [text, json] = await Promise.all([machines(), machines("--json")]);
  expect(text).toMatchObject({ code: 0, stderr: "" });
  for (const name of NAMES)
    expect(text.stdout).toMatch(new RegExp(`^${name} +\\d+ states +\\d+ transitions +One `, "m"));
  const { charts } = JSON.parse(json.stdout) as { charts: { name: string; states: number }[] };
  expect(charts.map(({ name }) => name)).toEqual(NAMES);
});

it("shows one as text, and prints it as data, as a picture, for Mermaid and for XState", async () => {
  const [text, json, svg, mermaid, xstate] = await Promise.all([
    machines("agent"),
    machines("agent", "--json"),
    machines("agent", "--format", "svg"),
    machines("agent", "--format", "mermaid"),
    machines("item", "--format", "xstate"),
  ]);
  expect(text.stdout).toContain(
    "    → preparing: Runs the agent's setup; mail and tasks wait.\n        entry / hold\n",
  );
  expect(text.stdout).toContain("        prepare done [crashed] / recordCrash → crashed\n");
  expect(JSON.parse(json.stdout)).toMatchObject({ name: "agent", ...machineGraph(agentMachine) });
  expect(readXml(svg.stdout).attributes).toMatchObject({ "data-chart": "agent" });
  expect(mermaid.stdout).toMatch(/^stateDiagram-v2\n/);
  const config = JSON.parse(xstate.stdout) as object;
  expect(machineGraph(createMachine(config))).toEqual(machineGraph(itemMachine));
});

it("writes all into a folder, which it makes, and prints the names of the files", async () => {
  const out = join(folder, "new", "charts");
  const [svg, json] = [
    await machines("--out", out),
    await machines("task", "step", "--out", out, "--format", "json"),
  ];
  expect(svg.stdout.trim().split("\n")).toEqual(NAMES.map((name) => join(out, `${name}.svg`)));
  expect(json.stdout.trim().split("\n")).toEqual(["task", "step"].map((name) => join(out, `${name}.json`)));
  expect((await readdir(out)).sort()).toEqual(
    [...NAMES.map((name) => `${name}.svg`), "task.json", "step.json"].sort(),
  );
  readXml(await readFile(join(out, "task.svg"), "utf8"));
});

it("draws the steps of a workflow", async () => {
  await writeFile(
    join(folder, "agents.mjs"),
    `import { defineAgent } from "${new URL("../../dist/src/index.js", import.meta.url).href}";
     export const writer = defineAgent({ role: "writer", capabilities: ["text"], systemPrompt: "Write." });`,
  );
  const steps = `
agents: ./agents.mjs
steps:
  - { id: first, agent: writer, task: Begin. }
  - { id: second, agent: writer, task: Go on., dependsOn: [first], retries: 2 }
`;
  await writeFile(join(folder, "report.yaml"), steps);
  const [text, svg, mermaid, xstate] = await Promise.all([
    machines("--workflow", "report.yaml"),
    machines("--workflow", "report.yaml", "--format", "svg", "--out", "."),
    machines("--workflow", "report.yaml", "--format", "mermaid"),
    machines("--workflow", "report.yaml", "--format", "xstate"),
  ]);
  expect(text.stdout).toContain("    second: Go on.\n        agent writer\n        retries 2");
  expect(svg.stdout).toBe("report.svg\n");
  readXml(await readFile(join(folder, "report.svg"), "utf8"));
  expect(mermaid.stdout).toContain("report_first --> report_second");
  expect(xstate).toMatchObject({ code: 1, stdout: "" });
  expect(xstate.stderr).toContain("its steps are no machine. Its formats are: text, json, svg, mermaid.");
});

it("says what there is to who asks for something else", async () => {
  const [name, format, many, both, mixed] = await Promise.all([
    machines("tsk"),
    machines("task", "--format", "png"),
    machines("--format", "svg"),
    machines("task", "--json", "--format", "svg"),
    machines("task", "--workflow", "report.yaml"),
  ]);
  expect(name).toMatchObject({ code: 2, stdout: "" });
  expect(name.stderr).toMatch(
    /no such chart; there are: agent, task, workflow, step, item\. Did you mean task\?/,
  );
  expect(format).toMatchObject({ code: 2, stdout: "" });
  expect(format.stderr).toContain("text, json, svg, mermaid, xstate");
  for (const { code } of [many, both, mixed]) expect(code).toBe(1);
  expect(many.stderr).toContain("fettle machines --format svg --out charts");
  expect(both.stderr).toContain("leave out --json or --format");
  expect(mixed.stderr).toContain("leave one of them out");
});
