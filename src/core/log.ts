// The port to logging: fields first, then a sentence. pino has this shape; tests collect into an array.

/** One log line's data; ids as `taskId`, `role`, `address`, errors as `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes log lines; a child adds its fields to each of its lines. */
export interface Log {
  /** For those who look for a fault. */
  debug(fields: LogFields, message: string): void;
  /** What an operator wants to know of. */
  info(fields: LogFields, message: string): void;
  /** Something is not as it should be, and the work goes on. */
  warn(fields: LogFields, message: string): void;
  /** Something failed that somebody must look at. */
  error(fields: LogFields, message: string): void;
}

/** Adds fields to each line, as `fieldsOf` gives them for those of the line, which go before them. */
export function withFields(log: Log, fieldsOf: (given: LogFields) => LogFields): Log {
  if (log === silentLog) return log;
  return {
    debug: (fields, message) => log.debug({ ...fieldsOf(fields), ...fields }, message),
    info: (fields, message) => log.info({ ...fieldsOf(fields), ...fields }, message),
    warn: (fields, message) => log.warn({ ...fieldsOf(fields), ...fields }, message),
    error: (fields, message) => log.error({ ...fieldsOf(fields), ...fields }, message),
  };
}

/** Writes nothing. */
export const silentLog: Log = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
});
