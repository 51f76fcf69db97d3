// A token from a file, as orchestrators hand secrets to programs.
// Invariant: what is in the file is never part of an error.
import { readFileSync } from "node:fs";
import { ConfigError, messageOf } from "../core/errors.ts";

/** The token in a file, without white space around it. @throws ConfigError where it cannot be read. */
export function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (thrown) {
    throw new ConfigError(`Cannot read the token from "${file}": ${messageOf(thrown)}.`, { cause: thrown });
  }
}
