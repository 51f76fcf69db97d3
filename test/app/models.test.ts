// Which model is opened: a provider, a recording, or the caller's fallback, and never one in place of another.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ConfigError, loadConfig, NoModelError, openModel, ReplayError, type ModelRequest } from "fettle";
import { completionEvents, events, json, openAiError, startServer } from "../model/server.ts";

const KEY = "sk-test-0123456789abcdef";
const ENTRIES = [{ match: { task: "add" }, answers: ["result = 1"] }];
const request: ModelRequest = {
  purpose: "generate",
  system: "",
  messages: [{ role: "user", content: "add" }],
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-models-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const config = (env: Record<string, string> = {}) => loadConfig({ env, cwd: folder });

it("is an error that says what to set where there is neither a provider nor a fallback", () => {
  expect(() => openModel({ config: config() })).toThrow(NoModelError);
});

it("plays the fallback back from entries, a path or a URL", async () => {
  const file = join(folder, "answers.json");
  await writeFile(file, JSON.stringify({ entries: ENTRIES }));
  for (const fallback of [ENTRIES, file, pathToFileURL(file)]) {
    const { model, source } = openModel({ config: config(), fallback });
    expect(source).toBe("recorded");
    expect(await model.ask(request)).toMatchObject({ text: "result = 1", replayed: true });
  }
});

it("does not fall back where a provider is begun and not finished", () => {
  const open = () => openModel({ config: config({ LLM_ENDPOINT: "http://127.0.0.1:1" }), fallback: ENTRIES });
  expect(open).toThrow(ConfigError);
  expect(open).toThrow(/LLM_MODEL is missing/);
});

it("records what a provider answers, and plays it back without one, before any fallback", async () => {
  await using server = await startServer([events(completionEvents([`result = 2 // ${KEY}`]))]);
  const file = join(folder, "tape.jsonl");
  const live = openModel({
    config: config({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: server.url, FETTLE_RECORD: "tape.jsonl" }),
    fallback: ENTRIES,
  });
  expect(live.source).toBe("provider");
  await live.model.ask(request);
  expect(await readFile(file, "utf8")).not.toContain(KEY);
  const replayed = openModel({ config: config({ FETTLE_REPLAY: "tape.jsonl" }), fallback: ENTRIES });
  expect(replayed.source).toBe("recorded");
  expect(await replayed.model.ask(request)).toMatchObject({
    text: "result = 2 // [redacted]",
    replayed: true,
  });
  expect(server.seen).toHaveLength(1);
  expect(() => openModel({ config: config({ FETTLE_REPLAY: "none.jsonl" }) })).toThrow(ReplayError);
});

it("logs each provider that is left for the next", async () => {
  await using failing = await startServer([json(401, openAiError("no"))]);
  await using answering = await startServer([events(completionEvents(["result = 3"]))]);
  const logged: unknown[] = [];
  const note = (fields: object, message: string) => void logged.push({ ...fields, message });
  const { model } = openModel({
    config: config({
      LLM_ENDPOINT: failing.url,
      LLM_MODEL: "local",
      OPENAI_API_KEY: KEY,
      OPENAI_BASE_URL: answering.url,
      OPENAI_MODEL: "m",
    }),
    log: { debug: note, info: note, warn: note, error: note },
  });
  expect(await model.ask(request)).toMatchObject({ text: "result = 3", provider: "openai" });
  expect(logged).toMatchObject([
    { model: "vllm/local", next: "openai/m", message: expect.any(String) as string },
  ]);
});
