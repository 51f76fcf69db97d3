// The command line as a whole: what it says to whoever does not know it yet, and its exit codes.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { callFettle } from "../harness/command.ts";
import { projectRoot, runFettle } from "../harness/program.ts";

const COMMANDS = [
  "init",
  "check",
  "smoketest",
  "run",
  "demo",
  "workflow",
  "node",
  "nats",
  "tasks",
  "show",
  "replay",
  "approvals",
  "machines",
];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fettle = (...args: string[]) => runFettle(args, { cwd: folder });

it("explains itself when called alone, and tells its version", async () => {
  const [alone, help, version] = await Promise.all([fettle(), fettle("--help"), fettle("--version")]);
  expect(alone).toMatchObject({ code: 0, stderr: "" });
  expect(help).toEqual(alone);
  for (const command of COMMANDS) expect(alone.stdout).toMatch(new RegExp(`^  ${command} .*\\w`, "m"));
  expect(alone.stdout).toContain("$ fettle init my-agents --examples");
  const manifest = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as object;
  expect(version).toEqual({ code: 0, stderr: "", stdout: `${(manifest as { version: string }).version}\n` });
});

it("teaches each command with an example of it", async () => {
  const [first = "", ...others] = COMMANDS;
  const helps = await Promise.all([
    fettle(first, "--help"),
    ...others.map((command) => callFettle([command, "--help"], { cwd: folder })),
  ]);
  helps.forEach((help, index) => {
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(new RegExp(`^Examples:\\n  \\$ .*fettle ${COMMANDS[index] ?? ""}`, "m"));
    expect(help.stdout).toContain("--json");
  });
});

it("answers what it does not understand with a suggestion and exit code 2", async () => {
  const [command, option, missing] = await Promise.all([
    fettle("chek"),
    fettle("check", "--jsno"),
    fettle("run"),
  ]);
  expect(command).toMatchObject({ code: 2, stdout: "" });
  expect(command.stderr).toMatch(/unknown command 'chek'\n\(Did you mean check\?\)/);
  expect(option).toMatchObject({ code: 2, stdout: "" });
  expect(option.stderr).toMatch(
    /unknown option '--jsno'\n\(Did you mean --json\?\)\n+\(fettle check --help explains\)/,
  );
  expect(missing).toMatchObject({ code: 2, stdout: "" });
  expect(missing.stderr).toContain("missing required argument 'file'");
});

it("tells an error of ours by its message alone, with --json also as a document", async () => {
  const [text, json] = await Promise.all([
    fettle("run", "none.ts"),
    fettle("run", "none.ts", "task", "--json"),
  ]);
  expect(text).toMatchObject({ code: 1, stdout: "" });
  expect(text.stderr).toBe(`fettle: Cannot load "none.ts": there is no file ${join(folder, "none.ts")}.\n`);
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toEqual({
    error: { name: "ConfigError", message: text.stderr.slice("fettle: ".length).trimEnd() },
  });
});

it("ends in order where its reader goes away, as head does", async () => {
  const run = await runFettle(["check"], { cwd: folder, onStart: (child) => child.stdout?.destroy() });
  expect(run).toEqual({ code: 0, stdout: "", stderr: "" });
});

it("has written nothing by all this", async () => {
  expect(await readdir(folder)).toEqual([]);
});

it("writes no colours into what is no terminal, also where a service of builds asks tools for them", async () => {
  const { stdout } = await runFettle(["machines"], { cwd: folder, env: { CI: "true", NO_COLOR: "" } });
  expect(stdout).toMatch(/^agent /m);
  // eslint-disable-next-line no-control-regex -- it is what is looked for.
  expect(stdout).not.toMatch(/\u001b/);
});
