// Every setting there is, by its name in the environment: what it may be, what it is where absent.
// Invariant: .env.example names the same settings with the same defaults; a test compares the two.
import { z } from "zod";
import { isName } from "../core/names.ts";
import { PROVIDER_ORDER, type ProviderName } from "../model/resolve.ts";
import { LOG_LEVEL_NAMES, parseLogLevel } from "../observe/logger.ts";
import { natsSettingsSchema } from "./nats.ts";

const text = z.string().optional();

const url = z
  .string()
  .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), {
    error: "expected a URL that begins with http:// or https://",
  })
  .refine((value) => !URL.canParse(value) || new URL(value).username + new URL(value).password === "", {
    error: "expected a URL without user and password: keys have settings of their own",
  })
  .optional();

const seconds = z.coerce
  .number({ error: "expected a number of seconds, such as 300" })
  .positive({ error: "expected a number of seconds above 0" })
  .max(86_400 * 7, { error: "expected at most 604800 seconds (a week)" });

function count(least: number, most: number) {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

function oneOf<const Name extends string>(names: readonly Name[]) {
  return z
    .string()
    .transform((value) => value.toLowerCase() as Name)
    .refine((value) => names.includes(value), { error: `expected ${names.join(" or ")}` });
}

const truth = oneOf(["true", "false"]).transform((value) => value === "true");

const flag = oneOf(["0", "1"]).transform((value) => value === "1");

const providers = z
  .string()
  .transform((value) => value.split(",").map((name) => name.trim().toLowerCase() as ProviderName))
  .refine(
    (names) => names.every((name) => PROVIDER_ORDER.includes(name)) && new Set(names).size === names.length,
    { error: `expected some of ${PROVIDER_ORDER.join(", ")}, separated by commas, none twice` },
  )
  .optional();

const azureAccount = z
  .string()
  .regex(/^[a-z0-9]{3,24}$/, {
    error: "expected the name of a storage account: 3 to 24 lower-case letters and digits",
  })
  .optional();

const azureContainer = z
  .string()
  .regex(/^(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/, {
    error: 'expected the name of a container: 3 to 63 lower-case letters, digits and single "-"',
  })
  .optional();

const s3Bucket = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
    error: 'expected the name of a bucket: 3 to 63 lower-case letters, digits, "." and "-"',
  })
  .optional();

const logLevel = z
  .string()
  .refine((value) => parseLogLevel(value) !== undefined, {
    error: `expected one of ${LOG_LEVEL_NAMES.join(", ")}`,
  })
  .transform((value) => parseLogLevel(value) ?? "info");

/** The settings of model providers, handed on as they are. */
export const modelSettingsSchema = z.object({
  CLAUDE_API_KEY: text,
  ANTHROPIC_API_KEY: text,
  CLAUDE_MODEL: text,
  CLAUDE_BASE_URL: url,
  ANTHROPIC_BASE_URL: url,
  LLM_ENDPOINT: url,
  LLM_MODEL: text,
  LLM_API_KEY: text,
  AZURE_API_KEY: text,
  AZURE_ENDPOINT: url,
  AZURE_DEPLOYMENT: text,
  AZURE_API_VERSION: text,
  GEMINI_API_KEY: text,
  GEMINI_MODEL: text,
  GEMINI_BASE_URL: url,
  OPENAI_API_KEY: text,
  OPENAI_MODEL: text,
  OPENAI_BASE_URL: url,
});

/** All settings. */
export const settingsSchema = z.object({
  ...modelSettingsSchema.shape,
  FETTLE_MODEL_ORDER: providers,
  FETTLE_MODEL_FAST: text,
  FETTLE_MODEL_STRONG: text,
  FETTLE_RECORD: text,
  FETTLE_REPLAY: text,
  EXECUTION_TIMEOUT: seconds.default(300),
  MAX_REPAIR_ATTEMPTS: count(0, 20).default(3),
  FETTLE_MAX_CONCURRENT_TASKS: count(1, 100_000).optional(),
  SANDBOX_MODE: oneOf(["local", "remote"]).default("local"),
  FETTLE_SANDBOX_ISOLATION: oneOf(["thread", "process"]).default("thread"),
  FETTLE_SANDBOX_ISOLATES: count(1, 256).optional(),
  FETTLE_SANDBOX_WAIT: seconds.default(10),
  FETTLE_BLOBS: oneOf(["files", "nats", "azure", "s3"]).optional(),
  FETTLE_AZURE_CONTAINER: azureContainer,
  FETTLE_AZURE_CONNECTION_STRING: text,
  FETTLE_AZURE_ACCOUNT: azureAccount,
  FETTLE_AZURE_ACCOUNT_KEY: text,
  FETTLE_S3_BUCKET: s3Bucket,
  FETTLE_S3_REGION: text,
  FETTLE_S3_ENDPOINT: url,
  FETTLE_S3_ACCESS_KEY_ID: text,
  FETTLE_S3_SECRET_ACCESS_KEY: text,
  FETTLE_METRICS: flag.default(false),
  FETTLE_METRICS_PORT: count(0, 65_535).optional(),
  FETTLE_METRICS_HOST: text,
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_HEADERS: text,
  OTEL_SERVICE_NAME: z.string().default("fettle"),
  OTEL_SDK_DISABLED: truth.default(false),
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: truth.default(false),
  LOG_DIRECTORY: z.string().default("./logs"),
  LOG_LEVEL: logLevel.default("info"),
  FETTLE_HTTP_HOST: z.string().default("127.0.0.1"),
  FETTLE_HTTP_PORT: count(0, 65_535).default(8080),
  FETTLE_HTTP_TOKEN: text,
  FETTLE_INSPECT_HOST: z.string().default("127.0.0.1"),
  FETTLE_INSPECT_PORT: count(0, 65_535).default(7900),
  FETTLE_INSPECT_TOKEN: text,
  FETTLE_STATELY_PORT: count(0, 65_535).default(0),
  FETTLE_DATA_DIRECTORY: z.string().default(".fettle"),
  FETTLE_MESH: z
    .string()
    .refine(isName, { error: 'expected 1 to 128 letters, digits, "_" and "-"' })
    .default("default"),
  ...natsSettingsSchema.shape,
});

/** The names of all settings. */
export const SETTING_NAMES: readonly string[] = Object.keys(settingsSchema.shape);
