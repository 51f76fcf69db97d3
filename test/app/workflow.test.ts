// `fettle workflow`: from modules, YAML and JSON; what it shows, what it takes from the record, and wrong files.
import { rm } from "node:fs/promises";
import type { WriteStream } from "node:tty";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MeshEvent, WorkflowResult } from "fettle";
import { WorkflowProgress } from "#src/app/workflow-progress";
import { WorkflowView } from "#src/app/workflow-view";
import { openData } from "./stored-tasks.ts";
import { callFettle } from "../harness/command.ts";
import { layProject } from "../harness/project-folder.ts";
import { runFettle, type RunOptions } from "../harness/program.ts";

const AGENTS = `import { defineAgent } from "fettle";
export const clerk: unknown = defineAgent({
  role: "clerk",
  capabilities: ["lists"],
  handle: async (message: any, actor: any) => {
    if (message.task === "List") return { rows: ["a", "bad", "c"], total: 40 };
    if (message.task === "Hang") {
      console.error("hanging");
      await new Promise((_, reject) => actor.signal.addEventListener("abort", () => reject(new Error("aborted"))));
    }
    if (message.context.item === "bad") throw new Error("bad item\\nand more");
    return message.context.item ?? message.context.style ?? Object.keys(message.context.previousStepResults ?? {});
  },
});
`;

const YAML = `id: report
agents: ./agents.ts
steps:
  - id: fetch
    agent: clerk
    task: List
  - id: each
    agent: clerk
    task: Describe
    forEach: { step: fetch, path: rows }
    allowFailures: 1
  - id: alarm
    agent: clerk
    task: Warn
    when: { step: fetch, path: total, greaterThan: 1000 }
  - id: end
    agent: clerk
    task: End
    dependsOn: [each, alarm]
`;

const MODULE = `import { defineWorkflow } from "fettle";
import { clerk } from "./agents.ts";
export const workflow: unknown = defineWorkflow({
  agents: [clerk as any],
  context: { style: "short" },
  steps: [{ id: "one", agent: "clerk", task: "Say" }, { id: "two", agent: "clerk", task: "Say", context: { style: "own" } }],
});
`;

const WRONG = `agents: ./agents.ts
steps:
  - id: one
    agent: clerk
    task: List
    retry: 3
  - id: two
    task: Describe
    when:
      step: one
      biggerThan: 4
extra: 1
`;

const FILES: Readonly<Record<string, string>> = {
  "agents.ts": AGENTS,
  "report.yaml": YAML,
  "changed.yaml": YAML.replace("task: End", "task: Finish"),
  "flow.ts": MODULE,
  "wrong.yaml": WRONG,
  "circle.json": JSON.stringify({
    agents: "./agents.ts",
    steps: [
      { id: "a", agent: "clerk", task: "x", dependsOn: ["b"] },
      { id: "b", agent: "clerk", task: "x", dependsOn: ["a"] },
    ],
  }),
  "nobody.json": JSON.stringify({ agents: "./agents.ts", steps: [{ agent: "nobody", task: "x" }] }),
  "hang.json": JSON.stringify({
    agents: "./agents.ts",
    steps: [
      { id: "first", agent: "clerk", task: "List" },
      { id: "hang", agent: "clerk", task: "Hang", dependsOn: ["first"] },
      { id: "after", agent: "clerk", task: "Say", dependsOn: ["hang"] },
    ],
  }),
  "fails.json": JSON.stringify({
    agents: "./agents.ts",
    steps: [{ agent: "clerk", task: "x", forEach: ["good", "bad"] }],
  }),
  "broken.yaml": "a: [1\nb",
  "broken.json": "[1",
};

let folder = "";
beforeAll(async () => {
  folder = await layProject("workflow", FILES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (args: string[], options: Partial<RunOptions> = {}) =>
  runFettle(["workflow", ...args], { cwd: folder, ...options });

describe("fettle workflow", () => {
  it("runs a YAML file, shows each step, and takes all from the record the next time", async () => {
    const first = await run(["report.yaml"]);
    expect(first.code).toBe(0);
    const lines = first.stderr.split("\n");
    expect(lines[0]).toBe("report: begins (4 steps)");
    expect(lines).toContain("each: 3 of 3, 1 failed");
    expect(lines).toContain("alarm: skipped");
    expect(first.stdout).toMatch(/^├─ ✓ each {3}clerk {2}\d+\.\d s · 3 of 3, 1 failed$/m);
    expect(first.stdout).toMatch(/^├─ – alarm {2}clerk {2}skipped$/m);
    expect(first.stdout).toContain("end\n  [ 'fetch', 'each' ]\n");
    expect(first.stdout).toContain("  each[1]: Error: bad item\n");
    expect(first.stdout).toMatch(/\nsuccess\n$/);
    const [again, changed] = await Promise.all([run(["report.yaml", "--quiet"]), run(["changed.yaml"])]);
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toMatch(/✓ fetch {2}clerk {2}\d+\.\d s · from the record/);
    expect(again.stdout).toContain("all of it is from the record, nothing was run or paid now");
    expect(changed).toMatchObject({ code: 1, stdout: "" });
    expect(changed.stderr).toContain(
      'its id belongs to another definition: step "end" has another task ("End" in the record, "Finish" now)',
    );
    expect(changed.stderr).toContain("--id <id>");
  });

  it("runs a module's workflow with context from the command line, its result as JSON", async () => {
    const args = ["flow.ts", "--id", "mine", "--context", '{"style":"long"}', "--json", "--quiet"];
    const { code, stdout, stderr } = await run(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const result = JSON.parse(stdout) as WorkflowResult;
    expect(result).toMatchObject({ id: "mine", status: "success", outputs: { one: "long", two: "own" } });
  });

  it("exits with 1 where a step fails, and says why", async () => {
    const { code, stdout } = await callFettle(["workflow", "fails.json", "--quiet"], { cwd: folder });
    expect(code).toBe(1);
    expect(stdout).toMatch(/✗ step0 .*\n +Of 2 items of step "step0", 1 failed; the first, item 1: bad item/);
    expect(stdout).toMatch(/^fails-[0-9a-f]{8} /);
  });

  it("cancels on Ctrl-C, still gives what was done, and exits with 130", async () => {
    const { code, stdout } = await run(["hang.json", "--json"], {
      onStart: (child) => {
        child.stderr?.on("data", (text: string) => text.includes("hanging") && child.kill("SIGINT"));
      },
    });
    // Deno's node:child_process tells a child's exit with 130 as the end by a signal: code null.
    expect(code).toBe("Deno" in globalThis ? null : 130);
    const { status, steps } = JSON.parse(stdout) as WorkflowResult;
    expect(status).toBe("cancelled");
    expect(steps.map((step) => step.status)).toEqual(["success", "cancelled", "cancelled"]);
  });

  it("leaves alone the workflow that a killed one left, which goes on under its id alone", async () => {
    await run(["hang.json", "--id", "left-1"], {
      onStart: (child) => {
        child.stderr?.on("data", (text: string) => text.includes("hanging") && child.kill("SIGKILL"));
      },
    });
    const recorded = async () => {
      await using fabric = openData(folder);
      return {
        record: await fabric.ledger.read("default.workflow.left-1"),
        journal: await fabric.ledger.read("default.task.left-1-hang"),
      };
    };
    const left = await recorded();
    expect(left.record).not.toHaveLength(0);
    const other = await run(["flow.ts", "--id", "other-1", "--quiet"]);
    expect(other).toMatchObject({ code: 0, stderr: "" });
    expect(await recorded()).toEqual(left);
    const tasks = await callFettle(["tasks"], { cwd: folder });
    const resumed = await run(["hang.json", "--id", "left-1", "--json"], {
      onStart: (child) => {
        child.stderr?.on("data", (text: string) => text.includes("hanging") && child.kill("SIGINT"));
      },
    });
    expect(tasks.stdout).toContain('"fettle workflow … --id left-1" goes on with it');
    const { steps } = JSON.parse(resumed.stdout) as WorkflowResult;
    expect(steps.map(({ status, recorded: isRecorded }) => [status, isRecorded])).toEqual([
      ["success", true],
      ["cancelled", false],
      ["cancelled", false],
    ]);
  });

  it("tells what is wrong with a file by its line and path", async () => {
    const wrong: readonly (readonly [string, readonly string[]])[] = [
      [
        "wrong.yaml",
        [
          'Cannot use "wrong.yaml":',
          "- wrong.yaml:12: extra: unknown name; known are: id, agents, context, steps",
          "- wrong.yaml:6: steps.0.retry: unknown option; known are: id, agent, task,",
          "- wrong.yaml:7: steps.1.agent: expected the role of an agent",
          '- wrong.yaml:11: steps.1.when.biggerThan: unknown test "biggerThan"; there are: exists,',
        ],
      ],
      ["circle.json", ['Cannot use "circle.json": Steps wait for each other: a → b → a.']],
      ["nobody.json", ['step "step0" is for the agent "nobody", which is not there; the agents are: clerk.']],
      ["broken.yaml", ["Cannot read broken.yaml:2:1: "]],
      ["broken.json", ['Cannot read "broken.json": ']],
      ["none.yaml", ['Cannot read "none.yaml": there is no file /']],
      ["agents.ts", ['"agents.ts" exports no workflow. Export one: export const workflow = defineWorkflow(']],
    ];
    const runs = await Promise.all(wrong.map(([file]) => callFettle(["workflow", file], { cwd: folder })));
    runs.forEach((one, index) => {
      expect(one).toMatchObject({ code: 1, stdout: "" });
      for (const text of wrong[index]?.[1] ?? []) expect(one.stderr).toContain(text);
      expect(one.stderr).not.toMatch(/\n\s+at /);
    });
  });
});

describe("the tree of a workflow", () => {
  const id = { workflowId: "w" };
  const began: MeshEvent = {
    type: "workflow-started",
    ...id,
    resumed: false,
    steps: [
      { id: "fetch", agent: "clerk", dependsOn: [] },
      { id: "each", agent: "clerk", dependsOn: ["fetch"] },
    ],
  };
  const task = (index: number): MeshEvent => ({
    type: "step-task",
    ...id,
    step: "each",
    index,
    taskId: `w-each-${index}`,
    attempt: 1,
  });

  it("shows what waits for what, items at work and what they do, tokens and cost", () => {
    let now = 0;
    const view = new WorkflowView(() => now);
    view.take(began);
    expect(view.lines(false)).toEqual([
      "w  0.0 s",
      "├─ ○ fetch  clerk  waits",
      "└─ ○ each   clerk  waits for fetch",
    ]);
    view.take({ type: "step-started", ...id, step: "fetch", items: null });
    now = 1500;
    expect(view.lines(false)[1]).toBe("├─ ● fetch  clerk  1.5 s");
    const tokens = { input: 1000, output: 200, cacheRead: 4, cacheWrite: 0 };
    view.take({
      type: "step-finished",
      ...id,
      step: "fetch",
      status: "success",
      error: null,
      executionTime: 2,
      tokens,
      costUsd: 0.0021,
      recorded: false,
    });
    expect(view.lines(false)[1]).toBe("├─ ✓ fetch  clerk  2.0 s · 1,204 tokens · $0.0021");
    view.take({ type: "step-started", ...id, step: "each", items: 9 });
    for (let index = 0; index < 6; index += 1) view.take(task(index));
    view.take({ type: "state", taskId: "w-each-1", role: "clerk", state: "generating" });
    view.take({ type: "step-progress", ...id, step: "each", index: 0, done: 1, failed: 1, total: 9 });
    expect(view.lines(false).slice(2)).toEqual([
      "└─ ● each   clerk  0.0 s · 1 of 9, 1 failed",
      "      item 1: the model writes code",
      "      item 2",
      "      item 3",
      "      item 4",
      "      and 1 more",
    ]);
  });

  it("is drawn in its place on a terminal, cut to its size, and taken away at the end", async () => {
    let written = "";
    let drawn: () => void = () => undefined;
    const twice = new Promise<void>((resolve) => (drawn = resolve));
    const stream = {
      isTTY: true,
      columns: 16,
      rows: 4,
      on: () => stream,
      write: (text: string) => {
        written += text;
        if (written.split("and 1 lines").length > 2) drawn();
        return true;
      },
    } as unknown as WriteStream;
    const view = new WorkflowView(() => 0);
    view.take(began);
    const progress = new WorkflowProgress(view, stream);
    const alive = setInterval(() => undefined, 1000);
    await twice;
    clearInterval(alive);
    progress.end();
    const escape = "\u001b[";
    expect(written).toContain("├─ ○ fetch  cl…\n");
    expect(written).toContain(`${escape}1G${escape}3A${escape}0J`);
    expect(written.endsWith(`${escape}1G${escape}3A${escape}0J`)).toBe(true);
  });
});
