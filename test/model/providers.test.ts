import { afterEach, describe, expect, test } from "vitest";
import { CancelledError, ModelError, OwnershipError } from "#src/core/errors";
import type { Model, ModelRequest } from "#src/core/model";
import { createAnthropicModel } from "#src/model/anthropic";
import { createOpenAiModel, type OpenAiPreset } from "#src/model/openai";
import type { ProviderOptions } from "#src/model/provider";
import { createFakeClock } from "./fake-clock.ts";
import {
  anthropicError,
  anthropicEvents,
  anthropicMessage,
  completion,
  completionEvents,
  events,
  json,
  openAiError,
  raw,
  silence,
  startServer,
  type ProviderServer,
  type Reply,
} from "./server.ts";

const KEY = "sk-test-0123456789abcdef";

const request: ModelRequest = {
  purpose: "generate",
  system: "You write JavaScript.",
  messages: [
    { role: "user", content: "factorial of 10" },
    { role: "assistant", content: "result = 1" },
    { role: "user", content: "no, better" },
  ],
};

type Wire = "anthropic" | OpenAiPreset;

interface AnswerOptions {
  readonly stop?: "stop" | "length" | "refusal";
  readonly usage?: { input?: number; output?: number; cacheRead?: number };
}

/** One way to ask one provider: how to make its model and how its server speaks. */
interface Dialect {
  readonly title: string;
  readonly provider: Wire;
  readonly model: (url: string, options?: Partial<ProviderOptions>) => Model;
  readonly answer: (pieces: readonly string[], options?: AnswerOptions) => Reply;
  /** An answer that breaks off after its text. */
  readonly cut: (pieces: readonly string[], end: "cut" | "end" | "hold") => Reply;
  readonly error: (status: number, message: string, headers?: Record<string, string>) => Reply;
}

const quick = { attempts: 3, baseDelayMs: 1, maxDelayMs: 2 };

function dialect(provider: Wire, stream: boolean): Dialect {
  const isAnthropic = provider === "anthropic";
  return {
    title: `${provider} ${stream ? "streaming" : "at once"}`,
    provider,
    model: (url, more = {}) => {
      const options = { model: "test-1", apiKey: KEY, baseURL: url, stream, retry: quick, ...more };
      return isAnthropic
        ? createAnthropicModel(options)
        : createOpenAiModel({ ...options, preset: provider });
    },
    answer: (pieces, options = {}) => {
      const { usage } = options;
      if (isAnthropic) {
        const stop = { stop: "end_turn", length: "max_tokens", refusal: "refusal" }[options.stop ?? "stop"];
        const details = { stop, model: "test-1-20261101", ...(usage === undefined ? {} : { usage }) };
        return stream
          ? events(anthropicEvents(pieces, details))
          : json(200, anthropicMessage(pieces.join(""), details));
      }
      const finish = { stop: "stop", length: "length", refusal: "content_filter" }[options.stop ?? "stop"];
      const details = { finish, model: "test-1-2026-11-01", ...(usage === undefined ? {} : { usage }) };
      return stream
        ? events(completionEvents(pieces, details))
        : json(200, completion(pieces.join(""), details));
    },
    cut: (pieces, end) => {
      if (!stream) {
        return (response) => {
          response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
          response.write('{"id":"c1","choices":[', () => response.destroy());
        };
      }
      const lines = isAnthropic ? anthropicEvents(pieces) : completionEvents(pieces);
      const whole = lines.findLastIndex((line) => pieces.some((piece) => line.includes(piece))) + 1;
      return events(lines.slice(0, whole), end);
    },
    error: (status, message, headers) =>
      json(status, isAnthropic ? anthropicError("some_error", message) : openAiError(message), headers),
  };
}

const WIRES: readonly Wire[] = ["anthropic", "openai", "vllm", "azure", "gemini"];
const ALL = WIRES.flatMap((wire) => [dialect(wire, true), dialect(wire, false)]);

const servers: ProviderServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(...replies: readonly Reply[]): Promise<ProviderServer> {
  const server = await startServer(replies);
  servers.push(server);
  return server;
}

async function failureOf(work: Promise<unknown>): Promise<ModelError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ModelError)) throw new Error("no ModelError was thrown", { cause: error });
  return error;
}

describe.each(ALL)("$title", ({ provider, model, answer, cut, error }) => {
  test("gives the text, the model's own name, its counts and its end", async () => {
    const server = await serve(
      answer(["result ", "= 3628800"], { usage: { input: 7, output: 9, cacheRead: 20 } }),
    );
    const pieces: string[] = [];
    const given = await model(server.url, {
      prices: { [`${provider}/test-1`]: { input: 1, output: 10, cacheRead: 0.1 } },
    }).ask(request, { onText: (delta) => void pieces.push(delta) });
    expect(given).toMatchObject({
      text: "result = 3628800",
      provider,
      tokens: { input: 7, output: 9, cacheRead: 20, cacheWrite: 0 },
      finish: "stop",
      replayed: false,
    });
    expect(given.model).toMatch(/^test-1-2026/);
    expect(given.costUsd).toBeCloseTo((7 + 90 + 2) / 1_000_000, 12);
    expect(pieces.join("")).toBe("result = 3628800");
    expect(server.seen).toHaveLength(1);
  });

  test("says that an answer was cut at the limit, or refused", async () => {
    const server = await serve(answer(["half"], { stop: "length" }), answer(["no"], { stop: "refusal" }));
    expect(await model(server.url).ask(request)).toMatchObject({ text: "half", finish: "length" });
    expect(await model(server.url).ask(request)).toMatchObject({ text: "no", finish: "refusal" });
  });

  test("waits before each try for what is to be made sure of, and sends nothing where that fails", async () => {
    const server = await serve(error(500, "down"), answer(["ok"]), error(500, "down"), answer(["too late"]));
    const seen: number[] = [];
    const beforeSend = async () => {
      seen.push(server.seen.length);
      if (seen.length === 4) throw new OwnershipError("another has it.");
    };
    const asked = model(server.url, { retry: { baseDelayMs: 1 } });
    expect((await asked.ask(request, { beforeSend })).text).toBe("ok");
    expect(seen).toEqual([0, 1]);
    await expect(asked.ask(request, { beforeSend })).rejects.toThrow(OwnershipError);
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(server.seen).toHaveLength(3);
  });

  test("waits as a 429 asks and then answers", async () => {
    const server = await serve(error(429, "slow down", { "retry-after": "30" }), answer(["ok"]));
    const clock = createFakeClock();
    const asked = model(server.url, { clock }).ask(request);
    await clock.untilWaiting(30_000);
    expect(clock.pending()).toContain(30_000);
    await clock.advance(29_999);
    expect(server.seen).toHaveLength(1);
    await clock.advance(1);
    expect((await asked).text).toBe("ok");
    expect(server.seen).toHaveLength(2);
    expect(clock.pending()).toEqual([]);
  });

  test("answers after a 500", async () => {
    const server = await serve(error(500, "oops"), answer(["ok"]));
    expect((await model(server.url).ask(request)).text).toBe("ok");
    expect(server.seen).toHaveLength(2);
  });

  test("fails at once on a 401, saying which setting to mend and not the key", async () => {
    const server = await serve(error(401, `Incorrect API key provided: ${KEY}`));
    const settings = { key: "SOME_API_KEY", model: "SOME_MODEL", endpoint: "SOME_URL" };
    const failed = await failureOf(model(server.url, { settings }).ask(request));
    expect(failed).toMatchObject({ provider, failure: "auth", status: 401, retryable: false });
    expect(failed.message).toContain(`${provider}/test-1 answered 401`);
    expect(failed.message).toContain("Check SOME_API_KEY");
    expect(failed.message).toContain("[redacted]");
    expect(JSON.stringify([failed.message, failed.stack, String(failed.cause)])).not.toContain(KEY);
    expect(server.seen).toHaveLength(1);
  });

  test("names the model's setting where the model is not known", async () => {
    const server = await serve(error(404, "no such model"));
    const failed = await failureOf(model(server.url).ask(request));
    expect(failed).toMatchObject({ failure: "bad-request", status: 404, retryable: false });
    expect(failed.message).toMatch(/no such model\. Check model and baseURL/);
  });

  test("gives up after its tries, keeping the reason", async () => {
    const server = await serve(error(503, "overloaded"));
    const failed = await failureOf(model(server.url).ask(request));
    expect(failed).toMatchObject({ failure: "overloaded", status: 503, retryable: true });
    expect(failed.message).toContain("Given up after 3 tries.");
    expect(server.seen).toHaveLength(3);
  });

  test.each([
    ["HTML under status 200", raw(200, "text/html", "<html>gateway</html>")],
    ["JSON that is no answer", json(200, { hello: "world" })],
    ["JSON that breaks off", raw(200, "application/json", '{"choices": [')],
    ["events that are not JSON", raw(200, "text/event-stream", "event: message_start\ndata: {oops\n\n")],
    ["an empty body", raw(200, "application/json", "")],
  ])("takes %s for no answer and tries again", async (_what, malformed) => {
    const server = await serve(malformed, answer(["ok"]));
    expect((await model(server.url).ask(request)).text).toBe("ok");
    expect(server.seen).toHaveLength(2);
  });

  test("calls a body that stays unreadable malformed", async () => {
    const server = await serve(raw(200, "text/html", "<html>gateway</html>"));
    expect(await failureOf(model(server.url).ask(request))).toMatchObject({ failure: "malformed", provider });
  });

  test.each(["cut", "end"] as const)("never takes a broken stream for an answer (%s)", async (end) => {
    const server = await serve(cut(["half an ", "answer"], end), answer(["whole"]));
    const heard: string[] = [];
    const given = await model(server.url).ask(request, {
      onText: (delta) => void heard.push(delta),
      onRestart: () => void heard.splice(0),
    });
    expect(given.text).toBe("whole");
    expect(heard.join("")).toBe("whole");
    expect(server.seen).toHaveLength(2);
  });

  test("ends at once when it is aborted, and the request with it", async () => {
    const server = await serve(silence);
    const controller = new AbortController();
    const asked = model(server.url).ask(request, { signal: controller.signal });
    const failed = expect(asked).rejects.toBeInstanceOf(CancelledError);
    await server.asked;
    controller.abort();
    await failed;
    await server.clientGone;
    expect(server.seen).toHaveLength(1);
  });

  test("does not ask at all when it is aborted before", async () => {
    const server = await serve(answer(["ok"]));
    const asked = model(server.url).ask(request, { signal: AbortSignal.abort() });
    await expect(asked).rejects.toBeInstanceOf(CancelledError);
    expect(server.seen).toHaveLength(0);
  });

  test("is a timeout when its time is over, and the request ends with it", async () => {
    const server = await serve(silence);
    const failed = await failureOf(model(server.url).ask(request, { timeoutMs: 60 }));
    expect(failed).toMatchObject({ failure: "timeout", provider, retryable: true });
    await server.clientGone;
  });

  test("is a network failure that names the address when nobody listens there", async () => {
    const server = await startServer([silence]);
    await server.close();
    const failed = await failureOf(model(server.url).ask(request));
    expect(failed).toMatchObject({ failure: "network", provider, retryable: true });
    expect(failed.message).toContain(server.url);
  });
});

describe.each(ALL.filter(({ title }) => title.endsWith("streaming")))("$title", ({ model, cut }) => {
  test("is cancelled in the middle of a stream", async () => {
    const server = await serve(cut(["first piece"], "hold"));
    const controller = new AbortController();
    const asked = model(server.url).ask(request, {
      signal: controller.signal,
      onText: () => {
        controller.abort();
      },
    });
    await expect(asked).rejects.toBeInstanceOf(CancelledError);
    await server.clientGone;
  });

  test("passes on what its listener throws, and does not try again", async () => {
    const server = await serve(cut(["text"], "end"));
    const oops = new TypeError("the listener's own");
    const asked = model(server.url).ask(request, {
      onText: () => {
        throw oops;
      },
    });
    await expect(asked).rejects.toBe(oops);
    expect(server.seen).toHaveLength(1);
  });
});

test("an answer in one piece, from a server that knows no streams, is taken as it is", async () => {
  const server = await serve(json(200, completion("result = 1")));
  const heard: string[] = [];
  const model = createOpenAiModel({ preset: "vllm", model: "test-1", baseURL: server.url, retry: quick });
  const given = await model.ask(request, { onText: (delta) => void heard.push(delta) });
  expect(given).toMatchObject({ text: "result = 1", finish: "stop", provider: "vllm" });
  expect(given.tokens.output).toBeGreaterThan(0);
  expect(heard).toEqual(["result = 1"]);
  expect(server.seen).toHaveLength(1);
  expect(server.seen[0]?.body).toMatchObject({ stream: true });
});

test("what a server sends in place of an event stream is named", async () => {
  const server = await serve(raw(200, "text/html", "<html>gateway</html>"));
  const model = createOpenAiModel({ preset: "vllm", model: "test-1", baseURL: server.url, retry: quick });
  expect((await failureOf(model.ask(request))).message).toContain("it is no event stream, but text/html");
});
