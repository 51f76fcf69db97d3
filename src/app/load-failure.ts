// Says why a user's file could not be loaded, in one sentence: each runtime, and jiti, tells it in a form of its own.
// Invariant: what the file's own code throws is left as it is.
import { stripVTControlCharacters } from "node:util";
import { ConfigError } from "../core/errors.ts";
import { hasOwnFrame } from "./stack.ts";

/** A ConfigError where the file, or one that it imports, is missing or has a mistake of syntax; else what was thrown. */
export function loadFailure(file: string, thrown: unknown): unknown {
  const reason = thrown instanceof Error ? reasonOf(thrown) : null;
  return reason === null ? thrown : new ConfigError(`Cannot load "${file}": ${reason}`, { cause: thrown });
}

function reasonOf(error: Error): string | null {
  const { code } = error as NodeJS.ErrnoException;
  const message = stripVTControlCharacters(error.message);
  // Deno calls mistakes of syntax so, too.
  const [isSyntax, syntax] = withoutName(message);
  if (isSyntax || (error instanceof SyntaxError && !hasOwnFrame(error))) return syntaxReason(syntax, error);
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") return missingReason(message);
  return null;
}

function withoutName(message: string): readonly [named: boolean, rest: string] {
  const rest = message.replace(/^(?:ParseError|SyntaxError): /, "");
  return [rest !== message, rest];
}

/** `Expected ',' at /home/me/agents.ts:2:41`, as far as the runtime says where. */
function syntaxReason(message: string, { stack = "" }: Error): string {
  const what = (message.split("\n", 1)[0] ?? "").trim();
  if (what !== message.trim()) {
    // After the message, jiti and Deno write the place, on a line of its own.
    const place = message.trim().split("\n").at(-1) ?? "";
    return `${what}, at ${place
      .trim()
      .replace(/^at /, "")
      .replace(/^file:\/\//, "")}.`;
  }
  // Before the message, Node writes the place and the line.
  const [place, line = ""] = stack.split("\n");
  const [, path] = /^(?:file:\/\/)?(\/.*:\d+|[A-Za-z]:.*:\d+)$/.exec(place ?? "") ?? [];
  if (path === undefined) return `${what}. "node --check" shows where.`;
  return `${what}, at ${path}: ${line.trim()}`;
}

function missingReason(message: string): string {
  const [what = "", ...rest] = message.split("\n").map((line) => line.trim());
  // Node's require names those that asked, the nearest first, each behind a dash.
  const asker = rest.find((line) => line.startsWith("- "))?.slice(2);
  const where =
    asker === undefined ? rest.filter((line) => line.startsWith("at ")).join(" ") : `imported from ${asker}`;
  const said = `${what} ${where}`.trim().replace(/\.?$/, ".");
  const [, name = ""] = /['"]([^'"]+)['"]/.exec(what) ?? [];
  return /^(?:[./\\]|file:|[A-Za-z]:)/.test(name)
    ? `${said} Is its path right?`
    : `${said} Is it installed? npm install ${name}`;
}
