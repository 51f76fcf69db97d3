// `fettle run`: tasks and programs from files, and everything that can be wrong with them.
import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TaskResult } from "fettle";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";
import { callFettle } from "../harness/command.ts";
import { layProject } from "../harness/project-folder.ts";
import { runFettle, type RunOptions } from "../harness/program.ts";
import { openData } from "./stored-tasks.ts";
import { completionEvents, events, silence, startServer } from "../model/server.ts";

const AGENT = `import { defineAgent } from "fettle";
export const calculator: unknown = defineAgent({ role: "calculator", capabilities: ["math"], systemPrompt: "Compute." });
`;

const named = (name: string) => `import { defineAgent } from "fettle";
export const agent: unknown = defineAgent({ role: "worker", capabilities: ["x"], systemPrompt: "You are ${name}." });
`;

const PROGRAM = `import { Mesh } from "fettle";
import { agent } from "./one.ts";
const mesh = await new Mesh().add(agent).start();
console.log(JSON.stringify(await mesh.execute("worker", { id: "shared-1", task: "Add" })));
await mesh.stop();
`;

const CUSTOM = `import { defineAgent } from "fettle";
const echo = (role) => defineAgent({ role, capabilities: ["talk"], handle: (message) => message.context ?? null });
export const echoes = { one: echo("one"), two: echo("two") };
export const again = [echoes.one];
export const other = 42;
`;

const FILES: Readonly<Record<string, string>> = {
  "agents.ts": AGENT,
  "one.ts": named("one"),
  "two.ts": named("two"),
  "program-of-one.ts": PROGRAM,
  "custom.js": CUSTOM,
  "empty.ts": "export const calculator = 1;\n",
  "throws.ts": 'throw new TypeError("the file failed");\n',
  "wrong.ts":
    'import { defineAgent } from "fettle";\ndefineAgent({ role: "a b", capabilities: ["x"], systemPrompt: "x" });\n',
  "program.ts": 'const text: string = "program ran";\nconsole.log(text, await Promise.resolve(1));\n',
  "hangs.ts": 'setInterval(() => undefined, 1000);\nthrow new Error("after a timer was set");\n',
  "context.json": '{ "name": "from a file" }',
  "list.json": "[1]",
};

let folder = "";
beforeAll(async () => {
  folder = await layProject("run", FILES);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const run = (args: string[], options: Partial<RunOptions> = {}) =>
  runFettle(["run", ...args], { cwd: folder, ...options });

async function journalOf(home: string, taskId: string) {
  await using fabric = openData(home);
  return await new TaskList(fabric.ledger, { subjects: createSubjects("default") }).read(taskId);
}

describe("fettle run", () => {
  it("asks the configured provider and prints the result, progress on standard error only", async () => {
    const code = "```js\nresult = context.numbers.reduce((a, b) => a + b, 0);\n```";
    await using server = await startServer([events(completionEvents([code]))]);
    const env = { OPENAI_API_KEY: "sk-test-0123456789abcdef", OPENAI_BASE_URL: server.url };
    const args = ["agents.ts", "Add the numbers", "--context", '{"numbers":[40,2]}'];
    const [text, json] = await Promise.all([run(args, { env }), run([...args, "--json"], { env })]);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^ {2}output {4}42$/m);
    expect(text.stdout).toMatch(/^ {2}states {4}queued → generating → executing → settling → done$/m);
    expect(text.stdout).toMatch(/^ {2}model {5}openai\/gpt-test-1$/m);
    expect(text.stderr).toBe(
      ["waits for its turn", "the model writes code", "the code runs", "stores the result"]
        .map((words) => `calculator: ${words}\n`)
        .join(""),
    );
    expect(json).toMatchObject({ code: 0, stderr: text.stderr });
    const result = JSON.parse(json.stdout) as TaskResult;
    expect(result).toMatchObject({ status: "success", output: 42, repairs: 0, error: null });
    expect(await readdir(join(folder, "logs/calculator"))).toContain(`${result.resultId}.json`);
  });

  it("does a task with an id once: the second run gives the recorded result and says so", async () => {
    const args = [
      "custom.js",
      "Say it",
      "--agent",
      "one",
      "--context",
      "@context.json",
      "--id",
      "said-1",
      "--json",
    ];
    const first = await run(args);
    expect(first).toMatchObject({ code: 0, stderr: expect.not.stringContaining("recorded") as string });
    const second = await run(args);
    expect(second.stdout).toBe(first.stdout);
    expect(second.stderr).toContain(
      'fettle: the task "said-1" has ended before: this is its recorded result, and nothing is done or paid now\n',
    );
    const other = await run([...args.map((arg) => (arg === "Say it" ? "Say another" : arg))]);
    expect(other).toMatchObject({ code: 1 });
    expect(other.stderr).toContain('The task id "said-1" is taken: it says "Say it".');
  });

  it("does its own task with its own agent, however many run at once on one folder", async () => {
    const names = ["one", "two", "one", "two"];
    const servers = await Promise.all(
      names.map((name) => startServer([events(completionEvents([`\`\`\`js\nresult = "${name}";\n\`\`\``]))])),
    );
    const runs = await Promise.all(
      names.map((name, at) =>
        run([`${name}.ts`, "Say who you are", "--json"], {
          env: { LLM_ENDPOINT: servers[at]?.url ?? "", LLM_MODEL: "local-1" },
        }),
      ),
    );
    expect(runs.map(({ stdout }) => (JSON.parse(stdout) as TaskResult).output)).toEqual(names);
    for (const [at, server] of servers.entries()) {
      expect(server.seen).toHaveLength(1);
      expect(JSON.stringify(server.seen[0]?.body)).toContain(`You are ${names[at] ?? ""}.`);
      await server.close();
    }
  });

  it("leaves alone what a killed run left, and goes on with it under its id, paying nothing twice", async () => {
    const home = await mkdtemp(join(tmpdir(), "fettle-left-"));
    await symlink(join(folder, "node_modules"), join(home, "node_modules"));
    for (const name of ["package.json", "one.ts", "two.ts"]) {
      await writeFile(join(home, name), FILES[name] ?? '{ "type": "module" }');
    }
    const from = (url: string) => ({ cwd: home, env: { LLM_ENDPOINT: url, LLM_MODEL: "local-1" } });
    let repairAsked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (repairAsked = resolve));
    const draft = events(completionEvents(["```js\nresult = nothing;\n```"]));
    await using killed = await startServer([draft, () => repairAsked()]);
    await run(["one.ts", "Add", "--id", "left-1"], {
      ...from(killed.url),
      onStart: (child) => void isAsked.then(() => child.kill("SIGKILL")),
    });
    const left = await journalOf(home, "left-1");
    expect(left.at(-1)).toMatchObject({ type: "model-asked", repair: 1 });

    await using server = await startServer([events(completionEvents(["```js\nresult = 3;\n```"]))]);
    const other = await run(["two.ts", "Add more", "--json"], from(server.url));
    expect(other.code).toBe(0);
    expect(other.stderr).not.toContain("fettle:");
    expect(server.seen).toHaveLength(1);
    expect(await journalOf(home, "left-1")).toEqual(left);
    const { stdout } = await callFettle(["tasks"], { cwd: home });
    expect(stdout).toContain('(interrupted: "fettle run … --id left-1" goes on with it)');

    const again = await run(["one.ts", "Add", "--id", "left-1", "--json"], from(server.url));
    expect(again.code).toBe(0);
    expect(again.stderr).toContain('fettle: goes on with the task "left-1" where it is (waiting)\n');
    expect(JSON.parse(again.stdout)).toMatchObject({
      taskId: "left-1",
      status: "success",
      output: 3,
      repairs: 1,
    });
    // The first draft was paid before the kill, and is not asked for again.
    expect([killed.seen.length, server.seen.length]).toEqual([2, 2]);
    await rm(home, { recursive: true });
  });

  it("waits for a task that another process is at work on, and gives that one's result", async () => {
    let answer: () => void = () => undefined;
    const open = new Promise<void>((resolve) => (answer = resolve));
    const code = events(completionEvents(["```js\nresult = 5;\n```"]));
    await using server = await startServer([async (...given) => (await open, code(...given))]);
    const options = { env: { LLM_ENDPOINT: server.url, LLM_MODEL: "local-1" } };
    const first = run(["program-of-one.ts"], options);
    await server.asked;
    const joined = run(["one.ts", "Add", "--id", "shared-1", "--json"], {
      ...options,
      onStart: (child) =>
        child.stderr?.on("data", (text: string) => {
          if (text.includes("another process is at work on it")) answer();
        }),
    });
    const own = JSON.parse((await first).stdout) as TaskResult;
    expect(own).toMatchObject({ taskId: "shared-1", status: "success", output: 5 });
    expect(JSON.parse((await joined).stdout)).toEqual(own);
    expect(server.seen).toHaveLength(1);
  });

  it("says what to set where no provider is configured", async () => {
    const { code, stdout, stderr } = await callFettle(["run", "agents.ts", "Add"], { cwd: folder });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^fettle: No model provider is configured\. Set one of these:\n- Claude: CLAUDE_API_KEY/,
    );
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("takes agents out of arrays and objects, by role, and context from a file", async () => {
    const [chosen, several, unknown] = await Promise.all([
      run(["custom.js", "Say it", "--agent", "two", "--context", "@context.json", "--json"]),
      callFettle(["run", "custom.js", "Say it"], { cwd: folder }),
      callFettle(["run", "custom.js", "Say it", "--agent", "three"], { cwd: folder }),
    ]);
    expect(chosen).toMatchObject({ code: 0 });
    expect(JSON.parse(chosen.stdout)).toMatchObject({
      role: "two",
      output: { name: "from a file" },
      code: null,
    });
    expect(several).toMatchObject({ code: 1, stdout: "" });
    expect(several.stderr).toContain("exports several agents (one, two): say which with --agent <role>.");
    expect(unknown.stderr).toContain('exports no agent "three", only: one, two.');
  });

  it("explains what is wrong with a file, a context or an option", async () => {
    const wrong: readonly (readonly [args: string[], told: RegExp, code: number])[] = [
      [["."], /^fettle: Cannot load "\.": it is a folder; name a file in it\.\n$/, 1],
      [["empty.ts", "task"], /^fettle: "empty\.ts" exports no agent\. Export one: .*\n$/, 1],
      [["throws.ts", "task"], /^fettle: TypeError: the file failed\n\s+at .*throws\.ts/, 1],
      [["wrong.ts"], /^fettle: The agent's role "a b" is not a valid name: [^\n]*\n$/, 1],
      [["agents.ts", " "], /^fettle: .*\n/, 1],
      [["agents.ts", "task", "--id", "a b"], /^fettle: --id "a b" is not a valid name: use 1 to 128 /, 1],
      [["agents.ts", "task", "--context", "{"], /^fettle: Cannot read --context \{: .*JSON/, 1],
      [
        ["agents.ts", "task", "--context", "@none.json"],
        /^fettle: Cannot read --context @none\.json: ENOENT/,
        1,
      ],
      [["agents.ts", "task", "--context", "@list.json"], /^fettle: --context takes a JSON object/, 1],
      [["program.ts", "--json"], /^error: option '--json' is for a task/, 2],
    ];
    // A file that runs as a program may end its process.
    const runs = await Promise.all(
      wrong.map(([args]) => (args.length === 1 ? run(args) : callFettle(["run", ...args], { cwd: folder }))),
    );
    runs.forEach((one, index) => {
      const [, told, code] = wrong[index] ?? [[], /never/, 0];
      expect(one.stderr).toMatch(told);
      expect(one).toMatchObject({ code, stdout: "" });
    });
  });

  it("runs a file as a program, and ends with it where it throws", async () => {
    const [program, hangs] = await Promise.all([run(["program.ts"]), run(["hangs.ts"])]);
    expect(program).toEqual({ code: 0, stdout: "program ran 1\n", stderr: "" });
    expect(hangs).toMatchObject({ code: 1, stdout: "" });
    expect(hangs.stderr).toContain("Error: after a timer was set");
  });

  it("shows of an error's stack what is the file's own, and nothing of what loads it", async () => {
    const { stderr } = await run(["throws.ts", "task"]);
    expect(stderr).toMatch(/^fettle: TypeError: the file failed\n {4}at [^\n]*throws\.ts:1:\d+\)?\n$/);
  });

  it("says how a task is given, where a file of agents is run without one", async () => {
    const [one, several] = await Promise.all([run(["agents.ts"]), run(["custom.js"])]);
    expect(one).toEqual({
      code: 0,
      stdout: "",
      stderr:
        'fettle: ran "agents.ts" as a program. A task for what it exports (calculator) would be: fettle run agents.ts "<task>"\n',
    });
    expect(several.stderr).toMatch(/\(two, one\)|\(one, two\)/);
    expect(several.stderr).toMatch(/fettle run custom\.js "<task>" --agent <role>\n$/);
  });

  it("cancels the task on Ctrl-C, still gives its result, and exits with 130", async () => {
    await using server = await startServer([silence]);
    const { code, stdout } = await run(["agents.ts", "Add", "--json"], {
      env: { LLM_ENDPOINT: server.url, LLM_MODEL: "local-1" },
      onStart: (child) => void server.asked.then(() => child.kill("SIGINT")),
    });
    // Deno's node:child_process tells a child's exit with 130 as the end by a signal: code null.
    expect(code).toBe("Deno" in globalThis ? null : 130);
    expect(JSON.parse(stdout)).toMatchObject({ status: "cancelled", error: { category: "cancelled" } });
    await server.clientGone;
  });

  it("writes to its log and data folders alone", async () => {
    const expected = [...Object.keys(FILES), "node_modules", "package.json", "logs", ".fettle"].sort();
    expect((await readdir(folder)).sort()).toEqual(expected);
    expect(await readdir(join(folder, "node_modules"))).toEqual(["fettle"]);
  });
});
