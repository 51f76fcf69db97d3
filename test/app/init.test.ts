// `fettle init`: what it makes runs, from the packed package as from a clone; what is there already is safe.
import { execFile } from "node:child_process";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { projectRoot, runFettle, runProgram, type Run } from "../harness/program.ts";
import { completionEvents, events, startServer } from "../model/server.ts";

const FILES = [
  ".env.example",
  ".gitignore",
  "README.md",
  "agents.ts",
  "answers.json",
  "deno.json",
  "main.ts",
  "package.json",
  "tsconfig.json",
];

let folder = "";
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "fettle-init-")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const init = (args: string[], cwd = folder) => runFettle(["init", ...args], { cwd });

const filesOf = async (path: string): Promise<string[]> => {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
};

/** Packs and unpacks the package as a registry would, its dependencies being found in the project's own. */
async function installPackage(): Promise<string> {
  const run = promisify(execFile);
  const packed = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: projectRoot,
  });
  const [{ filename } = { filename: "" }] = JSON.parse(packed.stdout) as { filename: string }[];
  await run("tar", ["-xzf", filename], { cwd: folder });
  await rm(join(folder, filename));
  await mkdir(join(folder, "projects/node_modules"), { recursive: true });
  await rename(join(folder, "package"), join(folder, "projects/node_modules/fettle"));
  await symlink(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  return join(folder, "projects");
}

describe("a project made by the installed package", () => {
  let projects = "";
  let made: Run;
  const fettle = (args: string[], env: Record<string, string> = {}) =>
    runProgram(join(projects, "node_modules/fettle/bin/fettle.js"), args, {
      cwd: join(projects, "My Agents"),
      env,
    });

  beforeAll(async () => {
    projects = await installPackage();
    made = await runProgram(
      join(projects, "node_modules/fettle/bin/fettle.js"),
      ["init", "My Agents", "--examples"],
      { cwd: projects },
    );
  });

  it("holds what is promised, and is told of with the next steps", async () => {
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const project = join(projects, "My Agents");
    const files = await filesOf(project);
    expect(files.filter((file) => !file.startsWith("examples/"))).toEqual([...FILES].sort());
    for (const file of files) expect(made.stdout).toContain(`\n  ${file}\n`);
    expect(made.stdout).toMatch(/^Made \d+ files in .*My Agents:\n/);
    expect(made.stdout).toMatch(
      / cd "My Agents" .*\n {2}npm install .*\n {2}npm start .*\n {2}cp \.env\.example \.env /,
    );
    const manifest = JSON.parse(await readFile(join(project, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const own = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as { version: string };
    expect(manifest).toMatchObject({
      name: "my-agents",
      type: "module",
      scripts: { start: "fettle run main.ts" },
      dependencies: { fettle: `^${own.version}` },
    });
    const settings = await readFile(join(projectRoot, ".env.example"), "utf8");
    expect(await readFile(join(project, ".env.example"), "utf8")).toBe(settings);
    expect(await readFile(join(project, ".gitignore"), "utf8")).toMatch(/^\.env$/m);
  });

  it("runs without a key, and says in one line that answers are played back", async () => {
    const { code, stdout, stderr } = await fettle(["run", "main.ts"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.match(/playing back/g)).toHaveLength(1);
    expect(stdout).toMatch(/^status: {2}success\noutput: {2}3628800\nrepairs: 0\ncode:\nlet result = 1;$/m);
  });

  it("asks the provider once .env has a key", async () => {
    await using server = await startServer([events(completionEvents(["```js\nresult = 7;\n```"]))]);
    const file = join(projects, "My Agents/.env");
    await writeFile(file, `OPENAI_API_KEY=sk-test-0123456789abcdef\nOPENAI_BASE_URL=${server.url}\n`);
    const { code, stdout } = await fettle(["run", "main.ts"]);
    await rm(file);
    expect(code).toBe(0);
    expect(stdout).not.toContain("playing back");
    expect(stdout).toMatch(/^output: {2}7$/m);
    expect(server.seen).toHaveLength(1);
  });

  it("has examples that need nothing beside them but the project", async () => {
    const place = join(projects, "My Agents");
    for (const file of await filesOf(join(place, "examples"))) {
      const text = await readFile(join(place, "examples", file), "utf8");
      for (const [, path = ""] of text.matchAll(/["'](\.\.?\/[^"'\s]+)["']/g)) {
        await expect(
          lstat(join(place, "examples", file, "..", path)),
          `${file}: ${path}`,
        ).resolves.toBeDefined();
      }
    }
  });

  it("has examples that run, its agents can be given a task, and its check passes", async () => {
    const examples = await readdir(join(projects, "My Agents/examples"), { withFileTypes: true });
    const names = examples.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["custom-agent", "research-write", "review-merge", "tools-and-context"]),
    );
    const [tool, parallel, task, check] = await Promise.all([
      fettle(["run", "examples/tools-and-context/main.ts"]),
      fettle(["run", "examples/review-merge/main.ts"]),
      fettle(["run", "agents.ts", "Calculate the factorial of 10"], { FETTLE_REPLAY: "answers.json" }),
      fettle(["check"]),
    ]);
    expect([tool.code, parallel.code]).toEqual([0, 0]);
    expect(task.stdout).toMatch(/^ {2}output {4}3628800$/m);
    expect(check).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("fettle init", () => {
  let place = "";
  beforeEach(async () => {
    place = await mkdtemp(join(folder, "place-"));
  });

  it("makes the project where it is called, and depends on the clone that it runs from", async () => {
    const { code, stdout, stderr } = await init(["--json"], place);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const report = JSON.parse(stdout) as { directory: string; files: string[]; next: string[] };
    expect(report).toMatchObject({ directory: place, files: FILES });
    expect(report.next[0]).toBe("npm install");
    expect(await filesOf(place)).toEqual([...FILES].sort());
    const manifest = JSON.parse(await readFile(join(place, "package.json"), "utf8")) as object;
    expect(manifest).toMatchObject({ dependencies: { fettle: `file:${projectRoot}` } });
  });

  it("writes nothing where a file is in the way, and names them all", async () => {
    await writeFile(join(place, "main.ts"), "mine");
    await symlink(join(place, "nowhere"), join(place, "README.md"));
    await writeFile(join(place, "other.txt"), "mine");
    const { code, stdout, stderr } = await init([], place);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("nothing was written, since these are there already:\n- README.md\n- main.ts\n");
    expect(stderr).toContain("--force");
    expect((await readdir(place)).sort()).toEqual(["README.md", "main.ts", "other.txt"]);
    expect(await readFile(join(place, "main.ts"), "utf8")).toBe("mine");
  });

  it("replaces with --force its own files alone, and links by files", async () => {
    const elsewhere = join(folder, "elsewhere.md");
    await writeFile(elsewhere, "elsewhere");
    await symlink(elsewhere, join(place, "README.md"));
    await writeFile(join(place, "main.ts"), "mine");
    await writeFile(join(place, "other.txt"), "mine");
    expect(await init([".", "--force"], place)).toMatchObject({ code: 0 });
    expect(await readFile(join(place, "main.ts"), "utf8")).toContain("new Mesh");
    expect(await readFile(join(place, "other.txt"), "utf8")).toBe("mine");
    expect(await readFile(elsewhere, "utf8")).toBe("elsewhere");
    expect((await lstat(join(place, "README.md"))).isFile()).toBe(true);
  });

  it("refuses a file, a folder in a file's place, and what cannot be written", async () => {
    await writeFile(join(place, "file"), "");
    await mkdir(join(place, "taken/main.ts"), { recursive: true });
    const [file, below, taken, option] = await Promise.all([
      init(["file"], place),
      init(["file/below"], place),
      init(["taken", "--force"], place),
      init(["new", "--exampels"], place),
    ]);
    expect(file.stderr).toMatch(
      /^fettle: Cannot make a project in .*file: it is a file\. Name another folder\.\n$/,
    );
    expect(below.stderr).toMatch(/^fettle: Cannot make a project in .*below: ENOTDIR.*\n$/);
    expect(taken.stderr).toContain("- main.ts (a folder)");
    expect([file.code, below.code, taken.code, option.code]).toEqual([1, 1, 1, 2]);
    expect(option.stderr).toContain("(Did you mean --examples?)");
    expect((await readdir(place)).sort()).toEqual(["file", "taken"]);
    expect(await filesOf(join(place, "taken"))).toEqual([]);
  });
});
