// What was thrown, described for the host: name, message and stack as short texts.
// Invariant: it never throws, and the limit comes from the bootstrap's own marks, not from the error's text.
import type { Fault } from "./door.ts";
import { show } from "./inspect.ts";
import { limitOf, quote, slice } from "./intrinsics.ts";

const NAME = 100;
const MESSAGE = 4000;
const STACK = 4000;

/** The fault of a thrown value, as JSON. */
export function describeFault(thrown: unknown): string {
  const isObject = typeof thrown === "object" && thrown !== null;
  const name = isObject ? read(thrown, "name") : null;
  const message = isObject ? read(thrown, "message") : null;
  const stack = isObject ? read(thrown, "stack") : null;
  return faultText({
    kind: "thrown",
    name: name === null || name === "" ? "Error" : name,
    message: message ?? show(thrown, MESSAGE),
    stack: stack ?? "",
    limit: limitOf(thrown),
  });
}

/** A fault as JSON, its texts cut to size. */
export function faultText(fault: Fault): string {
  const name = quote(slice(fault.name, 0, NAME));
  const message = quote(slice(fault.message, 0, MESSAGE));
  const stack = quote(slice(fault.stack, 0, STACK));
  const said = '","name":' + name + ',"message":' + message + ',"stack":' + stack;
  return '{"kind":"' + fault.kind + said + ',"limit":"' + fault.limit + '"}';
}

function read(thrown: object, key: string): string | null {
  try {
    const value = (thrown as Record<string, unknown>)[key];
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}
