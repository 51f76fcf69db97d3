// Logs as JSON lines on standard error (or, on a terminal, as coloured text), through pino in this process.
// Invariant: no secret is ever written: values under telling names are masked at any depth, and each finished
// line is searched for the secrets known and for whatever has the shape of a key. Writing is synchronous, so
// that a process that ends loses no line and nothing keeps it alive.
import { isatty } from "node:tty";
import { pino, type Logger as PinoLogger } from "pino";
import pretty from "pino-pretty";
import type { Log, LogFields } from "../core/log.ts";
import { redact } from "../core/secret.ts";
import { maskFields } from "./mask.ts";

/** How much is logged, from most to least. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Writes log lines; satisfies the port `Log`. */
export interface Logger extends Log {
  readonly level: LogLevel;
  trace(fields: LogFields, message: string): void;
  fatal(fields: LogFields, message: string): void;
  /** A logger that adds fields, such as `role` and `taskId`, to each of its lines. */
  child(fields: LogFields): Logger;
}

/** Where lines go. */
export interface LogDestination {
  write(line: string): unknown;
}

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** `info` where absent. */
  readonly level?: LogLevel | undefined;
  /** Text for people in place of JSON; where absent, when standard error is the destination and a terminal. */
  readonly pretty?: boolean | undefined;
  /** Standard error where absent, so that standard output stays free for results. */
  readonly destination?: LogDestination | undefined;
  /** Exact values that must never be written, such as the keys that are configured. */
  readonly secrets?: readonly string[] | undefined;
}

const STANDARD_ERROR = 2;

const LEVELS: Readonly<Record<string, LogLevel>> = {
  TRACE: "trace",
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  WARN: "warn",
  ERROR: "error",
  CRITICAL: "fatal",
  FATAL: "fatal",
  SILENT: "silent",
};

/** The names that {@link parseLogLevel} takes, in any case. */
export const LOG_LEVEL_NAMES: readonly string[] = Object.keys(LEVELS);

/** The level of a name such as `WARNING` or `warn`; undefined where it is none. */
export function parseLogLevel(name: string): LogLevel | undefined {
  return Object.hasOwn(LEVELS, name.toUpperCase()) ? LEVELS[name.toUpperCase()] : undefined;
}

/**
 * Makes a logger.
 *
 * @example
 * const log = createLogger({ level: "debug", secrets: secretsOf(config) });
 * log.child({ role: "coder" }).info({ taskId }, "Task accepted.");
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const secrets = options.secrets ?? [];
  // In a line of JSON a secret with a quote or a backslash is written escaped.
  const written = [...new Set(secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)]))];
  const stream = options.destination ?? pino.destination({ dest: STANDARD_ERROR, sync: true });
  const isTerminal = options.destination === undefined && isatty(STANDARD_ERROR);
  const logger: PinoLogger = pino(
    {
      level: options.level ?? "info",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (value: unknown) => value }, // maskFields has made errors plain.
      formatters: { level: (label) => ({ level: label }), log: maskFields },
      hooks: { streamWrite: (line) => redact(line, written) },
    },
    (options.pretty ?? isTerminal) ? prettyStream(stream, isTerminal) : stream,
  );
  return adapt(logger);
}

/** The part of pino that we promise; pino itself would not mask what a child is given. */
function adapt(logger: PinoLogger): Logger {
  return {
    level: logger.level as LogLevel,
    trace: (fields, message) => logger.trace(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    fatal: (fields, message) => logger.fatal(fields, message),
    child: (fields) => adapt(logger.child(maskFields(fields))),
  };
}

/** Text for people, made in this process: a transport in a worker thread would outlive it. */
function prettyStream(destination: LogDestination, colorize: boolean): LogDestination {
  const format = pretty.prettyFactory({
    colorize,
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
    // On a terminal it is always this one.
    ignore: "node",
  });
  return { write: (line) => destination.write(format(line)) };
}
