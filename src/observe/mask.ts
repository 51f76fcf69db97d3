// Masks what a log's fields hold under names such as `apiKey` or `authorization`, at any depth, and makes
// errors plain so that what hangs on them is masked too.
// Invariant: never throws and never changes what it is given, whatever its shape.
import { messageOf } from "../core/errors.ts";

/** How names of secrets end, without case, hyphens and underscores. Token counts (`tokens`) are not among them. */
const SECRET_NAMES =
  /(?:apikey|authorization|passw(?:or)?d|passphrase|secret|token|cookie|credentials?|(?:private|secret|access)key)$/;

const MASK = "[redacted]";
const MAX_DEPTH = 10;

/** A copy of log fields with secrets masked, errors as plain objects and cycles cut. */
export function maskFields(fields: object): Record<string, unknown> {
  try {
    return maskEntries(fields, new Set([fields]));
  } catch (error) {
    return { unloggable: messageOf(error) }; // A getter or a toJSON that throws.
  }
}

function maskEntries(object: object, above: ReadonlySet<object>): Record<string, unknown> {
  const masked: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    masked[name] = isSecret(name) && value !== undefined && value !== null ? MASK : maskValue(value, above);
  }
  return masked;
}

function maskValue(value: unknown, above: ReadonlySet<object>): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (above.has(value)) return "[circular]";
  if (above.size > MAX_DEPTH) return "[too deep]";
  const within = new Set(above).add(value);
  if (value instanceof Error) return maskError(value, within);
  if (Array.isArray(value)) return value.map((item) => maskValue(item, within));
  if (saysItself(value)) return maskValue(value.toJSON(), within);
  if (value instanceof Map) return maskEntries(Object.fromEntries(value as Map<string, unknown>), within);
  if (value instanceof Set) return [...(value as Set<unknown>)].map((item) => maskValue(item, within));
  return maskEntries(value, within);
}

/** The shape that pino gives errors, with all of its own properties masked. */
function maskError(error: Error, within: ReadonlySet<object>): Record<string, unknown> {
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message,
    stack,
    ...(cause === undefined ? {} : { cause: maskValue(cause, within) }),
    ...maskEntries(Object.fromEntries(Object.entries(error)), within),
  };
}

function saysItself(value: object): value is { toJSON(): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

function isSecret(name: string): boolean {
  return SECRET_NAMES.test(name.toLowerCase().replace(/[-_]/g, ""));
}
