// The error that each limit of a run ends in.
// Invariant: it names the limit, its value and how to raise it.
import type { GuestError, GuestLimits, LimitName } from "../core/guest.ts";

const WHAT: Readonly<Record<LimitName, string>> = {
  cpuMs: "The code computed for too long and was stopped",
  timeoutMs: "The run took too long, waiting included, and was stopped",
  memoryBytes: "The code needed too much memory and was stopped",
  stackBytes: "The code called itself too deeply and was stopped",
  codeBytes: "The code is too large",
  contextBytes: "The context is too large",
  resultBytes: "The result is too large",
  consoleBytes: "The console output is too large",
  toolCalls: "The code made too many tool calls and was stopped",
  concurrentToolCalls: "The code made too many tool calls at once",
  toolBytes: "A tool's input or output is too large",
};

const UNITS: Readonly<Partial<Record<LimitName, string>>> = {
  cpuMs: " ms",
  timeoutMs: " ms",
  toolCalls: " calls",
  concurrentToolCalls: " calls",
};

/** The error of a run that hit a limit; `message` in place of the general one where more is known. */
export function limitError(limit: LimitName, limits: GuestLimits, message = ""): GuestError {
  const value = `${limits[limit]}${UNITS[limit] ?? " bytes"}`;
  const general = `${WHAT[limit]}: limits.${limit} is ${value}. Do with less, or raise it in the options' limits.`;
  return { name: "LimitError", message: message === "" ? general : message, failure: "limit", limit };
}
