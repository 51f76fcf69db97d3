// The port to logging: fields first, then a sentence. pino has this shape; tests collect into an array.

/** One log line's data; ids as `taskId`, `role`, `address`, errors as `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines; a child adds its fields to each of its lines. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Writes nothing. */
export const silentLog: Log = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
});
