import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CancelledError, ConfigError, ReplayError, StorageError } from "#src/core/errors";
import type { Model, ModelRequest } from "#src/core/model";
import { readRecording, recordModel } from "#src/model/recording";
import { createReplayModel } from "#src/model/replay";
import { createScriptedModel } from "#src/model/scripted";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-replay-"));
});
afterAll(() => rm(folder, { recursive: true }));

const file = (name: string): string => join(folder, name);

function ask(content: string, more: Partial<ModelRequest> = {}): ModelRequest {
  return { purpose: "generate", system: "write code", messages: [{ role: "user", content }], ...more };
}

async function codeOf(thrown: Promise<unknown>): Promise<string> {
  const error: unknown = await thrown.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ReplayError)) throw new Error("no ReplayError was thrown", { cause: error });
  return `${error.code}: ${error.message}`;
}

test("what was recorded is played back with its provider, tokens and cost, marked as replayed", async () => {
  const path = file("basic.jsonl");
  const tokens = { input: 12, output: 34, cacheRead: 5, cacheWrite: 6 };
  const live = createScriptedModel(["result = 1"], {
    answer: { provider: "anthropic", model: "claude-x", tokens, costUsd: 0.25 },
  });
  const answer = await recordModel(live, path).ask(ask("one"));
  expect(answer.replayed).toBe(false);
  expect(await createReplayModel(path).ask(ask("one"))).toEqual({
    text: "result = 1",
    provider: "anthropic",
    model: "claude-x",
    tokens,
    costUsd: 0.25,
    finish: "stop",
    replayed: true,
  });
});

test("requests match by what is sent: not by purpose, and by one form of line ends", async () => {
  const path = file("content.jsonl");
  await recordModel(createScriptedModel(["yes"]), path).ask(ask("a\r\nb"));
  const replay = createReplayModel(path);
  expect((await replay.ask(ask("a\nb", { purpose: "repair" }))).text).toBe("yes");
  await expect(replay.ask(ask("a\nb", { temperature: 0 }))).rejects.toThrow(/temperature/);
  await expect(replay.ask(ask("a\nb", { system: "other" }))).rejects.toThrow(/system prompt/);
});

test("a repeated request gets its answers in recorded order and then the last again", async () => {
  const path = file("repeat.jsonl");
  const recorder = recordModel(createScriptedModel(["first", "second"]), path);
  await recorder.ask(ask("same"));
  await recorder.ask(ask("same"));
  const replay = createReplayModel(path);
  const texts: string[] = [];
  for (let index = 0; index < 4; index += 1) texts.push((await replay.ask(ask("same"))).text);
  expect(texts).toEqual(["first", "second", "second", "second"]);
});

test("parallel asks through two recorders on one file leave whole lines only", async () => {
  const path = file("parallel.jsonl");
  const text = "x".repeat(20_000);
  const record = (): Model =>
    recordModel(
      createScriptedModel(() => text),
      path,
    );
  const [a, b] = [record(), record()];
  await Promise.all(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? a : b).ask(ask(`task ${index}`))),
  );
  expect(readRecording(path)).toHaveLength(40);
  const replay = createReplayModel(path);
  for (let index = 0; index < 40; index += 1) {
    expect((await replay.ask(ask(`task ${index}`))).text).toBe(text);
  }
});

test("a request that was not recorded is an error that shows it and where the nearest one differs", async () => {
  const path = file("miss.jsonl");
  const recorder = recordModel(createScriptedModel(["1", "2"]), path);
  await recorder.ask(ask("compute the factorial of 10"));
  await recorder.ask(ask("reverse the word fettle"));
  const message = await codeOf(createReplayModel(path).ask(ask("compute the factorial of 11")));
  expect(message).toMatch(/^REPLAY_MISS: The recording has no answer for this generate request \(2 entries/);
  expect(message).toContain("Asked: compute the factorial of 11");
  expect(message).toContain(`Nearest recorded request: ${path}:1, which differs in its message 1`);
  expect(message).toMatch(/asked ".*of 11", recorded ".*of 10"/);
});

test("what is shown of a missing request is bounded", async () => {
  const message = await codeOf(createReplayModel([]).ask(ask("long ".repeat(10_000))));
  expect(message.length).toBeLessThan(1_500);
});

test("known secrets and whatever looks like a key never reach the file, and the request still matches", async () => {
  const path = file("secrets.jsonl");
  const known = "7f3a-azure-secret";
  const shaped = [
    "sk-ant-api03-abcdefghijklmnop_QRSTUV-wx",
    "sk-proj-ABCDEFGHIJKLMNOPqrstuvwxyz0123",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLWhlcmU",
  ];
  const prompt = [known, ...shaped, "Authorization: Bearer abc.def-ghi_jkl/mno"].join("\n");
  const live = createScriptedModel([`the keys are ${prompt}`]);
  const secrets = [known];
  const answer = await recordModel(live, path, { secrets }).ask(
    ask(prompt, { system: `use ${known} and ${shaped[0] ?? ""}` }),
  );
  expect(answer.text).toContain(known);
  const written = await readFile(path, "utf8");
  for (const secret of [known, ...shaped, "abc.def-ghi_jkl/mno"]) expect(written).not.toContain(secret);
  expect(written).toContain("Bearer [redacted]");
  const replay = createReplayModel(path, { secrets });
  const again = ask(prompt, { system: `use ${known} and ${shaped[0] ?? ""}` });
  expect((await replay.ask(again)).text).toContain("the keys are [redacted]");
});

test("code that merely has a dash in a word is recorded as it is", async () => {
  const path = file("plain.jsonl");
  const code = 'const task = "risk-averse-planning-mode"; const token = bearer(of, news);';
  await recordModel(createScriptedModel([code]), path).ask(ask("plain"));
  expect((await createReplayModel(path).ask(ask("plain"))).text).toBe(code);
});

test("hand-written answers match by task, last message and purpose, in order, the last again", async () => {
  const replay = createReplayModel([
    { match: { task: "factorial", purpose: "generate" }, answers: [["let n = 1;", "result = n;"], "second"] },
    {
      match: { task: "factorial", purpose: "repair", last: "n is not defined" },
      answers: [{ text: "fixed", tokens: { input: 7, output: 8 }, costUsd: 0.01, model: "claude-x" }],
    },
  ]);
  const generate = ask("the factorial of 10, please");
  expect((await replay.ask(generate)).text).toBe("let n = 1;\nresult = n;");
  expect((await replay.ask(generate)).text).toBe("second");
  expect((await replay.ask(generate)).text).toBe("second");
  const repair: ModelRequest = {
    ...generate,
    purpose: "repair",
    messages: [
      ...generate.messages,
      { role: "assistant", content: "result = n" },
      { role: "user", content: "ReferenceError: n is not defined" },
    ],
  };
  expect(await replay.ask(repair)).toMatchObject({
    text: "fixed",
    model: "claude-x",
    tokens: { input: 7, output: 8, cacheRead: 0, cacheWrite: 0 },
    costUsd: 0.01,
    replayed: true,
  });
  await expect(replay.ask({ ...repair, messages: generate.messages })).rejects.toThrow(
    'Hand-written answers at entry 2 are for {"task":"factorial","last":"n is not defined","purpose":"repair"}.',
  );
});

test("a recorded answer goes before a hand-written one", async () => {
  const path = file("both.jsonl");
  await writeFile(path, `${JSON.stringify({ match: { task: "one" }, answers: ["by hand"] })}\n`);
  await recordModel(createScriptedModel(["recorded"]), path).ask(ask("one"));
  const replay = createReplayModel(path);
  expect((await replay.ask(ask("one"))).text).toBe("recorded");
  expect((await replay.ask(ask("one more"))).text).toBe("by hand");
});

test("a .json document holds the same entries", async () => {
  const path = file("document.json");
  await writeFile(path, JSON.stringify({ entries: [{ match: { last: "x" }, answers: ["y"] }] }, null, 2));
  expect((await createReplayModel(path).ask(ask("x"))).text).toBe("y");
});

test("the text arrives in pieces on replay too", async () => {
  const pieces: string[] = [];
  const replay = createReplayModel([{ match: { task: "x" }, answers: ["abcdefg"] }], { chunkSize: 3 });
  await replay.ask(ask("x"), { onText: (delta) => void pieces.push(delta) });
  expect(pieces).toEqual(["abc", "def", "g"]);
});

test("an aborted replay is cancelled", async () => {
  const replay = createReplayModel([{ match: { task: "x" }, answers: ["y"] }]);
  await expect(replay.ask(ask("x"), { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(CancelledError);
});

test("a damaged recording is an error that names the file and the line", async () => {
  const good = JSON.stringify({ match: { task: "x" }, answers: ["y"] });
  const cases: readonly [name: string, content: string, says: RegExp][] = [
    ["torn.jsonl", `${good}\n{"purpose":"gene`, /torn\.jsonl:2 cannot be used: it is not JSON/],
    ["unknown.jsonl", `${good}\n\n${JSON.stringify({ request: 1 })}`, /unknown\.jsonl:3 cannot be used/],
    ["empty-match.jsonl", JSON.stringify({ match: {}, answers: ["y"] }), /neither task, last nor purpose/],
    ["typo.jsonl", JSON.stringify({ match: { tusk: "x" }, answers: ["y"] }), /tusk/],
    ["none.jsonl", JSON.stringify({ match: { task: "x" }, answers: [] }), /answers/],
    ["torn.json", '{\n "entries": [\n {"match" 1}\n]}', /torn\.json(:3)? cannot be used: it is not JSON/],
    ["list.json", "[]", /list\.json cannot be used: it is no document/],
  ];
  for (const [name, content, says] of cases) {
    await writeFile(file(name), content);
    expect(() => createReplayModel(file(name))).toThrow(says);
  }
  expect(() => createReplayModel(file("absent.jsonl"))).toThrow(
    /absent\.jsonl cannot be used: it cannot be read/,
  );
});

test("a recording that cannot be written fails the ask, and a document cannot be recorded to", async () => {
  await writeFile(file("a-file"), "");
  const recorder = recordModel(createScriptedModel(["x"]), join(file("a-file"), "below.jsonl"));
  await expect(recorder.ask(ask("x"))).rejects.toBeInstanceOf(StorageError);
  expect(() => recordModel(createScriptedModel([]), "x.json")).toThrow(ConfigError);
});
