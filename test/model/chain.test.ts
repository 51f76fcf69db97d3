import { afterEach, expect, test } from "vitest";
import { CancelledError, ConfigError, ModelError, ReplayError } from "#src/core/errors";
import type { Model, ModelCallOptions, ModelRequest } from "#src/core/model";
import { chainModels } from "#src/model/chain";
import { resolveModel } from "#src/model/resolve";
import { createScriptedModel, type ScriptedModel } from "#src/model/scripted";
import { createFakeClock } from "./fake-clock.ts";
import {
  anthropicError,
  completion,
  completionEvents,
  events,
  json,
  openAiError,
  raw,
  startServer,
  type ProviderServer,
  type Reply,
} from "./server.ts";

const request: ModelRequest = {
  purpose: "generate",
  system: "be brief",
  messages: [{ role: "user", content: "hello" }],
};

function failing(provider: string, retryable = false): ModelError {
  return new ModelError(`${provider} is down.`, { provider, failure: "auth", status: 401, retryable });
}

function scripted(name: string, ...answers: readonly (string | Error)[]): ScriptedModel {
  return createScriptedModel(answers, { answer: { provider: name, model: "m" } });
}

const servers: ProviderServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function serve(reply: Reply): Promise<ProviderServer> {
  const server = await startServer([reply]);
  servers.push(server);
  return server;
}

test("the first that answers wins, and the answer says which it was", async () => {
  const models = [scripted("a", failing("a")), scripted("b", "from b"), scripted("c", "from c")];
  const fallbacks: string[] = [];
  const chain = chainModels(models, {
    onFallback: (failed, error, next) => void fallbacks.push(`${failed.name} ${error.message} ${next.name}`),
  });
  expect(chain.name).toBe("a/m → b/m → c/m");
  expect(await chain.ask(request)).toMatchObject({ text: "from b", provider: "b" });
  expect(models.map((model) => model.requests.length)).toEqual([1, 1, 0]);
  expect(fallbacks).toEqual(["a/m a is down. b/m"]);
});

test("when all fail the error lists each with its reason", async () => {
  const chain = chainModels([scripted("a", failing("a")), scripted("b", failing("b", true))]);
  const asked = chain.ask(request);
  await expect(asked).rejects.toMatchObject({
    provider: "chain",
    failure: "auth",
    status: 401,
    retryable: true,
  });
  await expect(asked).rejects.toThrow("No model answered:\n- a/m: a is down.\n- b/m: b is down.");
});

test("a chain of one is that one, and of none an error", () => {
  const only = scripted("a");
  expect(chainModels([only])).toBe(only);
  expect(() => chainModels([])).toThrow(ConfigError);
});

test("nobody is asked after the caller aborted", async () => {
  const controller = new AbortController();
  const aborting: Model = {
    name: "a/m",
    ask: async () => {
      controller.abort();
      throw failing("a");
    },
  };
  const second = scripted("b", "never");
  const asked = chainModels([aborting, second]).ask(request, { signal: controller.signal });
  await expect(asked).rejects.toBeInstanceOf(CancelledError);
  expect(second.requests).toHaveLength(0);
});

test("an error that is no model's failure is not hidden by asking the next", async () => {
  const miss = new ReplayError("REPLAY_MISS", "not recorded");
  const second = scripted("b", "never");
  await expect(chainModels([scripted("a", miss), second]).ask(request)).rejects.toBe(miss);
  expect(second.requests).toHaveLength(0);
});

test("the next waits for what is to be made sure of, too", async () => {
  const [first, second] = [scripted("one", failing("one")), scripted("two", "ok")];
  let tries = 0;
  const beforeSend = async () => {
    tries += 1;
    if (tries === 2) throw new Error("no longer ours");
  };
  const asked = chainModels([first, second]).ask(request, { beforeSend });
  await expect(asked).rejects.toThrow("no longer ours");
  expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
});

test("all share one deadline: the next gets what is left, and none is asked after it", async () => {
  const clock = createFakeClock();
  const given: (number | undefined)[] = [];
  const slow = (name: string): Model => ({
    name,
    ask: async (_request: ModelRequest, options: ModelCallOptions = {}) => {
      given.push(options.timeoutMs);
      await clock.advance(600);
      throw failing(name);
    },
  });
  const chain = chainModels([slow("a/m"), slow("b/m"), slow("c/m")], { clock });
  await expect(chain.ask(request, { timeoutMs: 1_000 })).rejects.toThrow(
    "- c/m: not asked, the call's time was over.",
  );
  expect(given).toEqual([1_000, 400]);
});

test("text of a model that then failed is void before the next one's arrives", async () => {
  const broken: Model = {
    name: "a/m",
    ask: async (_request, options) => {
      options?.onText?.("half");
      throw failing("a");
    },
  };
  const heard: string[] = [];
  await chainModels([broken, scripted("b", "whole")]).ask(request, {
    onText: (delta) => void heard.push(delta),
    onRestart: (reason) => void heard.push(reason.message),
  });
  expect(heard).toEqual(["half", "a is down.", "whole"]);
});

test("a request's own model is meant for the first only", async () => {
  const models = [scripted("a", failing("a")), scripted("b", "ok")];
  await chainModels(models).ask({ ...request, model: "special" });
  expect(models.map((model) => model.requests[0]?.model)).toEqual(["special", undefined]);
});

test("real clients fall back through the whole chain, each for its own reason, to the last that answers", async () => {
  const claude = await serve(json(401, anthropicError("authentication_error", "invalid x-api-key")));
  const vllm = await serve(json(500, openAiError("out of memory")));
  const azure = await serve(json(429, openAiError("busy"), { "retry-after": "0" }));
  const gemini = await serve(raw(200, "text/html", "<html>not me</html>"));
  const openai = await serve(
    events(completionEvents(["from ", "openai"], { usage: { input: 3, output: 2 } })),
  );
  const fallbacks: string[] = [];
  const model = resolveModel(
    {
      CLAUDE_API_KEY: "sk-ant-aaaaaaaaaaaaaaaaaaaa",
      CLAUDE_BASE_URL: claude.url,
      LLM_ENDPOINT: vllm.url,
      LLM_MODEL: "local",
      AZURE_API_KEY: "azure-key-0123456789",
      AZURE_ENDPOINT: azure.url,
      AZURE_DEPLOYMENT: "deployed",
      GEMINI_API_KEY: "AIzaSyA0000000000000000000000000",
      GEMINI_BASE_URL: gemini.url,
      OPENAI_API_KEY: "sk-oooooooooooooooooooo",
      OPENAI_BASE_URL: openai.url,
      OPENAI_MODEL: "gpt-x",
    },
    {
      retry: { attempts: 2, baseDelayMs: 1, maxDelayMs: 1 },
      onFallback: (_failed, error) => void fallbacks.push(`${error.provider}: ${error.failure}`),
    },
  );
  expect(await model.ask(request)).toMatchObject({
    text: "from openai",
    provider: "openai",
    tokens: { input: 3, output: 2 },
  });
  expect(fallbacks).toEqual(["anthropic: auth", "vllm: server", "azure: rate-limit", "gemini: malformed"]);
  expect([claude, vllm, azure, gemini, openai].map((server) => server.seen.length)).toEqual([1, 2, 2, 2, 1]);
});

test("a chain whose providers all fail says which setting to mend for each, without any key", async () => {
  const claude = await serve(
    json(401, anthropicError("authentication_error", "bad sk-ant-aaaaaaaaaaaaaaaaaaaa")),
  );
  const openai = await serve(json(404, openAiError("unknown model")));
  const model = resolveModel(
    {
      ANTHROPIC_API_KEY: "sk-ant-aaaaaaaaaaaaaaaaaaaa",
      CLAUDE_BASE_URL: claude.url,
      OPENAI_API_KEY: "my-own-key",
      OPENAI_BASE_URL: openai.url,
    },
    { retry: { attempts: 1 }, order: ["openai", "claude"], stream: false },
  );
  const asked = model.ask(request);
  await expect(asked).rejects.toThrow(
    /openai\/[^:]+: .*404: unknown model\. Check OPENAI_MODEL and OPENAI_BASE_URL/,
  );
  await expect(asked).rejects.toThrow(/anthropic\/[^:]+: .*401: bad \[redacted\]\. Check ANTHROPIC_API_KEY/);
  await expect(asked).rejects.not.toThrow(/aaaaa|my-own-key/);
});

test("a chain over real clients gives up when it is aborted", async () => {
  const hanging = await serve(() => undefined);
  const second = await serve(json(200, completion("never")));
  const controller = new AbortController();
  const model = resolveModel(
    {
      LLM_ENDPOINT: hanging.url,
      LLM_MODEL: "m",
      OPENAI_API_KEY: "sk-oooooooooooooooooooo",
      OPENAI_BASE_URL: second.url,
    },
    { stream: false },
  );
  const asked = expect(model.ask(request, { signal: controller.signal })).rejects.toBeInstanceOf(
    CancelledError,
  );
  await hanging.asked;
  controller.abort();
  await asked;
  expect(second.seen).toHaveLength(0);
});
