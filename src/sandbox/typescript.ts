// Drops the types of TypeScript by overwriting them with spaces, so that every line and column stays.
import type { Parsed } from "./parser.ts";
export function stripTypes(_code: string): Parsed<string> {
  return { ok: false, problem: { message: "TypeScript is not supported yet", position: 0 } };
}
