// The one reader of the environment: from variables and `.env` to a typed, frozen configuration.
// Invariant: the environment goes before `.env` and is never written to; an unknown FETTLE_ setting or a wrong
// value is an error that names its source and line, and all problems are told at once. No error shows a key.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "dotenv";
import { ConfigError, messageOf } from "../core/errors.ts";
import { maskKey } from "../core/secret.ts";
import { secretsOf as modelSecretsOf, type ModelSettings, type ProviderName } from "../model/resolve.ts";
import type { LogLevel } from "../observe/logger.ts";
import { blobSettings, secretsOfBlobs, type BlobsConfig } from "./blobs.ts";
import type { OtlpSettings } from "./otlp.ts";
import { natsProblems, natsSettings, secretsOfNats, type NatsConfig } from "./nats.ts";
import { modelSettingsSchema, SETTING_NAMES, settingsSchema } from "./settings.ts";
import { nearestName } from "./spelling.ts";

/** The configuration of a program; folders and files are absolute paths. */
export interface Config {
  /** The settings that choose models. */
  readonly models: ModelSettings;
  /** The providers to ask, first to last; undefined for the default order. */
  readonly modelOrder: readonly ProviderName[] | undefined;
  /** A file to record model answers to. */
  readonly record: string | undefined;
  /** A file to play model answers back from. */
  readonly replay: string | undefined;
  /** Time for a whole task, in milliseconds. */
  readonly executionTimeoutMs: number;
  /** How often failed code goes back to the model. */
  readonly maxRepairs: number;
  /** Names of models in place of the configured one, for profiles and budgets that ask for a faster or stronger one. */
  readonly tiers: { readonly fast: string | undefined; readonly strong: string | undefined };
  /** Undefined for the mesh's own default, as the next two. */
  readonly maxConcurrentTasks: number | undefined;
  /** Where generated code runs, and on how many isolates; undefined for as many as there are processors, at most 8. */
  readonly sandbox: {
    readonly mode: "local" | "remote";
    readonly isolation: "thread" | "process";
    readonly isolates: number | undefined;
  };
  /** How long a run waits for a remote sandbox, in milliseconds. */
  readonly sandboxWaitMs: number;
  /** Whether the mesh is one process's own, or this process is one node of it: as NATS_URL says. */
  readonly mode: MeshMode;
  /** Used where the mode is "distributed". */
  readonly nats: NatsConfig;
  /** Where blobs are kept, results among them. */
  readonly blobs: BlobsConfig;
  /** Where results are stored, as long as blobs are files. */
  readonly logDirectory: string;
  /** The least that is logged. */
  readonly logLevel: LogLevel;
  /** Where `fettle serve` listens, and what its clients must send. */
  readonly http: { readonly host: string; readonly port: number; readonly token: string | undefined };
  /** Where the inspector listens, and what its page must send. */
  readonly inspector: { readonly host: string; readonly port: number; readonly token: string | undefined };
  /** The port of loopback at which XState's tools are fed; 0 for any that is free. */
  readonly stately: { readonly port: number };
  /** Where the embedded fabric keeps its data. */
  readonly dataDirectory: string;
  /** Where metrics are served; null where they are not. */
  readonly metrics: { readonly port: number | undefined; readonly host: string | undefined } | null;
  /** Where traces are sent, unless the program sends them itself. */
  readonly otlp: OtlpSettings;
  /** The mesh's name: subjects and data of different meshes never meet. */
  readonly mesh: string;
}

/** Whether a mesh is one process's own (`embedded`), or processes are nodes of one over NATS (`distributed`). */
export type MeshMode = "embedded" | "distributed";

/** Options of {@link loadConfig}. */
export interface LoadOptions {
  /** Settings that go before all others: what a command's options say. */
  readonly given?: Readonly<Record<string, string | undefined>> | undefined;
  /** The environment's variables; those of the process where absent. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A file that must be there, or null for none; where absent, `.env` if it is there. */
  readonly envFile?: string | null | undefined;
  /** What relative paths are relative to; the process's working folder where absent. */
  readonly cwd?: string | undefined;
}

const OWN_PREFIX = "FETTLE_";
const SECRET_NAME = /_(?:HEADERS|KEY|CONNECTION_STRING|TOKEN|PASSWORD)$/;

/** Where a setting was found: the environment, or a line of a file. */
interface Source {
  readonly values: Readonly<Record<string, string | undefined>>;
  /** What is wrong with the source itself, whatever its settings say. */
  readonly problems: readonly string[];
  place(name: string): string;
}

/**
 * Reads all settings. An empty value counts as absent; one in the environment hides that of `.env` all the same.
 *
 * @throws ConfigError that lists every problem with its place.
 */
export function loadConfig(options: LoadOptions = {}): Config {
  const cwd = resolve(options.cwd ?? ".");
  const sources = [
    named("command line", options.given ?? {}),
    named("environment", options.env ?? process.env),
    ...envFile(options.envFile, cwd),
  ];
  const problems = sources.flatMap((source) => [...source.problems, ...unknownSettings(source)]);
  const values: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = find(sources, name)?.values[name]?.trim();
    if (value !== undefined && value !== "") values[name] = value;
  }
  const parsed = settingsSchema.safeParse(values);
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0]);
    problems.push(`${describe(sources, name)}: ${issue.message}.`);
  }
  if (values["FETTLE_RECORD"] !== undefined && values["FETTLE_REPLAY"] !== undefined) {
    const other = find(sources, "FETTLE_RECORD")?.place("FETTLE_RECORD") ?? "";
    problems.push(
      `${describe(sources, "FETTLE_REPLAY")}: FETTLE_RECORD is set too (${other}): record or replay, not both.`,
    );
  }
  const blobs = blobSettings(parsed.data ?? {});
  if (parsed.success) {
    problems.push(...blobs.missing.map((one) => `${describe(sources, "FETTLE_BLOBS")}: ${one}`));
    problems.push(...natsProblems(parsed.data));
    if (blobs.config.store === "nats" && parsed.data.NATS_URL === undefined) {
      problems.push(`${describe(sources, "FETTLE_BLOBS")}: NATS_URL is needed too: the servers' addresses.`);
    }
  }
  if (!parsed.success || problems.length > 0) {
    const count = problems.length === 1 ? "A setting is wrong" : `${problems.length} settings are wrong`;
    throw new ConfigError(`${count}:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
  }
  const settings = parsed.data;
  const path = (value: string): string => resolve(cwd, value);
  const nats = natsSettings(settings, path);
  return deepFreeze({
    models: modelSettingsSchema.parse(settings),
    modelOrder: settings.FETTLE_MODEL_ORDER,
    record: settings.FETTLE_RECORD === undefined ? undefined : path(settings.FETTLE_RECORD),
    replay: settings.FETTLE_REPLAY === undefined ? undefined : path(settings.FETTLE_REPLAY),
    executionTimeoutMs: settings.EXECUTION_TIMEOUT * 1000,
    maxRepairs: settings.MAX_REPAIR_ATTEMPTS,
    tiers: { fast: settings.FETTLE_MODEL_FAST, strong: settings.FETTLE_MODEL_STRONG },
    maxConcurrentTasks: settings.FETTLE_MAX_CONCURRENT_TASKS,
    sandbox: {
      mode: settings.SANDBOX_MODE,
      isolation: settings.FETTLE_SANDBOX_ISOLATION,
      isolates: settings.FETTLE_SANDBOX_ISOLATES,
    },
    sandboxWaitMs: settings.FETTLE_SANDBOX_WAIT * 1000,
    mode: nats.isAsked ? "distributed" : "embedded",
    nats: nats.config,
    blobs: blobs.config,
    logDirectory: path(settings.LOG_DIRECTORY),
    logLevel: settings.LOG_LEVEL,
    http: {
      host: settings.FETTLE_HTTP_HOST,
      port: settings.FETTLE_HTTP_PORT,
      token: settings.FETTLE_HTTP_TOKEN,
    },
    inspector: {
      host: settings.FETTLE_INSPECT_HOST,
      port: settings.FETTLE_INSPECT_PORT,
      token: settings.FETTLE_INSPECT_TOKEN,
    },
    stately: { port: settings.FETTLE_STATELY_PORT },
    dataDirectory: path(settings.FETTLE_DATA_DIRECTORY),
    metrics:
      settings.FETTLE_METRICS || settings.FETTLE_METRICS_PORT !== undefined
        ? { port: settings.FETTLE_METRICS_PORT, host: settings.FETTLE_METRICS_HOST }
        : null,
    otlp: {
      endpoint: settings.OTEL_SDK_DISABLED ? undefined : settings.OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: headersOf(settings.OTEL_EXPORTER_OTLP_HEADERS),
      serviceName: settings.OTEL_SERVICE_NAME,
      hasContent: settings.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT,
    },
    mesh: settings.FETTLE_MESH,
  });
}

/** The values of a configuration that must never be shown or logged. */
export function secretsOf(config: Config): readonly string[] {
  const tokens = [config.http.token, config.inspector.token];
  return [
    ...modelSecretsOf(config.models),
    ...secretsOfBlobs(config.blobs),
    ...secretsOfNats(config.nats),
    // With "Bearer" before it and without.
    ...Object.values(config.otlp.headers).flatMap((value) => [value, value.replace(/^\S+\s+/, "")]),
    ...tokens.filter((token) => token !== undefined),
  ];
}

/** What is known of `.env` whether or not its settings are right. */
export interface EnvFileReport {
  /** How many settings it has a value for. */
  readonly settings: number;
  /** Names that are no settings but nearly so, with their places: `.env:3: CLAUDE_APIKEY: …`. */
  readonly lookalikes: readonly string[];
}

/**
 * Looks at the `.env` of a folder, the working folder where absent; null where there is none.
 *
 * @throws ConfigError where it cannot be read.
 */
export function inspectEnvFile(cwd?: string): EnvFileReport | null {
  const [source] = envFile(undefined, resolve(cwd ?? "."));
  if (source === undefined) return null;
  const names = Object.keys(source.values);
  const lookalikes = names.flatMap((name) => {
    if (SETTING_NAMES.includes(name) || name.startsWith(OWN_PREFIX)) return [];
    const nearest = nearestName(name, SETTING_NAMES);
    if (nearest === null || nearest.distance > 2) return [];
    return [`${source.place(name)}: ${name} is no setting; did you mean ${nearest.name}?`];
  });
  const set = names.filter((name) => SETTING_NAMES.includes(name) && source.values[name]?.trim() !== "");
  return { settings: set.length, lookalikes };
}

/** Headers as OpenTelemetry's settings write them: `name=value,other=value`, each percent-encoded. */
function headersOf(text = ""): Readonly<Record<string, string>> {
  const pairs = text.split(",").flatMap((pair) => {
    const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? [];
    return name === undefined ? [] : [[name, decoded((value ?? "").trim())] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function named(place: string, values: Source["values"]): Source {
  return { values, problems: [], place: () => place };
}

/** The file as a source; none where it is not there and need not be. */
function envFile(file: string | null | undefined, cwd: string): Source[] {
  if (file === null) return [];
  const name = file ?? ".env";
  let content: string;
  try {
    content = readFileSync(resolve(cwd, name), "utf8");
  } catch (error) {
    if (file === undefined && (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new ConfigError(`Cannot read settings from ${name}: ${messageOf(error)}.`, { cause: error });
  }
  const lines = content.split(/\r?\n/);
  return [
    {
      values: parse(content),
      problems: unreadableLines(content).map((line) => `${name}:${line}: this line is not NAME=value.`),
      place: (setting) => {
        const line = lines.findLastIndex((text) =>
          new RegExp(`^\\s*(?:export\\s+)?${setting}\\s*[=:]`).test(text),
        );
        return line === -1 ? name : `${name}:${line + 1}`;
      },
    },
  ];
}

/** The numbers of the lines that are neither comments nor part of a setting, and so would be passed over. */
function unreadableLines(content: string): readonly number[] {
  const plain = content
    .replace(/^\uFEFF/, "")
    .replace(/^[^\S\n]*#.*$/gm, "")
    .replace(/=\s*(["'`])(?:\\\1|(?!\1)[^])*\1/g, (quoted) => `=${quoted.replace(/[^\n]/g, "")}`);
  return plain.split("\n").flatMap((text, index) => {
    const readable = /^\s*$|^\s*(?:export\s+)?[\w.-]+(?:\s*=|:\s)/.test(text);
    return readable ? [] : [index + 1];
  });
}

function find(sources: readonly Source[], name: string): Source | undefined {
  return sources.find((source) => source.values[name] !== undefined);
}

/** A setting with its place and value; of a key only what identifies it. */
function describe(sources: readonly Source[], name: string): string {
  const source = find(sources, name);
  const value = source?.values[name] ?? "";
  const isSecret = SECRET_NAME.test(name) || (/(?:URL|ENDPOINT)$/.test(name) && value.includes("@"));
  const shown = isSecret ? maskKey(value) : value;
  return `${source?.place(name) ?? "default"}: ${name}=${JSON.stringify(shown)}`;
}

function unknownSettings(source: Source): string[] {
  const unknown = Object.keys(source.values).filter(
    (name) => name.startsWith(OWN_PREFIX) && !SETTING_NAMES.includes(name),
  );
  return unknown.map((name) => {
    const own = SETTING_NAMES.filter((known) => known.startsWith(OWN_PREFIX));
    const others = SETTING_NAMES.filter((known) => !known.startsWith(OWN_PREFIX));
    // Not all settings have the prefix: FETTLE_LOG_LEVEL is meant for LOG_LEVEL.
    const [nearest] = [nearestName(name.slice(OWN_PREFIX.length), others), nearestName(name, own)]
      .filter((found) => found !== null)
      .sort((a, b) => a.distance - b.distance);
    const hint =
      nearest !== undefined && nearest.distance <= 6
        ? `did you mean ${nearest.name}?`
        : `the known ones are ${own.join(", ")}.`;
    return `${source.place(name)}: ${name} is no setting; ${hint}`;
  });
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) deepFreeze(part);
  return Object.freeze(value);
}
