// What commands write to standard output: text for people, or one JSON document for machines.
import { isatty } from "node:tty";
import pc from "picocolors";
import { toReadable } from "../readable.ts";

const STANDARD_OUTPUT = 1;

/** Whether standard output is a terminal that has colours; piped text stays plain. */
export const colours = isatty(STANDARD_OUTPUT) && pc.isColorSupported;

/** Colours where standard output is a terminal that has them; plain text where it is piped. */
export const paint = pc.createColors(colours);

/** Text that does nothing but show: control characters other than tab and line feed are written as escapes. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- they are what is looked for.
  return text.replace(/\r\n/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

const outlived = new WeakSet<NodeJS.WritableStream>();

/** Lets a stream's reader go away, as `| head` does: what is written then is lost, and the command ends in order. */
export function outliveReader(stream: NodeJS.WritableStream): void {
  if (outlived.has(stream)) return;
  outlived.add(stream);
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

/** Tells people how a command goes: a line on standard error, whatever standard output is for. */
export function say(text: string): void {
  process.stderr.write(`fettle: ${text}\n`);
}

/** Writes text and a line's end. */
export function print(text: string): void {
  outliveReader(process.stdout);
  process.stdout.write(`${text}\n`);
}

/** Writes a value as JSON; what JSON cannot say (Map, BigInt, Date …) in a readable form. */
export function printJson(value: unknown): void {
  print(JSON.stringify(toReadable(value), null, 2));
}
