// No key comes out anywhere: a program whose keys have no known shape, and a provider that tells its key in its errors,
// read through every door there is.
import type { ChildProcess } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defer } from "#src/core/deferred";
import { openCollector } from "../harness/collector.ts";
import { layProject } from "../harness/project-folder.ts";
import { projectRoot, RUNTIME_ARGS, runFettle } from "../harness/program.ts";
import { anthropicError, anthropicEvents, events, json, startServer } from "../model/server.ts";

/** None has the shape of a key: only who knows them can mask them. */
const KEY = "cl4ude-of-no-known-shape";
const HTTP = "http-t0ken-of-no-known-shape";
const OTLP = "otlp-t0ken-of-no-known-shape";
const SECRETS = [KEY, HTTP, OTLP];

const AGENTS = `import { defineAgent } from "fettle";
export const coder = defineAgent({ role: "coder", capabilities: ["x"], systemPrompt: "You write code." });
`;
const fenced = (code: string) => `\`\`\`js\n${code}\n\`\`\``;

let folder = "";
beforeAll(async () => {
  folder = await layProject("secrets", { "agents.js": AGENTS });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** All that is written below a folder. */
async function filesIn(path: string): Promise<readonly string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  const files = found.filter((one) => one.isFile() && !one.parentPath.includes("node_modules"));
  return Promise.all(files.map((one) => readFile(join(one.parentPath, one.name), "latin1")));
}

it("keys come out of no log, error, journal, prompt, answer, page, trace or file", async () => {
  await using collector = await openCollector();
  const refusal = anthropicError("authentication_error", `invalid x-api-key: ${KEY}`);
  await using provider = await startServer([
    events(anthropicEvents([fenced("result = nothingOfThatName")])),
    events(anthropicEvents([fenced("result = typeof process")])),
    json(401, refusal),
  ]);
  const env = {
    CLAUDE_API_KEY: KEY,
    CLAUDE_BASE_URL: provider.url,
    FETTLE_HTTP_TOKEN: HTTP,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${OTLP}`,
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true",
    FETTLE_METRICS_PORT: "0",
    LOG_LEVEL: "trace",
  };
  const running = defer<ChildProcess>();
  const ended = runFettle(["serve", "agents.js", "--inspect", "--port", "0", "--json"], {
    cwd: folder,
    env,
    onStart: (child) => running.resolve(child),
  });
  const child = await running.promise;
  if (child.stdout === null) throw new Error("It has no output.");
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  const { url } = JSON.parse(String(first.value)) as { readonly url: string };
  const said: Record<string, string> = {};
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, {
      ...init,
      headers: { Authorization: `Bearer ${HTTP}`, "Content-Type": "application/json" },
    });
    const text = await response.text();
    said[`${init.method ?? "GET"} ${path} ${response.status}`] = text + JSON.stringify([...response.headers]);
    return text;
  };
  const run = (id: string) => {
    const body = JSON.stringify({ agent: "coder", task: `Do ${id}.`, id });
    return ask("/v1/tasks", { method: "POST", body });
  };
  expect(JSON.parse(await run("t1"))).toMatchObject({ status: "success", output: "undefined", repairs: 1 });
  const failed = await run("t2");
  expect(JSON.parse(failed)).toMatchObject({ status: "failure", error: { category: "model" } });
  expect(failed).toContain("[redacted]");
  const parts = ["", "/journal", "/events", "/result"];
  for (const id of ["t1", "t2"]) for (const part of parts) await ask(`/v1/tasks/${id}${part}`);
  for (const path of ["/v1/tasks", "/v1/agents", "/v1/approvals", "/metrics", "/openapi.json"])
    await ask(path);
  const looks = ["mesh", "actors", "tasks", "tasks/t1", "tasks/t2", "approvals", "workflows"];
  for (const path of looks) await ask(`/inspect/api/${path}`);
  await ask(`/v1/tasks/${KEY}`);
  await ask(`/${HTTP}`);
  await ask("/v1/tasks", { method: "POST", body: JSON.stringify({ agent: KEY, task: "Who?" }) });
  if (child.pid !== undefined) process.kill(child.pid, "SIGTERM");
  const { stdout, stderr, code } = await ended;
  expect(code).toBe(0);
  Object.assign(said, { "serve's output": stdout, "serve's log": stderr });
  expect(Object.keys(said).filter((one) => one.endsWith(" 500"))).toEqual([]);

  const commands = [
    ["tasks", "--json"],
    ["show", "t2"],
    ["show", "t2", "--json"],
    ["check", "--validate-llm"],
  ];
  for (const args of [...commands, ["run", "agents.js", "Do t3."]]) {
    const told = await runFettle(args, { cwd: folder, env });
    said[`fettle ${args.join(" ")}`] = told.stdout + told.stderr;
  }
  const client = new Client({ name: "test", version: "1" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...RUNTIME_ARGS, `${projectRoot}bin/fettle.js`, "mcp", "agents.js"],
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    cwd: folder,
    stderr: "pipe",
  });
  let log = "";
  transport.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await client.connect(transport);
  const answer = JSON.stringify(await client.callTool({ name: "coder", arguments: { task: "Do t4." } }));
  expect(answer).toContain("[redacted]");
  await client.close();
  Object.assign(said, { "the MCP answer": answer, "fettle mcp's log": log });

  said["what the model was told"] = JSON.stringify(provider.seen.map(({ body }) => body));
  said["the traces"] = JSON.stringify(collector.spans);
  said["files"] = (await filesIn(folder)).join("\n");
  expect(collector.spans.map(({ name }) => name)).toContain("invoke_agent coder");
  // They were used where they belong.
  expect(provider.seen.every(({ headers }) => JSON.stringify(headers).includes(KEY))).toBe(true);
  expect(collector.headers.every(({ authorization }) => authorization === `Bearer ${OTLP}`)).toBe(true);
  for (const [door, text] of Object.entries(said)) {
    expect(text.length, door).toBeGreaterThan(0);
    for (const secret of SECRETS) expect(text.includes(secret), `${secret} in ${door}`).toBe(false);
  }
});
