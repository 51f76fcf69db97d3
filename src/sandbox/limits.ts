// The limits of a run: defaults filled in, values checked, and the error that each of them ends in.
// Invariant: a limit's error names the limit, its value and how to raise it.
import { DefinitionError } from "../core/errors.ts";
import { DEFAULT_LIMITS, type GuestError, type GuestLimits, type LimitName } from "../core/guest.ts";

/** Smallest and largest value of each limit. */
const RANGES: Readonly<Record<LimitName, readonly [number, number]>> = {
  cpuMs: [1, 86_400_000],
  timeoutMs: [1, 2_147_483_647],
  memoryBytes: [4 * 1024 * 1024, 2 * 1024 * 1024 * 1024],
  stackBytes: [16 * 1024, 896 * 1024],
  codeBytes: [1, 64 * 1024 * 1024],
  contextBytes: [1, 512 * 1024 * 1024],
  resultBytes: [1, 512 * 1024 * 1024],
  consoleBytes: [0, 64 * 1024 * 1024],
  toolCalls: [0, 1_000_000],
  concurrentToolCalls: [1, 10_000],
  toolBytes: [1, 512 * 1024 * 1024],
};

/**
 * All limits of a run; what is not given is `base`'s.
 *
 * @throws DefinitionError where a limit is unknown, no integer or out of its range.
 */
export function resolveLimits(
  given: Partial<GuestLimits> | undefined,
  base: GuestLimits = DEFAULT_LIMITS,
): GuestLimits {
  if (given === undefined) return base;
  const limits: Record<string, number> = { ...base };
  for (const [name, value] of Object.entries(given)) {
    const range = (RANGES as Readonly<Record<string, readonly [number, number]>>)[name];
    if (range === undefined) {
      throw new DefinitionError(`Unknown limit "${name}"; there are: ${Object.keys(RANGES).join(", ")}.`);
    }
    if ((value as number | undefined) === undefined) continue;
    const [least, most] = range;
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new DefinitionError(
        `The limit ${name} is ${String(value)}: it must be an integer from ${least} to ${most}.`,
      );
    }
    limits[name] = value;
  }
  return Object.freeze(limits) as unknown as GuestLimits;
}

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
