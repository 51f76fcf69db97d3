// The code of the README and the docs, run as their reader would: each ```ts block is a program of its own. Those of
// one page run in one process, one after the other, each in a folder of its own.
// - `// → text` after a line says what that line prints; together they must be the whole output.
// - `<!-- fragment -->` before a block, and each example of a docstring: its types are checked with what prelude.ts declares, but it is not run.
// - `<!-- nats -->` before a block: the programs of its page are given a server by NATS_URL.
// Model answers come from answers.json, by way of FETTLE_REPLAY; nothing else is replaced.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as fettle from "fettle";
import * as http from "fettle/http";
import * as sandbox from "fettle/sandbox";
import * as testing from "fettle/testing";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { projectRoot, runProgram, type Run } from "../harness/program.ts";
import { readExamples, readPages, type Snippet } from "./markdown.ts";

const pages = await readPages();
const examples = await readExamples();
const shown = pages.flatMap((page) => page.snippets).filter(({ language }) => language === "ts");
const snippets = [...shown, ...examples];
const programs = snippets.filter(({ mark }) => mark !== "fragment");
const fragments = snippets.filter(({ mark }) => mark === "fragment");

const nameOf = ({ file, line }: Snippet): string => `${file}:${line}`;
const fileOf = (snippet: Snippet): string => nameOf(snippet).replace(/\W+/g, "-");

const onServer = new Set(snippets.filter(({ mark }) => mark === "nats").map(({ file }) => file));

let folder = "";
let server: NatsServer | undefined;
let compiled: Run;
const runs = new Map<string, Promise<Run>>();

beforeAll(async () => {
  // Inside the project, so that "fettle" means this package; the folder is one that git ignores.
  await mkdir(join(projectRoot, "dist"), { recursive: true });
  folder = await mkdtemp(join(projectRoot, "dist/docs-"));
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
  await writeFile(
    join(folder, "prelude.ts"),
    await readFile(join(projectRoot, "test/docs/prelude.ts"), "utf8"),
  );
  for (const snippet of snippets) await writeFile(join(folder, `${fileOf(snippet)}.ts`), sourceOf(snippet));
  compiled = await runProgram(join(projectRoot, "node_modules/typescript/bin/tsc"), ["-p", folder], {
    cwd: folder,
  });
  if (onServer.size > 0) server = await startNatsServer();
  for (const { file } of pages) {
    const names = programs.filter((snippet) => snippet.file === file).map(fileOf);
    if (names.length > 0) runs.set(file, runAll(names, onServer.has(file) ? server : undefined));
  }
}, 120_000);
afterAll(async () => {
  await Promise.allSettled(runs.values());
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

function runAll(names: readonly string[], nats?: NatsServer): Promise<Run> {
  return runProgram(join(projectRoot, "test/docs/runner.mjs"), [folder, ...names], {
    cwd: folder,
    env: {
      FETTLE_REPLAY: join(projectRoot, "test/docs/answers.json"),
      LOG_LEVEL: "error",
      ...(nats === undefined ? {} : { NATS_URL: nats.url }),
    },
  });
}

const TSCONFIG = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    rootDir: ".",
    outDir: "out",
    incremental: false,
    tsBuildInfoFile: null,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ["*.ts"],
};

/** The block as a module, its lines where they stand in the page. */
function sourceOf(snippet: Snippet): string {
  const lines = "\n".repeat(snippet.line - 2);
  if (snippet.mark !== "fragment") return `${lines}export {};\n${snippet.code}\n`;
  const code = snippet.code.replaceAll(/^export /gm, "");
  return `${lines}import { ${PRELUDE.join(", ")} } from "./prelude.ts"; export async function fragment() {\n${code}\n}\n`;
}

/** What a fragment finds: all that the package exports, and what prelude.ts declares. */
const PRELUDE = [
  ...new Set([fettle, http, sandbox, testing].flatMap((module) => Object.keys(module))),
  ...[
    "z",
    "mesh",
    "model",
    "memory",
    "sandbox",
    "agent",
    "code",
    "calculator",
    "search",
    "app",
    "tracerProvider",
  ],
];

/** What one program printed, and how it ended. */
function outputOf(stdout: string, name: string): { readonly printed: string; readonly end: string } {
  const output = stdout.split("#begin ").find((part) => part.startsWith(`${name}\n`));
  const [, printed = "", end = "was not run"] = /^[^\n]*\n([^]*)^#([^]*)$/m.exec(output ?? "") ?? [];
  return { printed: printed.trimEnd(), end: end.trimEnd() };
}

/** What a block says that it prints. */
function promised(code: string): string[] {
  return [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => normalize(text ?? ""));
}

/** Runtimes print the same values with different quotes. */
function normalize(line: string): string {
  return line.trim().replaceAll("'", '"');
}

describe("the documentation's code", () => {
  it("has the types that it should", () => {
    expect(compiled.stdout).toBe("");
    expect(compiled.code).toBe(0);
  });

  it.each(programs.map((snippet) => [nameOf(snippet), snippet] as const))(
    "%s runs and prints what it says",
    async (_name, snippet) => {
      const { stdout } = (await runs.get(snippet.file)) ?? { stdout: "" };
      const { printed, end } = outputOf(stdout, fileOf(snippet));
      expect(end).toBe("end");
      const said = promised(snippet.code);
      if (said.length > 0) expect(printed.split("\n").map(normalize)).toEqual(said);
    },
  );

  it.each(pages.map(({ file }) => file).filter((file) => programs.some((snippet) => snippet.file === file)))(
    "of %s leaves nothing behind that keeps a process alive or complains",
    async (file) => {
      expect(await runs.get(file)).toMatchObject({ code: 0, stderr: "" });
    },
  );

  it("is mostly programs, and not fragments that nothing runs", () => {
    expect(programs.length).toBeGreaterThan(fragments.length - examples.length);
    expect(examples.length).toBeGreaterThan(8);
  });
});
