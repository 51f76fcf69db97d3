// `fettle check`: what it finds in order and out of order, and that it neither shows a key nor leaves a trace.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkFolder } from "#src/app/check/folders";
import { checkDependencies, checkPackage, checkRuntime } from "#src/app/check/installation";
import { packageManifest } from "#src/app/package-root";
import { requireRuntime } from "#src/app/runtime";
import { checkSandbox } from "#src/app/check/sandbox";
import { createSandbox } from "#src/sandbox/sandbox";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";
import {
  anthropicEvents,
  completionEvents,
  events,
  json,
  openAiError,
  startServer,
} from "../model/server.ts";

const CLAUDE_KEY = "sk-ant-api03-0123456789abcdef-wxyz";
const OPENAI_KEY = "sk-proj-0123456789abcdef-1234";

interface Report {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
}

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-check-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = (args: string[], env: Record<string, string> = {}) =>
  callFettle(["check", ...args], { cwd: folder, env });

const find = (report: Report, name: string) => report.checks.find((one) => one.name === name);

describe("fettle check", () => {
  it("tells each finding in a line, only warns of no model, and leaves nothing behind", async () => {
    const { code, stdout, stderr } = await runFettle(["check"], { cwd: folder });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^ (Node|Deno) version: OK \(\d+\.\d+\.\d+\)$/m);
    expect(stdout).toMatch(/^ Package: OK \(fettle \d/m);
    expect(stdout).toMatch(/^ Dependencies: OK \(\d+ installed and in range\)$/m);
    expect(stdout).toMatch(/^ \.env: not found/m);
    expect(stdout).toMatch(/^ Claude: not configured$/m);
    expect(stdout).toMatch(/^ Models: WARNING: No model provider is configured\. Set one of these:$/m);
    expect(stdout).toMatch(/^ Sandbox: OK \(code runs in a thread, an endless loop is stopped/m);
    expect(stdout).toContain(` Log directory: OK (${join(folder, "logs")})`);
    expect(stdout).toContain(` Data directory: OK (${join(folder, ".fettle")})`);
    expect(stdout).toMatch(/\nReady, with 1 warning\.\n$/);
    expect(code).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  it("names every problem of .env with its line, and shows no key", async () => {
    const lines = [
      `CLAUDE_API_KEY=${CLAUDE_KEY}`,
      `OPENAI_API_KEY ${OPENAI_KEY}`,
      "# a comment",
      'NOTE="two',
      'lines"',
      "EXECUTION_TIMEOUT=soon",
      "FETTLE_MESSH=a",
      "CLAUDE_MODLE=x",
    ];
    await writeFile(join(folder, ".env"), lines.join("\n"));
    const { code, stdout } = await check([]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      " .env: WARNING: .env:8: CLAUDE_MODLE is no setting; did you mean CLAUDE_MODEL?",
    );
    expect(stdout).toContain(" Settings: FAILED: 3 settings are wrong:");
    expect(stdout).toContain("- .env:2: this line is not NAME=value.");
    expect(stdout).toContain(
      '- .env:6: EXECUTION_TIMEOUT="soon": expected a number of seconds, such as 300.',
    );
    expect(stdout).toContain("- .env:7: FETTLE_MESSH is no setting; did you mean FETTLE_MESH?");
    expect(stdout).not.toMatch(/\.env:[1345]:/);
    expect(stdout).toMatch(/\n1 of \d+ checks failed\.\n$/);
    expect(stdout).not.toContain("0123456789");
  });

  it("asks each configured provider with --validate-llm, and tells its answer or its failure", async () => {
    await using claude = await startServer([
      events(anthropicEvents(["ready"], { usage: { input: 9, output: 2 } })),
    ]);
    await using openai = await startServer([json(401, openAiError("Incorrect key.", "invalid_api_key"))]);
    await writeFile(join(folder, ".env"), `CLAUDE_API_KEY=${CLAUDE_KEY}\nCLAUDE_BASE_URL=${claude.url}\n`);
    const env = {
      OPENAI_API_KEY: OPENAI_KEY,
      OPENAI_BASE_URL: openai.url,
      GEMINI_API_KEY: "AIza0123456789abcdef",
    };
    const { code, stdout } = await check(["--validate-llm", "--json"], {
      ...env,
      FETTLE_MODEL_ORDER: "claude,openai",
    });
    const report = JSON.parse(stdout) as Report;
    expect(code).toBe(1);
    expect(report.ok).toBe(false);
    expect(find(report, ".env")).toMatchObject({ status: "ok", detail: "2 settings" });
    expect(find(report, "Claude")?.status).toBe("ok");
    expect(find(report, "Claude")?.detail).toMatch(
      /^claude-test-1 answered in \d+ ms, 9 tokens in, 2 out; claude-\S+, http:\S+, key sk-ant-…wxyz$/,
    );
    expect(find(report, "OpenAI")).toMatchObject({ status: "failed" });
    expect(find(report, "OpenAI")?.detail).toMatch(/answered 401.*Check OPENAI_API_KEY.*key sk-proj-…1234/s);
    expect(find(report, "Gemini")?.detail).toContain("FETTLE_MODEL_ORDER leaves it out");
    expect(find(report, "vLLM or compatible")).toMatchObject({ status: "absent" });
    expect(find(report, "Models")).toBeUndefined();
    expect(claude.seen).toHaveLength(1);
    expect(claude.seen[0]?.body).toMatchObject({ max_tokens: 512 });
    expect(openai.seen).toHaveLength(1);
    expect(stdout).not.toContain("0123456789");
  });

  it("is content where every configured provider answers, and asks none without being told to", async () => {
    await using server = await startServer([events(completionEvents(["ready"]))]);
    const env = { LLM_ENDPOINT: server.url, LLM_MODEL: "local-1" };
    const unasked = await check([], env);
    expect(unasked).toMatchObject({ code: 0, stderr: "" });
    expect(unasked.stdout).toContain(` vLLM or compatible: OK (local-1, ${server.url}, no key)`);
    expect(unasked.stdout).toMatch(/\nReady\.\n$/);
    expect(server.seen).toHaveLength(0);
    const asked = await check(["--validate-llm"], env);
    expect(asked).toMatchObject({ code: 0, stderr: "" });
    expect(asked.stdout).toMatch(/ vLLM or compatible: OK \(gpt-test-1 answered in \d+ ms/);
    expect(server.seen).toHaveLength(1);
  });

  it("tells of a recording that is played back, and fails where it cannot be", async () => {
    await writeFile(join(folder, "tape.jsonl"), JSON.stringify({ match: { task: "a" }, answers: ["b"] }));
    const [played, broken] = await Promise.all([
      check([], { FETTLE_REPLAY: "tape.jsonl" }),
      check([], { FETTLE_REPLAY: "none.jsonl" }),
    ]);
    expect(played.stdout).toContain(
      ` Recorded answers: OK (FETTLE_REPLAY plays back ${folder}/tape.jsonl; no`,
    );
    expect(played.stdout).toMatch(/\nReady\.\n$/);
    expect(broken.stdout).toMatch(
      /^ Recorded answers: FAILED: The recording at .*none\.jsonl cannot be used/m,
    );
    expect([played.code, broken.code]).toEqual([0, 1]);
  });

  it("fails where no provider can be asked, folders cannot be written, or no sandbox is to be had", async () => {
    await writeFile(join(folder, "file"), "");
    const { code, stdout } = await check(["--validate-llm", "--json"], {
      AZURE_API_KEY: "0123456789abcdef",
      LOG_DIRECTORY: "file/logs",
      FETTLE_DATA_DIRECTORY: "new/data",
      SANDBOX_MODE: "remote",
    });
    const report = JSON.parse(stdout) as Report;
    expect(code).toBe(1);
    expect(find(report, "Models")).toMatchObject({ status: "failed" });
    expect(find(report, "Azure OpenAI")?.detail).toMatch(
      /AZURE_API_KEY is set, but AZURE_ENDPOINT and .* are missing/,
    );
    expect(find(report, "Sandbox")?.detail).toContain("Cannot make a remote sandbox");
    expect(find(report, "Log directory")?.detail).toMatch(/Cannot write to .*Set LOG_DIRECTORY to/);
    expect(find(report, "Data directory")).toMatchObject({ status: "ok", detail: join(folder, "new/data") });
    expect(await readdir(folder)).toEqual(["file"]);
  });
});

describe("a Node that is too old", () => {
  it("is refused by name by a mesh, before anything is opened", () => {
    expect(() => {
      requireRuntime({ node: "18.20.8" });
    }).toThrow(/^Node 18\.20\.8 is too old: Fettle needs Node >=20\.19\.0\. Install a newer one/);
    requireRuntime({ node: "20.19.0" });
    requireRuntime({ node: "18.0.0", deno: "2.9.6" });
  });

  // Deno has no options that are read before a program.
  if ("Deno" in globalThis) return;
  it("is refused by the command, before anything is loaded", async () => {
    const older =
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.3" } })';
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(older)}` };
    const { code, stdout, stderr } = await runFettle(["--version"], { cwd: folder, env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const wanted = packageManifest().engines.node;
    expect(stderr).toBe(
      `fettle: Node 20.18.3 is too old: Fettle needs Node ${wanted}. Install a newer one from https://nodejs.org.\n`,
    );
  });
});

describe("the checks", () => {
  it("refuse a Node that is too old, and take newer ones and Deno", () => {
    expect(checkRuntime({ node: "20.18.3" })).toMatchObject({ name: "Node version", status: "failed" });
    expect(checkRuntime({ node: "20.18.3" }).detail).toMatch(/^20\.18\.3 is too old: .*>=20\.19\.0/);
    for (const node of ["20.19.0", "22.1.0", "27.0.0-nightly20261101"]) {
      expect(checkRuntime({ node })).toEqual({ name: "Node version", status: "ok", detail: node });
    }
    expect(checkRuntime({ node: "20.11.1", deno: "2.9.6" })).toEqual({
      name: "Deno version",
      status: "ok",
      detail: "2.9.6",
    });
  });

  it("miss the built engine", () => {
    const finding = checkPackage(pathToFileURL(`${folder}/`));
    expect(finding.status).toBe("failed");
    expect(finding.detail).toMatch(/dist\/engine\/engine\.wasm.*npm run build/);
  });

  it("miss a dependency that is not there, of another version or not to be loaded", async () => {
    const { status, detail } = await checkDependencies({ zod: "^1.0.0", "no-such-package-here": "^1.0.0" });
    expect(status).toBe("failed");
    expect(detail).toMatch(/^2 of 2 cannot be used: run "npm install" again\.$/m);
    expect(detail).toMatch(/^- zod is installed in version \d.*, but \^1\.0\.0 is needed\.$/m);
    expect(detail).toMatch(/^- no-such-package-here is not installed: /m);
  });

  it("leave a folder as it was, whether it was there or not", async () => {
    await writeFile(join(folder, "mine"), "mine");
    const setting = "LOG_DIRECTORY";
    expect(await checkFolder("Log directory", { path: folder, setting })).toMatchObject({ status: "ok" });
    expect(await checkFolder("Log directory", { path: join(folder, "a/b/c"), setting })).toMatchObject({
      status: "ok",
    });
    expect(await readdir(folder)).toEqual(["mine"]);
  });

  it("prove a sandbox of processes too", async () => {
    const open = async () => createSandbox({ isolation: "process", isolates: 1 });
    expect(await checkSandbox("in a process", open)).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("runs in a process") as string,
    });
  });
});
