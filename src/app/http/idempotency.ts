// The header by which clients send a request twice without harm: its value becomes the id of what is asked for.
import { isName } from "../../core/names.ts";
import { Problem } from "./problem.ts";

/** The id in an `Idempotency-Key`: as it is, or in quotes as RFC 9651 writes strings. @throws Problem */
export function idempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = header.trim().replace(/^"(.*)"$/, "$1");
  if (isName(key)) return key;
  const detail = 'The Idempotency-Key becomes the id: use 1 to 128 letters, digits, "_" and "-".';
  throw new Problem(400, "PARAMETER_INVALID", detail, { errors: [{ parameter: "Idempotency-Key", detail }] });
}
