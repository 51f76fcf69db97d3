// docs/first-hour.md, walked from its top to its end as its reader would: each file is written, each command run.
// - `<!-- file: name -->` before a block: it is written to that file of the project.
// - `<!-- prints -->` before a block of text: the commands before it print each of its lines, or what begins with it.
// - `<!-- in a shell of its own, until: text -->` before a command: it is left running once it has said that.
// - `<!-- the other prints -->`: what the command in a shell of its own prints before it ends by itself.
// - `<!-- by hand -->`: done here in another way, as what installs packages and starts the server is.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNatsServer, type NatsServer } from "../harness/nats-server.ts";
import { projectRoot } from "../harness/program.ts";
import { readPages, type Snippet } from "./markdown.ts";

const PAGE = "docs/first-hour.md";
const snippets = (await readPages()).find(({ file }) => file === PAGE)?.snippets ?? [];

let folder = "";
let project = "";
let server: NatsServer;
const running: Shell[] = [];

beforeAll(async () => {
  await mkdir(join(projectRoot, "dist"), { recursive: true });
  folder = await mkdtemp(join(projectRoot, "dist/docs-hour-"));
  project = join(folder, "my-agents");
  server = await startNatsServer();
  await new Shell("npx fettle init my-agents", folder).ended;
  await mkdir(join(project, "node_modules"));
  await symlink(projectRoot, join(project, "node_modules/fettle"));
}, 120_000);
afterAll(async () => {
  await Promise.all(running.map((shell) => shell.stop()));
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** A command line as it runs: what it has printed, on both streams, and how it ends. */
class Shell {
  printed = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #hearers = new Set<() => void>();

  constructor(command: string, cwd = project) {
    const runtime = [process.execPath, ...("Deno" in globalThis ? ["run", "-A"] : [])].join(" ");
    const line = command
      .replaceAll("npx fettle", `${runtime} ${projectRoot}bin/fettle.js`)
      .replaceAll("nats://127.0.0.1:4222", server.url)
      .replaceAll("http://127.0.0.1:8080", httpUrl);
    this.#child = spawn("sh", ["-c", `exec ${line}`], {
      cwd,
      env: { PATH: process.env["PATH"] ?? "", HOME: cwd, NO_COLOR: "1", FETTLE_HTTP_PORT: "0" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.printed += text;
        for (const hearer of this.#hearers) hearer();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", resolve);
    });
  }

  /** Resolves once it has printed that. */
  async heard(text: string): Promise<void> {
    const heard = new Promise<void>((resolve) => {
      const look = () => {
        if (this.printed.includes(text)) resolve();
      };
      this.#hearers.add(look);
      look();
    });
    const early = this.ended.then((code) => {
      if (!this.printed.includes(text)) throw new Error(`It ended with ${String(code)}: ${this.printed}`);
    });
    await Promise.race([heard, early]);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.ended;
  }
}

let httpUrl = "";
let printed = "";

async function follow({ language, mark, code }: Snippet): Promise<void> {
  const [, file] = /^file: (.+)$/.exec(mark) ?? [];
  const [, until] = /^in a shell of its own, until: (.+)$/.exec(mark) ?? [];
  if (mark === "by hand") return;
  if (file !== undefined) return writeFile(join(project, file), `${code}\n`);
  if (mark === "prints") {
    for (const line of code.split("\n")) expect(printed).toContain(line);
    printed = "";
  } else if (mark === "the other prints") {
    const other = running.pop();
    expect(await other?.ended).toBe(0);
    for (const line of code.split("\n")) expect(other?.printed).toContain(line);
  } else if (until !== undefined) {
    const shell = new Shell(code);
    running.push(shell);
    await shell.heard(until);
    httpUrl = /http:\/\/127\.0\.0\.1:\d+/.exec(shell.printed)?.[0] ?? httpUrl;
  } else {
    expect(language).toBe("sh");
    for (const command of code.split("\n")) {
      const shell = new Shell(command);
      expect(await shell.ended, `${command}\n${shell.printed}`).toBe(0);
      printed += shell.printed;
    }
  }
}

it("has steps of each kind", () => {
  const kinds = new Set(snippets.map(({ mark }) => mark.split(":")[0]));
  expect([...kinds].sort()).toEqual(
    ["", "by hand", "file", "in a shell of its own, until", "prints", "the other prints"].sort(),
  );
});

it("goes as it says, from its first step to its last", async () => {
  for (const snippet of snippets) {
    try {
      await follow(snippet);
    } catch (thrown) {
      throw new Error(`${PAGE}:${snippet.line}: ${String(thrown)}`, { cause: thrown });
    }
  }
}, 120_000);
