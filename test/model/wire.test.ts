// What each provider is really sent, and the parts of answers that only one provider has.
import { afterEach, expect, test } from "vitest";
import { ConfigError, ModelError } from "#src/core/errors";
import type { ModelRequest } from "#src/core/model";
import { createAnthropicModel } from "#src/model/anthropic";
import { createOpenAiModel } from "#src/model/openai";
import {
  anthropicError,
  anthropicEvents,
  anthropicMessage,
  completion,
  completionEvents,
  events,
  json,
  openAiError,
  startServer,
  type ProviderServer,
  type Reply,
} from "./server.ts";

const KEY = "sk-test-0123456789abcdef";
const retry = { attempts: 3, baseDelayMs: 1, maxDelayMs: 2 };

const request: ModelRequest = {
  purpose: "generate",
  system: "You write JavaScript.",
  messages: [{ role: "user", content: "factorial of 10" }],
};

const servers: ProviderServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(...replies: readonly Reply[]): Promise<ProviderServer> {
  const server = await startServer(replies);
  servers.push(server);
  return server;
}

test("Anthropic is sent the system prompt marked for its cache, the messages and a limit, nothing else", async () => {
  const server = await serve(events(anthropicEvents(["ok"])));
  const model = createAnthropicModel({ apiKey: KEY, model: "claude-x", baseURL: `${server.url}/v1/` });
  expect(model.name).toBe("anthropic/claude-x");
  await model.ask({ ...request, temperature: 0.5 });
  const [seen] = server.seen;
  expect(seen).toMatchObject({ method: "POST", url: "/v1/messages" });
  expect(seen?.headers["authorization"]).toBe(`Bearer ${KEY}`);
  expect(seen?.body).toEqual({
    model: "claude-x",
    max_tokens: 32_000,
    system: [{ type: "text", text: request.system, cache_control: { type: "ephemeral" } }],
    messages: request.messages,
    stream: true,
  });
});

test("a request may name its own model and limit", async () => {
  const server = await serve(json(200, anthropicMessage("ok")), json(200, completion("ok")));
  const own = { ...request, system: "", model: "other", maxOutputTokens: 77 };
  await createAnthropicModel({ apiKey: KEY, model: "m", baseURL: server.url, stream: false }).ask(own);
  await createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url, stream: false }).ask(own);
  expect(server.seen.map(({ body }) => body)).toEqual([
    { model: "other", max_tokens: 77, messages: request.messages, stream: false },
    { model: "other", max_completion_tokens: 77, messages: request.messages, stream: false },
  ]);
});

test("OpenAI is sent a system message, the wished temperature, and asked for usage at the stream's end", async () => {
  const server = await serve(events(completionEvents(["ok"])));
  const model = createOpenAiModel({ apiKey: KEY, model: "gpt-x", baseURL: server.url });
  await model.ask({ ...request, temperature: 0.5 });
  const [seen] = server.seen;
  expect(seen?.url).toBe("/v1/chat/completions");
  expect(seen?.headers["authorization"]).toBe(`Bearer ${KEY}`);
  expect(seen?.body).toEqual({
    model: "gpt-x",
    messages: [{ role: "system", content: request.system }, ...request.messages],
    temperature: 0.5,
    stream: true,
    stream_options: { include_usage: true },
  });
});

test.each(["", "/", "/v1", "/v1/", "/v1/chat/completions"])(
  "a compatible server's address may end in %j, and without a key none is sent",
  async (end) => {
    const server = await serve(events(completionEvents(["ok"])));
    const model = createOpenAiModel({
      preset: "vllm",
      model: "Qwen/Qwen3",
      baseURL: `${server.url}${end}`,
      maxOutputTokens: 9,
    });
    expect(await model.ask(request)).toMatchObject({ provider: "vllm", costUsd: null });
    const [seen] = server.seen;
    expect(seen?.url).toBe("/v1/chat/completions");
    expect(seen?.headers["authorization"]).toBeUndefined();
    expect(seen?.body).toMatchObject({ model: "Qwen/Qwen3", max_tokens: 9 });
  },
);

test("a compatible server with a version in its path is asked there", async () => {
  const server = await serve(events(completionEvents(["ok"])));
  await createOpenAiModel({
    preset: "vllm",
    model: "m",
    apiKey: KEY,
    baseURL: `${server.url}/api/v1beta/openai`,
  }).ask(request);
  expect(server.seen[0]?.url).toBe("/api/v1beta/openai/chat/completions");
  expect(server.seen[0]?.headers["authorization"]).toBe(`Bearer ${KEY}`);
});

test.each(["", "/", "/openai/deployments/other/chat/completions"])(
  "Azure is asked by deployment, with its own key header and version, from an address ending in %j",
  async (end) => {
    const server = await serve(events(completionEvents(["ok"])));
    const model = createOpenAiModel({
      preset: "azure",
      apiKey: KEY,
      model: "my-deployment",
      baseURL: `${server.url}${end}`,
      ...(end === "/" ? { apiVersion: "2025-01-01-preview" } : {}),
    });
    await model.ask(request);
    const [seen] = server.seen;
    const version = end === "/" ? "2025-01-01-preview" : "2024-10-21";
    expect(seen?.url).toBe(`/openai/deployments/my-deployment/chat/completions?api-version=${version}`);
    expect(seen?.headers["api-key"]).toBe(KEY);
    expect(seen?.headers["authorization"]).toBeUndefined();
  },
);

test("what other programs set in the environment is not sent to anybody", async () => {
  const names = {
    OPENAI_ORG_ID: "org-leak",
    OPENAI_PROJECT_ID: "proj-leak",
    OPENAI_BASE_URL: "http://127.0.0.1:1/leak",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:1/leak",
    ANTHROPIC_AUTH_TOKEN: "token-leak",
  };
  Object.assign(process.env, names);
  try {
    const server = await serve(
      events(completionEvents(["ok"])),
      events(completionEvents(["ok"])),
      events(anthropicEvents(["ok"])),
    );
    await createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url }).ask(request);
    await createOpenAiModel({ preset: "azure", apiKey: KEY, model: "m", baseURL: server.url }).ask(request);
    await createAnthropicModel({ apiKey: KEY, model: "m", baseURL: server.url }).ask(request);
    expect(JSON.stringify(server.seen)).not.toContain("leak");
  } finally {
    for (const name of Object.keys(names)) Reflect.deleteProperty(process.env, name);
  }
});

test("the built-in prices hold for the provider's own address only", async () => {
  const server = await serve(json(200, anthropicMessage("ok", { model: "claude-haiku-4-5-20251001" })));
  const redirected: typeof fetch = (input, init) => {
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    return fetch(`${server.url}${pathname}`, init);
  };
  const shared = { apiKey: KEY, model: "claude-haiku-4-5", stream: false };
  const own = await createAnthropicModel({ ...shared, fetch: redirected }).ask(request);
  expect(own.costUsd).toBeCloseTo((10 * 1 + 5 * 5) / 1_000_000, 12);
  const elsewhere = await createAnthropicModel({ ...shared, baseURL: server.url }).ask(request);
  expect(elsewhere.costUsd).toBeNull();
});

test("tokens written to Anthropic's cache are counted and priced apart", async () => {
  const usage = { input: 3, output: 4, cacheRead: 50, cacheWrite: 600 };
  const server = await serve(events(anthropicEvents(["ok"], { usage })));
  const answer = await createAnthropicModel({
    apiKey: KEY,
    model: "m",
    baseURL: server.url,
    prices: { "anthropic/m": { input: 1, output: 2, cacheRead: 0.5, cacheWrite: 3 } },
  }).ask(request);
  expect(answer.tokens).toEqual(usage);
  expect(answer.costUsd).toBeCloseTo((3 + 8 + 25 + 1800) / 1_000_000, 12);
});

test("an answer at another than the standard rate is of unknown price", async () => {
  const message = anthropicMessage("ok");
  const fast = { ...message, usage: { ...(message["usage"] as object), service_tier: "priority" } };
  const server = await serve(json(200, fast), json(200, { ...completion("ok"), service_tier: "flex" }));
  const prices = { "anthropic/m": { input: 1, output: 1 }, "openai/m": { input: 1, output: 1 } };
  const shared = { apiKey: KEY, model: "m", baseURL: server.url, stream: false, prices };
  expect((await createAnthropicModel(shared).ask(request)).costUsd).toBeNull();
  expect((await createOpenAiModel(shared).ask(request)).costUsd).toBeNull();
});

test.each([true, false])(
  "usage that is not reported is no tokens and an unknown price (stream: %s)",
  async (stream) => {
    const server = await serve(
      stream
        ? events(completionEvents(["ok"], { usage: null }))
        : json(200, completion("ok", { usage: null })),
    );
    const prices = { "vllm/m": { input: 1, output: 1 } };
    const model = createOpenAiModel({ preset: "vllm", model: "m", baseURL: server.url, stream, prices });
    expect(await model.ask(request)).toMatchObject({
      tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
      costUsd: null,
    });
  },
);

test("what Gemini spends on thinking counts as output", async () => {
  const body = {
    ...completion("ok"),
    usage: { prompt_tokens: 20, completion_tokens: 198, total_tokens: 623 },
  };
  const server = await serve(json(200, body));
  const model = createOpenAiModel({
    preset: "gemini",
    apiKey: KEY,
    model: "m",
    baseURL: server.url,
    stream: false,
  });
  expect((await model.ask(request)).tokens).toMatchObject({ input: 20, output: 603 });
});

test.each([true, false])(
  "a refusal in OpenAI's own field is text and a refusal (stream: %s)",
  async (stream) => {
    const server = await serve(
      stream
        ? events(completionEvents([], { refusal: "I cannot." }))
        : json(200, completion("", { refusal: "I cannot." })),
    );
    const model = createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url, stream });
    expect(await model.ask(request)).toMatchObject({ text: "I cannot.", finish: "refusal" });
  },
);

test("an Anthropic message is whole only with its last event", async () => {
  const server = await serve(
    events(anthropicEvents(["almost"]).slice(0, -1)),
    events(anthropicEvents(["whole"])),
  );
  const model = createAnthropicModel({ apiKey: KEY, model: "m", baseURL: server.url, retry });
  expect((await model.ask(request)).text).toBe("whole");
});

test("an error inside a stream is read by its kind: overload is tried again, a bad request is not", async () => {
  const broken = (type: string): Reply =>
    events([
      ...anthropicEvents(["half"]).slice(0, 4),
      `event: error\ndata: ${JSON.stringify(anthropicError(type, "said so"))}\n\n`,
    ]);
  const server = await serve(
    broken("overloaded_error"),
    events(anthropicEvents(["ok"])),
    broken("invalid_request_error"),
  );
  const model = createAnthropicModel({ apiKey: KEY, model: "m", baseURL: server.url, retry });
  expect((await model.ask(request)).text).toBe("ok");
  await expect(model.ask(request)).rejects.toMatchObject({ failure: "bad-request", retryable: false });
  expect(server.seen).toHaveLength(3);
});

test("an error inside a stream that is plain words is tried again", async () => {
  const server = await serve(
    events(["event: error\ndata: upstream went away\n\n"]),
    events(anthropicEvents(["ok"])),
  );
  const model = createAnthropicModel({ apiKey: KEY, model: "m", baseURL: server.url, retry });
  expect((await model.ask(request)).text).toBe("ok");
});

test("an error inside OpenAI's stream is tried again", async () => {
  const server = await serve(
    events([
      ...completionEvents(["half"]).slice(0, 2),
      `data: ${JSON.stringify({ error: { message: "gone", type: "server_error" } })}\n\n`,
    ]),
    events(completionEvents(["ok"])),
  );
  const model = createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url, retry });
  expect((await model.ask(request)).text).toBe("ok");
});

test("an empty account is not asked again, though its status is 429", async () => {
  const server = await serve(json(429, openAiError("You exceeded your current quota", "insufficient_quota")));
  const asked = createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url, retry }).ask(request);
  await expect(asked).rejects.toMatchObject({ failure: "rate-limit", retryable: false });
  await expect(asked).rejects.toThrow(/billing/);
  expect(server.seen).toHaveLength(1);
});

test("a prompt that Azure's content filter refuses is a refusal, not tried again", async () => {
  const server = await serve(json(400, openAiError("The response was filtered", "content_filter")));
  const model = createOpenAiModel({ preset: "azure", apiKey: KEY, model: "m", baseURL: server.url, retry });
  await expect(model.ask(request)).rejects.toMatchObject({ failure: "refused", status: 400 });
  expect(server.seen).toHaveLength(1);
});

test("a server's word on whether to try again is kept", async () => {
  const server = await serve(
    json(500, openAiError("final"), { "x-should-retry": "false" }),
    json(400, openAiError("try again"), { "x-should-retry": "true" }),
    json(200, completion("ok")),
  );
  const model = createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url, stream: false, retry });
  await expect(model.ask(request)).rejects.toMatchObject({ failure: "server", status: 500 });
  expect((await model.ask(request)).text).toBe("ok");
});

test("options that cannot be right are errors that name them, at once and without the key", () => {
  const good = { apiKey: KEY, model: "m" };
  const settings = { key: "THE_KEY", model: "THE_MODEL", endpoint: "THE_URL" };
  const wrong: readonly [make: () => unknown, says: RegExp][] = [
    [() => createAnthropicModel({ ...good, model: " ", settings }), /THE_MODEL is empty/],
    [() => createAnthropicModel({ ...good, apiKey: `${KEY}\nnext`, settings }), /THE_KEY has characters/],
    [() => createAnthropicModel({ ...good, baseURL: "localhost:80", settings }), /THE_URL is not a URL/],
    [() => createOpenAiModel({ ...good, baseURL: "nowhere", settings }), /THE_URL is not a URL/],
    [() => createOpenAiModel({ model: "m", settings }), /THE_KEY is missing/],
    [() => createOpenAiModel({ preset: "vllm", model: "m", settings }), /THE_URL is missing/],
    [() => createOpenAiModel({ ...good, preset: "azure" }), /baseURL is missing/],
  ];
  for (const [make, says] of wrong) {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(says);
    expect(make).not.toThrow(KEY);
  }
});

test("a failure is a ModelError whose message ends in what to do", async () => {
  const server = await serve(json(403, openAiError("not allowed")));
  const asked = createOpenAiModel({ apiKey: KEY, model: "m", baseURL: server.url }).ask(request);
  await expect(asked).rejects.toBeInstanceOf(ModelError);
  await expect(asked).rejects.toThrow(
    "openai/m answered 403: not allowed. Check that apiKey may use this model (model).",
  );
});
