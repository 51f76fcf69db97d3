import { expect, test } from "vitest";
import { ConfigError, NoModelError } from "#src/core/errors";
import {
  DEFAULT_MODELS,
  describeProviders,
  resolveModel,
  resolveModels,
  secretsOf,
  type ModelSettings,
} from "#src/model/resolve";
import { maskKey, redact } from "#src/core/secret";

const ALL: ModelSettings = {
  CLAUDE_API_KEY: "sk-ant-api03-abcdefghijklmnop-wxyz",
  LLM_ENDPOINT: "http://localhost:8000",
  LLM_MODEL: "local",
  AZURE_API_KEY: "0123456789abcdef0123456789abcdef",
  AZURE_ENDPOINT: "https://name.openai.azure.com",
  AZURE_DEPLOYMENT: "deployed",
  GEMINI_API_KEY: "AIzaSyA1234567890abcdefghijklmnopqrstuv",
  OPENAI_API_KEY: "sk-proj-abcdefghijklmnopqrst-1234",
};

test("all that are configured are asked in the documented order", () => {
  expect(resolveModel(ALL).name).toBe(
    [
      `anthropic/${DEFAULT_MODELS.claude}`,
      "vllm/local",
      "azure/deployed",
      `gemini/${DEFAULT_MODELS.gemini}`,
      `openai/${DEFAULT_MODELS.openai}`,
    ].join(" → "),
  );
});

test("an order chooses providers and their turn", () => {
  const names = (order: readonly string[]): string[] => resolveModels(ALL, { order }).map(({ name }) => name);
  expect(names(["openai", "claude"])).toEqual([
    `openai/${DEFAULT_MODELS.openai}`,
    `anthropic/${DEFAULT_MODELS.claude}`,
  ]);
  expect(names(["vllm"])).toEqual(["vllm/local"]);
});

test("an order with an unknown or repeated name, or none, is an error", () => {
  expect(() => resolveModel(ALL, { order: ["openia"] })).toThrow(
    /Unknown model provider "openia" in the order: use claude, vllm, azure, gemini, openai/,
  );
  expect(() => resolveModel(ALL, { order: ["claude", "claude"] })).toThrow(/"claude" is in the order twice/);
  expect(() => resolveModel(ALL, { order: [] })).toThrow(ConfigError);
});

test("model settings replace the defaults, and an empty setting is an absent one", () => {
  const named = (settings: ModelSettings): string => resolveModel(settings).name;
  expect(named({ ANTHROPIC_API_KEY: "sk-ant-x", CLAUDE_MODEL: "claude-opus-5-5" })).toBe(
    "anthropic/claude-opus-5-5",
  );
  expect(named({ CLAUDE_API_KEY: " ", GEMINI_API_KEY: " AIza-x ", GEMINI_MODEL: "" })).toBe(
    `gemini/${DEFAULT_MODELS.gemini}`,
  );
});

test("nothing configured is an error with one line for each provider, or for each that was ordered", () => {
  expect(() => resolveModel({})).toThrow(NoModelError);
  expect(() => resolveModel({ CLAUDE_MODEL: "claude-opus-5-5" })).toThrow(
    [
      "No model provider is configured. Set one of these:",
      "- Claude: CLAUDE_API_KEY or ANTHROPIC_API_KEY (and CLAUDE_MODEL for another model)",
      "- vLLM or any OpenAI-compatible server: LLM_ENDPOINT and LLM_MODEL (and LLM_API_KEY if it wants one)",
      "- Azure OpenAI: AZURE_API_KEY, AZURE_ENDPOINT and AZURE_DEPLOYMENT (and AZURE_API_VERSION)",
      "- Gemini: GEMINI_API_KEY (and GEMINI_MODEL for another model)",
      "- OpenAI: OPENAI_API_KEY (and OPENAI_MODEL for another model)",
    ].join("\n"),
  );
  expect(() => resolveModel({ CLAUDE_API_KEY: "sk-ant-x" }, { order: ["gemini"] })).toThrow(
    /:\n- Gemini: [^\n]*\nin the environment or in \.env\. Without one, "fettle demo" plays recorded answers back/,
  );
});

test("a provider that is configured in part is an error that says what is missing", () => {
  const cases: readonly [settings: ModelSettings, says: string][] = [
    [{ LLM_ENDPOINT: "http://localhost:8000" }, "LLM_ENDPOINT is set, but LLM_MODEL is missing."],
    [{ LLM_MODEL: "m" }, "LLM_MODEL is set, but LLM_ENDPOINT is missing."],
    [{ AZURE_API_KEY: "k" }, "AZURE_API_KEY is set, but AZURE_ENDPOINT and AZURE_DEPLOYMENT are missing."],
    [
      { AZURE_API_KEY: "k", AZURE_ENDPOINT: "https://x" },
      "AZURE_API_KEY and AZURE_ENDPOINT are set, but AZURE_DEPLOYMENT is missing.",
    ],
  ];
  for (const [settings, says] of cases) {
    expect(() => resolveModel({ OPENAI_API_KEY: "sk-x", ...settings })).toThrow(says);
    expect(() => resolveModel({ OPENAI_API_KEY: "sk-x", ...settings }, { order: ["openai"] })).not.toThrow();
  }
});

test("a wrong value is an error that names the setting as the user wrote it", () => {
  expect(() => resolveModel({ LLM_ENDPOINT: "localhost", LLM_MODEL: "m" })).toThrow(
    /^LLM_ENDPOINT is not a URL/,
  );
  expect(() => resolveModel({ ANTHROPIC_API_KEY: "sk-ant x" })).toThrow(/^ANTHROPIC_API_KEY has characters/);
});

test("providers are described without their keys", () => {
  const described = describeProviders({ ...ALL, AZURE_DEPLOYMENT: undefined, OPENAI_API_KEY: undefined });
  expect(described).toEqual([
    {
      name: "claude",
      configured: true,
      missing: [],
      model: DEFAULT_MODELS.claude,
      endpoint: null,
      key: "sk-ant-…wxyz",
    },
    {
      name: "vllm",
      configured: true,
      missing: [],
      model: "local",
      endpoint: "http://localhost:8000",
      key: null,
    },
    {
      name: "azure",
      configured: false,
      missing: ["AZURE_DEPLOYMENT"],
      model: null,
      endpoint: null,
      key: "…cdef",
    },
    {
      name: "gemini",
      configured: true,
      missing: [],
      model: DEFAULT_MODELS.gemini,
      endpoint: null,
      key: "AIza…stuv",
    },
    { name: "openai", configured: false, missing: [], model: null, endpoint: null, key: null },
  ]);
});

test("a short key is masked whole", () => {
  expect(maskKey("secret")).toBe("…");
  expect(maskKey("sk-proj-abcdefghijklmnop1234")).toBe("sk-proj-…1234");
});

test("the secrets among the settings are all found", () => {
  const settings = { ...ALL, ANTHROPIC_API_KEY: "sk-ant-second", LLM_API_KEY: "local-key" };
  expect(new Set(secretsOf(settings))).toEqual(
    new Set([
      ALL.CLAUDE_API_KEY,
      "sk-ant-second",
      "local-key",
      ALL.AZURE_API_KEY,
      ALL.GEMINI_API_KEY,
      ALL.OPENAI_API_KEY,
    ]),
  );
});

test("a secret that contains another leaves nothing of itself", () => {
  expect(redact("a: abcdef, b: abcdefghij", ["abcdef", "abcdefghij"])).toBe("a: [redacted], b: [redacted]");
});
