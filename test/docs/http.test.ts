// The commands of docs/http.md, run as their reader would: against `fettle serve`, one after the other.
// - `<!-- answer -->` before a block of JSON: what the command before it is answered with, at least.
// - `<!-- events: … -->`: the events that the command before it streams, states left out.
// What starts services (`fettle …`, `openssl …`) is left out here: test/app/serve.test.ts has that.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import { projectRoot, runFettle, type Run } from "../harness/program.ts";

const AGENTS = `import { defineAgent } from "fettle";
export const calculator = defineAgent({ role: "calculator", capabilities: ["math"], systemPrompt: "Compute exactly." });
export const slow = defineAgent({
  role: "slow",
  capabilities: ["waiting"],
  handle: () => new Promise((resolve) => setTimeout(() => resolve("done"), 300)),
});
`;
const ANSWERS = {
  entries: [
    {
      match: { task: "factorial of 10" },
      answers: [["```js", "let n = 1; for (let i = 2; i <= 10; i++) n *= i;", "result = n;", "```"]],
    },
  ],
};

/** A command, the line it stands on, and what is said of its answer. */
interface Shown {
  readonly line: number;
  readonly command: string;
  readonly answer: unknown;
  readonly events: readonly string[] | null;
}

const text = await readFile(join(projectRoot, "docs/http.md"), "utf8");
const shown = commandsOf(text);

function commandsOf(page: string): readonly Shown[] {
  const blocks = [
    ...page.matchAll(
      /```sh\n([^]*?)```\n(?:\n<!-- (answer|events)(?:: ([^>]*?))? -->\n(?:\n```jsonc\n([^]*?)```)?)?/g,
    ),
  ];
  return blocks.flatMap((block): Shown[] => {
    const [, code = "", kind, events, json] = block;
    const line = page.slice(0, block.index).split("\n").length + 1;
    const commands = code.replaceAll(/\\\n\s*/g, " ").split(/\n(?=curl )/);
    return commands
      .filter((command) => command.startsWith("curl "))
      .map((command) => ({
        line,
        command,
        answer:
          kind === "answer" ? (JSON.parse((json ?? "").replace(/,(?=\s*[}\]])/g, "")) as unknown) : undefined,
        events: kind === "events" ? (events ?? "").split(" ") : null,
      }));
  });
}

let folder = "";
let url = "";
let child: ChildProcess;
let ended: Promise<Run>;
beforeAll(async () => {
  await mkdir(join(projectRoot, "dist"), { recursive: true });
  // Inside the project, so that "fettle" means this package.
  folder = await mkdtemp(join(projectRoot, "dist/docs-http-"));
  await writeFile(join(folder, "agents.mjs"), AGENTS);
  await writeFile(join(folder, "answers.json"), JSON.stringify(ANSWERS));
  const started = defer<ChildProcess>();
  ended = runFettle(["serve", "agents.mjs", "--port", "0", "--json"], {
    cwd: folder,
    env: { FETTLE_REPLAY: "answers.json" },
    onStart: (process) => started.resolve(process),
  });
  child = await started.promise;
  if (child.stdout === null) throw new Error("It has no output.");
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (first.done === true) throw new Error((await ended).stderr);
  url = (JSON.parse(first.value) as { readonly url: string }).url;
}, 60_000);
afterAll(async () => {
  if (child.pid !== undefined) process.kill(child.pid, "SIGTERM");
  await ended;
  await rm(folder, { recursive: true, force: true });
});

function shell(command: string): Promise<{ readonly code: number | null; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const running = spawn("sh", ["-c", command], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    running.stdout.setEncoding("utf8").on("data", (part: string) => (stdout += part));
    running.once("error", reject);
    running.once("close", (code) => resolve({ code, stdout }));
  });
}

describe("docs/http.md", () => {
  it("shows commands, and what most of them are answered with", () => {
    expect(shown.length).toBeGreaterThan(10);
    expect(
      shown.filter(({ answer, events }) => answer !== undefined || events !== null).length,
    ).toBeGreaterThan(5);
  });

  it("has commands that are answered as it says", async () => {
    expect((await shell("curl --version")).code, "curl is needed: apt-get install curl").toBe(0);
    for (const { line, command, answer, events } of shown) {
      const place = `docs/http.md:${line}: ${command}`;
      const { code, stdout } = await shell(command.replaceAll("http://127.0.0.1:8080", url));
      expect(code, place).toBe(0);
      if (events === null) {
        const body: unknown = JSON.parse(stdout);
        if (answer === undefined)
          expect((body as { readonly code?: string }).code ?? "TASK_ENDED", place).toBe("TASK_ENDED");
        else expect(body, place).toMatchObject(answer as object);
      } else {
        const kinds = [...stdout.matchAll(/^id: .*\nevent: (.*)$/gm)].map(([, kind]) => kind);
        expect(
          kinds.filter((kind) => kind !== "state"),
          place,
        ).toEqual(events);
      }
    }
  });

  it("has every code of status in its table that the service describes", async () => {
    const rows = [...text.matchAll(/^\| (\d{3}) +\|/gm)].map(([, status]) => Number(status));
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>>;
    };
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const described = new Set(operations.flatMap(({ responses }) => Object.keys(responses).map(Number)));
    for (const status of [...described].filter((one) => one >= 400)) expect(rows).toContain(status);
  });
});
