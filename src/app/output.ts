// What commands write to standard output: text for people, or one JSON document for machines.
import { toReadable } from "../readable.ts";

/** Writes text and a line's end. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a value as JSON; what JSON cannot say (Map, BigInt, Date …) in a readable form. */
export function printJson(value: unknown): void {
  print(JSON.stringify(toReadable(value), null, 2));
}
