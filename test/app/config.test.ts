// Settings: what is read, what goes before what, and what a user is told when something is wrong.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "#src/core/errors";
import { loadConfig, secretsOf } from "#src/app/config";
import { SETTING_NAMES } from "#src/app/settings";

const EXAMPLE = new URL("../../.env.example", import.meta.url);

describe("settings", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-config-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const load = (env: Record<string, string> = {}) => loadConfig({ env, cwd: folder });
  const problemsOf = (action: () => unknown): string => {
    try {
      action();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as ConfigError).message;
    }
    throw new Error("no error was thrown");
  };

  it("name each line of .env that is no setting, and no line of a value, a comment or an export", async () => {
    const lines = [
      "\uFEFF# it's a comment with \"one quote",
      "export LOG_LEVEL=error",
      "CLAUDE_API_KEY sk-ant-0123456789abcdef",
      "NOTE='two # lines",
      "not a setting, but of the value above'",
      "  # indented",
      "PLAIN=it's fine",
      "YAML: too",
      "=value",
    ];
    await writeFile(join(folder, ".env"), lines.join("\r\n"));
    const told = problemsOf(() => load());
    expect(told.split("\n")).toEqual([
      "2 settings are wrong:",
      "- .env:3: this line is not NAME=value.",
      "- .env:9: this line is not NAME=value.",
    ]);
  });

  it("have these defaults", () => {
    expect(load()).toEqual({
      models: {},
      modelOrder: undefined,
      tiers: { fast: undefined, strong: undefined },
      record: undefined,
      replay: undefined,
      executionTimeoutMs: 300_000,
      maxRepairs: 3,
      maxConcurrentTasks: undefined,
      sandbox: { mode: "local", isolation: "thread", isolates: undefined },
      sandboxWaitMs: 10_000,
      mode: "embedded",
      nats: {
        servers: ["nats://127.0.0.1:4222"],
        tls: {},
        replicas: 1,
      },
      blobs: { store: "files", isChosen: false },
      logDirectory: join(folder, "logs"),
      logLevel: "info",
      http: { host: "127.0.0.1", port: 8080 },
      inspector: { host: "127.0.0.1", port: 7900 },
      stately: { port: 0 },
      dataDirectory: join(folder, ".fettle"),
      metrics: null,
      otlp: { endpoint: undefined, headers: {}, serviceName: "fettle", hasContent: false },
      mesh: "default",
    });
  });

  it("are typed and frozen, all the way down", () => {
    const config = load({
      CLAUDE_API_KEY: "sk-ant-REDACTED",
      FETTLE_MODEL_ORDER: "openai, Claude",
      EXECUTION_TIMEOUT: "1.5",
      MAX_REPAIR_ATTEMPTS: "0",
      FETTLE_MAX_CONCURRENT_TASKS: "12",
      SANDBOX_MODE: "REMOTE",
      FETTLE_SANDBOX_ISOLATION: "process",
      FETTLE_SANDBOX_ISOLATES: "2",
      FETTLE_SANDBOX_WAIT: "2.5",
      NATS_URL: "nats://a:4222, b, tls://user:secret@[::1]:4333",
      NATS_CREDS: "node.creds",
      NATS_CA: "/etc/ca.pem",
      NATS_CERT: "node.pem",
      NATS_KEY: "node.key",
      FETTLE_REPLICAS: "3",
      FETTLE_NATS_MAX_BYTES: "1073741824",
      FETTLE_BLOBS: "files",
      LOG_DIRECTORY: "/var/log/fettle",
      LOG_LEVEL: "warning",
      FETTLE_DATA_DIRECTORY: "data",
      FETTLE_HTTP_HOST: "0.0.0.0",
      FETTLE_HTTP_PORT: "0",
      FETTLE_HTTP_TOKEN: "a-token-that-is-long",
      FETTLE_INSPECT_HOST: "::1",
      FETTLE_INSPECT_PORT: "0",
      FETTLE_INSPECT_TOKEN: "another-token-that-is-long",
      FETTLE_STATELY_PORT: "7901",
      FETTLE_RECORD: "answers.json",
      FETTLE_METRICS_PORT: "9464",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc, x-team=a=b",
      OTEL_SERVICE_NAME: "team",
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "true",
      FETTLE_MESH: "team-1",
    });
    expect(config).toEqual({
      models: { CLAUDE_API_KEY: "sk-ant-REDACTED" },
      modelOrder: ["openai", "claude"],
      tiers: { fast: undefined, strong: undefined },
      record: join(folder, "answers.json"),
      replay: undefined,
      executionTimeoutMs: 1500,
      maxRepairs: 0,
      maxConcurrentTasks: 12,
      sandbox: { mode: "remote", isolation: "process", isolates: 2 },
      sandboxWaitMs: 2500,
      mode: "distributed",
      nats: {
        servers: ["nats://a:4222", "b", "tls://user:secret@[::1]:4333"],
        creds: join(folder, "node.creds"),
        tls: { ca: "/etc/ca.pem", cert: join(folder, "node.pem"), key: join(folder, "node.key") },
        replicas: 3,
        maxBytes: 1_073_741_824,
      },
      blobs: { store: "files", isChosen: true },
      logDirectory: resolve("/var/log/fettle"),
      logLevel: "warn",
      http: { host: "0.0.0.0", port: 0, token: "a-token-that-is-long" },
      inspector: { host: "::1", port: 0, token: "another-token-that-is-long" },
      stately: { port: 7901 },
      dataDirectory: join(folder, "data"),
      metrics: { port: 9464, host: undefined },
      otlp: {
        endpoint: "http://127.0.0.1:4318",
        headers: { authorization: "Bearer abc", "x-team": "a=b" },
        serviceName: "team",
        hasContent: true,
      },
      mesh: "team-1",
    });
    for (const part of [config, config.models, config.sandbox, config.modelOrder]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it("come from .env where the environment does not say otherwise, and never enter the environment", async () => {
    await writeFile(
      join(folder, ".env"),
      'LOG_LEVEL="debug" # chatty\nexport EXECUTION_TIMEOUT=7\nMAX_REPAIR_ATTEMPTS=1\nOPENAI_MODEL=from-file\n',
    );
    const env = { MAX_REPAIR_ATTEMPTS: "5", OPENAI_MODEL: "" };
    const config = loadConfig({ env, cwd: folder });
    expect(config).toMatchObject({ logLevel: "debug", executionTimeoutMs: 7000, maxRepairs: 5 });
    expect(config.models.OPENAI_MODEL).toBeUndefined();
    expect(env).toEqual({ MAX_REPAIR_ATTEMPTS: "5", OPENAI_MODEL: "" });
    expect(process.env["EXECUTION_TIMEOUT"]).toBeUndefined();
  });

  it("come from the process's environment where none is given", () => {
    process.env["MAX_REPAIR_ATTEMPTS"] = "9";
    try {
      expect(loadConfig({ cwd: folder }).maxRepairs).toBe(9);
    } finally {
      delete process.env["MAX_REPAIR_ATTEMPTS"];
    }
  });

  it("may come from another file, which then must be there, or from none", async () => {
    await writeFile(join(folder, "other.env"), "MAX_REPAIR_ATTEMPTS=4\n");
    await writeFile(join(folder, ".env"), "MAX_REPAIR_ATTEMPTS=2\n");
    expect(loadConfig({ env: {}, cwd: folder, envFile: "other.env" }).maxRepairs).toBe(4);
    expect(loadConfig({ env: {}, cwd: folder, envFile: null }).maxRepairs).toBe(3);
    const message = problemsOf(() => loadConfig({ env: {}, cwd: folder, envFile: "absent.env" }));
    expect(message).toMatch(/^Cannot read settings from absent\.env: ENOENT/);
  });

  it("that are wrong are all told at once, each with its place, its value and what is expected", async () => {
    await writeFile(
      join(folder, ".env"),
      [
        "# comment",
        'EXECUTION_TIMEOUT="abc"',
        "",
        "MAX_REPAIR_ATTEMPTS=1",
        "LLM_ENDPOINT=localhost:8000",
        "  MAX_REPAIR_ATTEMPTS = 1.5",
        "FETTLE_SANDBOX_ISOLATE=2",
        "UNRELATED=whatever",
      ].join("\n"),
    );
    const env = {
      SANDBOX_MODE: "cloud",
      LOG_LEVEL: "loud",
      FETTLE_MODEL_ORDER: "claude,claude",
      FETTLE_MESH: "a.b",
      FETTLE_WHATEVER_THIS_IS: "1",
      FETTLE_LOG_LVL: "debug",
      PATH: "/bin",
    };
    const message = problemsOf(() => loadConfig({ env, cwd: folder }));
    expect(message.split("\n")).toEqual([
      "10 settings are wrong:",
      expect.stringMatching(
        /^- environment: FETTLE_WHATEVER_THIS_IS is no setting; the known ones are FETTLE_MODEL_ORDER, /,
      ),
      "- environment: FETTLE_LOG_LVL is no setting; did you mean LOG_LEVEL?",
      "- .env:7: FETTLE_SANDBOX_ISOLATE is no setting; did you mean FETTLE_SANDBOX_ISOLATES?",
      '- .env:5: LLM_ENDPOINT="localhost:8000": expected a URL that begins with http:// or https://.',
      '- environment: FETTLE_MODEL_ORDER="claude,claude": expected some of claude, vllm, azure, gemini, openai, ' +
        "separated by commas, none twice.",
      '- .env:2: EXECUTION_TIMEOUT="abc": expected a number of seconds, such as 300.',
      '- .env:6: MAX_REPAIR_ATTEMPTS="1.5": expected a whole number from 0 to 20.',
      '- environment: SANDBOX_MODE="cloud": expected local or remote.',
      '- environment: LOG_LEVEL="loud": expected one of TRACE, DEBUG, INFO, WARNING, WARN, ERROR, CRITICAL, FATAL, SILENT.',
      '- environment: FETTLE_MESH="a.b": expected 1 to 128 letters, digits, "_" and "-".',
    ]);
  });

  it.each([
    ["EXECUTION_TIMEOUT", "0"],
    ["EXECUTION_TIMEOUT", "-1"],
    ["EXECUTION_TIMEOUT", "1e9"],
    ["EXECUTION_TIMEOUT", "Infinity"],
    ["MAX_REPAIR_ATTEMPTS", "-1"],
    ["FETTLE_SANDBOX_ISOLATES", "0"],
    ["FETTLE_SANDBOX_WAIT", "0"],
    ["NATS_URL", "http://127.0.0.1:4222"],
    ["NATS_URL", "nats://a:4222,"],
    ["FETTLE_REPLICAS", "6"],
    ["FETTLE_NATS_MAX_BYTES", "1000"],
    ["FETTLE_MAX_CONCURRENT_TASKS", "many"],
    ["FETTLE_SANDBOX_ISOLATION", "none"],
    ["OPENAI_BASE_URL", "ftp://x"],
    ["FETTLE_MODEL_ORDER", "claude,"],
  ])("refuse %s=%s", (name, value) => {
    expect(problemsOf(() => load({ [name]: value }))).toMatch(
      new RegExp(`^A setting is wrong:\n- environment: ${name}=.*: expected `),
    );
  });

  it("do not let a run be recorded and replayed at once", () => {
    expect(problemsOf(() => load({ FETTLE_RECORD: "a", FETTLE_REPLAY: "b" }))).toMatch(
      /record or replay, not both/,
    );
  });

  it("that are keys are among the secrets, and are shown in no error", async () => {
    const key = "sk-ant-REDACTED";
    await writeFile(join(folder, ".env"), `OPENAI_API_KEY=${key}-2\n`);
    const config = load({ CLAUDE_API_KEY: key });
    expect([...secretsOf(config)].sort()).toEqual([key, `${key}-2`]);
    expect(problemsOf(() => load({ CLAUDE_API_KEY: key, LOG_LEVEL: "x" }))).not.toContain(key);
  });

  it("name what of the headers for traces is secret, with and without its scheme", () => {
    const headers = "authorization=Bearer s3cr3t-of-traces,x-team=blue";
    const secrets = secretsOf(load({ OTEL_EXPORTER_OTLP_HEADERS: headers }));
    expect(secrets).toEqual(expect.arrayContaining(["Bearer s3cr3t-of-traces", "s3cr3t-of-traces"]));
  });

  it("take no user and password in addresses, which errors and logs would show", () => {
    for (const name of ["CLAUDE_BASE_URL", "AZURE_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]) {
      const problems = problemsOf(() => load({ [name]: "https://user:s3cr3t-in-url@example.org/v1" }));
      expect(problems).toContain("without user and password");
      expect(problems).not.toContain("s3cr3t-in-url");
    }
  });

  it.each([
    [{ NATS_TOKEN: "t0ken-of-ours", NATS_USER: "fettle", NATS_PASSWORD: "p" }, /NATS_TOKEN and NATS_USER/],
    [{ NATS_PASSWORD: "p4ssword" }, /NATS_PASSWORD is set, and NATS_USER is not/],
    [{ NATS_CERT: "node.pem" }, /Of NATS_CERT and NATS_KEY one is set/],
    [{ FETTLE_BLOBS: "nats" }, /FETTLE_BLOBS="nats": NATS_URL is needed too/],
  ])("refuse %j, which does not fit together", (env, expected) => {
    const problems = problemsOf(() => load(env));
    expect(problems).toMatch(expected);
    expect(problems).not.toMatch(/t0ken|p4ssword/);
  });

  it("name what of the NATS settings is secret, and show no password of an address", () => {
    const url = "nats://fettle:s3cr3t-in-url@127.0.0.1:4222,tok3n@b";
    expect(secretsOf(load({ NATS_URL: url }))).toEqual(["s3cr3t-in-url", "tok3n"]);
    expect(secretsOf(load({ NATS_TOKEN: "tok3n" }))).toEqual(["tok3n"]);
    expect(problemsOf(() => load({ NATS_URL: "http://u:s3cr3t-in-url@a" }))).not.toContain("s3cr3t-in-url");
  });

  it("are all in .env.example, and .env.example has no others", async () => {
    const named = [...(await readFile(EXAMPLE, "utf8")).matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual([...new Set(named)]);
    expect([...named].sort()).toEqual([...SETTING_NAMES].sort());
  });

  it("are explained one by one in .env.example, which when copied changes nothing", async () => {
    const example = await readFile(EXAMPLE, "utf8");
    const lines = example.split("\n");
    for (const [index, line] of lines.entries()) {
      if (/^[A-Z]/.test(line)) expect(lines[index - 1], line).toMatch(/^# .*\.$/);
    }
    await writeFile(join(folder, "copy.env"), example);
    expect(loadConfig({ env: {}, cwd: folder, envFile: "copy.env" })).toEqual(load());
  });
});
