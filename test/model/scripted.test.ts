import { expect, test } from "vitest";
import { CancelledError, ModelError } from "#src/core/errors";
import type { ModelRequest } from "#src/core/model";
import { createScriptedModel } from "#src/model/scripted";
import { createFakeClock } from "./fake-clock.ts";

const request: ModelRequest = {
  purpose: "generate",
  system: "be brief",
  messages: [{ role: "user", content: "hello" }],
};

test("a script answers in order and remembers each request", async () => {
  const tokens = { input: 3, output: 4, cacheRead: 1, cacheWrite: 2 };
  const model = createScriptedModel(["one", { text: "two", tokens, costUsd: 0.5, finish: "length" }]);
  expect(await model.ask(request)).toEqual({
    text: "one",
    provider: "scripted",
    model: "script",
    tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    costUsd: 0,
    finish: "stop",
    replayed: false,
  });
  const second = { ...request, purpose: "repair" as const };
  expect(await model.ask(second)).toMatchObject({ text: "two", tokens, costUsd: 0.5, finish: "length" });
  expect(model.requests).toEqual([request, second]);
});

test("a script that has run out says which request it could not answer", async () => {
  const model = createScriptedModel(["one"]);
  await model.ask(request);
  await expect(model.ask(request)).rejects.toThrow(/no answer for request 2 \(generate\): "hello"/);
});

test("a scripted error is thrown as it is", async () => {
  const down = new ModelError("down", { provider: "scripted", failure: "server" });
  await expect(createScriptedModel([down]).ask(request)).rejects.toBe(down);
});

test("a scripted function sees the request and its index", async () => {
  const model = createScriptedModel(({ messages }, index) => `${messages[0]?.content ?? ""} ${index}`);
  await model.ask(request);
  expect((await model.ask(request)).text).toBe("hello 1");
});

test("text is delivered in the pieces that the script names", async () => {
  const pieces: string[] = [];
  const model = createScriptedModel([{ text: "abc", chunks: ["a", "bc"] }, "whole"]);
  const onText = (delta: string): void => void pieces.push(delta);
  await model.ask(request, { onText });
  await model.ask(request, { onText });
  expect(pieces).toEqual(["a", "bc", "whole"]);
});

test("a delay passes on the clock, not in real time", async () => {
  const clock = createFakeClock();
  const model = createScriptedModel([{ text: "late", delayMs: 60_000 }], { clock });
  const answer = model.ask(request, { timeoutMs: 90_000 });
  await clock.untilWaiting(60_000);
  await clock.advance(60_000);
  expect((await answer).text).toBe("late");
  expect(clock.pending()).toEqual([]);
});

test("a delayed answer ends at once when its signal is aborted", async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const answer = createScriptedModel([{ text: "late", delayMs: 60_000 }], { clock }).ask(request, {
    signal: controller.signal,
  });
  await clock.untilWaiting(60_000);
  controller.abort();
  await expect(answer).rejects.toBeInstanceOf(CancelledError);
  expect(clock.pending()).toEqual([]);
});

test("an answer that never comes is cancelled by its signal", async () => {
  const controller = new AbortController();
  const answer = createScriptedModel(() => new Promise<string>(() => undefined)).ask(request, {
    signal: controller.signal,
  });
  controller.abort();
  await expect(answer).rejects.toBeInstanceOf(CancelledError);
});

test("an answer later than the deadline is a timeout", async () => {
  const clock = createFakeClock();
  const answer = createScriptedModel([{ text: "late", delayMs: 60_000 }], { clock }).ask(request, {
    timeoutMs: 1_000,
  });
  const failed = expect(answer).rejects.toMatchObject({ failure: "timeout", retryable: true });
  await clock.untilWaiting(1_000);
  await clock.advance(1_000);
  await failed;
});
