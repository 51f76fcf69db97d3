// The package as its users get it: packed, looked at, installed into an empty folder, compiled against and run.
// Installing takes npm's registry, or npm's cache; nothing else leaves the machine.
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData, type Problem } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot, type Run } from "../harness/program.ts";

const DENO = join(projectRoot, "node_modules/deno/bin.cjs");
const TSC = join(projectRoot, "node_modules/typescript/bin/tsc");

/** What a program has that runs on a server alone. */
const LIB = ["ES2023", "ESNext.Disposable"];

/** What the installed program says, on every runtime. */
const SAID = {
  mended: { output: 42, repairs: 1 },
  served: { status: 200, output: 42 },
  ran: [1, 4, 9],
  refused: "DEFINITION_INVALID",
  machine: "task",
};

let folder = "";
let tarball = "";
let files: readonly string[] = [];
let bytes = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-package-"));
  const { stdout } = await call(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    projectRoot,
  );
  const [packed] = JSON.parse(stdout) as readonly [
    {
      readonly filename: string;
      readonly size: number;
      readonly files: readonly { readonly path: string }[];
    },
  ];
  tarball = join(folder, packed.filename);
  files = packed.files.map(({ path }) => path);
  bytes = packed.size;
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** So long may npm take, in milliseconds; most of it comes from its cache. */
const INSTALL_MS = 120_000;

/**
 * Runs a command to its end, in the environment of whoever runs the tests; settings of Fettle's own left out. One that takes
 * longer than so many milliseconds is ended, and has failed.
 */
function call(command: string, args: readonly string[], cwd: string, timeout?: number): Promise<Run> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(FETTLE|LLM|CLAUDE|ANTHROPIC|OPENAI|AZURE|GEMINI|NATS|OTEL|npm_)/.test(name),
  );
  return new Promise((resolve, reject) => {
    const env = { ...Object.fromEntries(kept), NO_COLOR: "1" };
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(timeout === undefined ? {} : { timeout, killSignal: "SIGKILL" }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => (stdout += String(text)));
    child.stderr.on("data", (text) => (stderr += String(text)));
    child.once("error", reject).once("close", (code) => {
      if (code === 0) resolve({ code, stdout, stderr });
      else
        reject(
          new Error(`${command} ${args.join(" ")} ended with ${code ?? "a signal"}:\n${stdout}\n${stderr}`),
        );
    });
  });
}

describe("what is packed", () => {
  it.each([
    "bin/fettle.js",
    "dist/engine/engine.wasm",
    "dist/engine/worker.js",
    "dist/src/app/inspector/page/app.css",
    "dist/src/app/inspector/page/app.js",
    "dist/src/app/inspector/page/index.html",
    "dist/src/app/inspector/page/licenses.txt",
    "dist/src/index.d.ts",
    "dist/src/index.js",
    "docs/api/README.md",
    "docs/grafana/fettle.json",
    "LICENSE",
    "llms.txt",
    "README.md",
    "templates/project/gitignore",
  ])("has %s", (path) => {
    expect(files).toContain(path);
  });

  it("has nothing that serves tests, builds or the repository alone", () => {
    const useless =
      /^(test|bench|scripts|coverage|logs)\/|^docs\/pictures\/|\.tsbuildinfo$|\.key$|\.tgz$|\.tsx$/;
    expect(files.filter((path) => useless.test(path))).toEqual([]);
  });

  it("has the sources that its maps name", async () => {
    const maps = files.filter((path) => path.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(500);
    const packed = new Set(files);
    for (const path of maps) {
      const { sources } = JSON.parse(await readFile(join(projectRoot, path), "utf8")) as {
        readonly sources: readonly string[];
      };
      for (const source of sources) expect(packed).toContain(join(path, "..", source));
    }
  });

  it("weighs less than 3 MB", () => {
    expect(bytes).toBeLessThan(3_000_000);
  });
});

describe("the tarball", () => {
  it("has nothing that publint would have otherwise", async () => {
    const { messages, pkg } = await publint({
      pack: { tarball: new Uint8Array(await readFile(tarball)).buffer },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("has types that are right wherever ES modules can be imported", async () => {
    const result = await checkPackage(createPackageFromTarballData(new Uint8Array(await readFile(tarball))));
    if (result.types === false) throw new Error("It has no types.");
    expect(result.problems.filter((problem) => !isOfEsmOnly(problem))).toEqual([]);
    expect(Object.keys(result.entrypoints).sort()).toEqual(
      [".", "./http", "./machines", "./package.json", "./sandbox", "./testing"].sort(),
    );
  });
});

/**
 * What every package of ES modules alone has: TypeScript's resolution for Node 10 knows no `exports`, and a CommonJS file
 * gets a module by `import()`.
 */
function isOfEsmOnly(problem: Problem): boolean {
  return (
    (problem.kind === "NoResolution" && problem.resolutionKind === "node10") ||
    (problem.kind === "CJSResolvesToESM" && problem.resolutionKind === "node16-cjs")
  );
}

describe("installed into an empty project", () => {
  let project = "";
  beforeAll(async () => {
    project = join(folder, "project");
    await mkdir(project);
    const types = await versionOf("@types/node");
    const manifest = {
      private: true,
      type: "module",
      dependencies: { fettle: `file:${tarball}`, zod: await versionOf("zod") },
      devDependencies: { "@types/node": types },
    };
    await writeFile(join(project, "package.json"), JSON.stringify(manifest));
    await writeFile(join(project, "deno.json"), JSON.stringify({ nodeModulesDir: "manual" }));
    await copyFile(join(projectRoot, "test/package/program.ts"), join(project, "program.ts"));
    const install = () =>
      call("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], project, INSTALL_MS);
    // npm on Node 20 was seen to wait for a file for ever, its processors idle: then it is to begin anew.
    await install().catch(install);
  }, 300_000);

  /** Compiles the program as a project with these options does; gives what the compiler says. */
  async function compile(options: Readonly<Record<string, unknown>>): Promise<string> {
    const config = {
      compilerOptions: { target: "ES2023", types: ["node"], strict: true, outDir: "out", ...options },
      files: ["program.ts"],
    };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify(config));
    return (await call("node", [TSC, "-p", project], project)).stdout;
  }

  it.each([
    ["NodeNext", { module: "NodeNext" }],
    ["a bundler", { module: "ESNext", moduleResolution: "Bundler" }],
  ])("is typed for %s, down to the types of what it depends on", async (_name, options) => {
    // The types of `nats` take TextEncoder for one of the browser's.
    expect(await compile({ ...options, lib: [...LIB, "DOM"], skipLibCheck: false })).toBe("");
  });

  it("is typed for Deno", async () => {
    await call("node", [DENO, "check", "program.ts"], project);
  });

  it("runs on Node and on Deno", async () => {
    expect(await compile({ module: "NodeNext", lib: LIB, skipLibCheck: true })).toBe("");
    const program = join(project, "out/program.js");
    const onNode = await call("node", [program], project);
    expect(JSON.parse(onNode.stdout)).toEqual(SAID);
    const onDeno = await call("node", [DENO, "run", "-A", "--unstable-worker-options", program], project);
    expect(JSON.parse(onDeno.stdout)).toEqual(SAID);
  });

  it("has a command", async () => {
    const { version } = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as {
      readonly version: string;
    };
    expect((await call("npx", ["fettle", "--version"], project)).stdout.trim()).toBe(version);
    const demo = await call("npx", ["fettle", "demo"], project);
    expect(demo.stdout.match(/^ {2}status {4}success$/gm)).toHaveLength(3);
  });
});

async function versionOf(name: string): Promise<string> {
  const manifest = await readFile(join(projectRoot, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
