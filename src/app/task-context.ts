// A task's context from the command line: JSON, or a file of JSON.
import { readFileSync } from "node:fs";
import { ConfigError, messageOf } from "../core/errors.ts";

/**
 * Reads `--context`: a JSON object, or `@` and the name of a file that holds one.
 *
 * @throws ConfigError where it cannot be read or is no object.
 */
export function readContext(given: string | undefined): Readonly<Record<string, unknown>> {
  if (given === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(given.startsWith("@") ? readFileSync(given.slice(1), "utf8") : given);
  } catch (thrown) {
    throw new ConfigError(`Cannot read --context ${given}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new ConfigError(`--context takes a JSON object, such as '{"name":"value"}', not ${given}.`);
}
