// The limits of a run: their ranges, and those that are given filled up with defaults.
// Invariant: a set of limits that exists is whole and within its ranges.
import { DefinitionError } from "./errors.ts";
import { DEFAULT_LIMITS, type GuestLimits, type LimitName } from "./guest.ts";

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
