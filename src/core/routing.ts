// How an agent wants its tasks routed to profiles: rules of its own, whether a model may be asked, how sure it must be.
// Invariant: options that exist are valid; what they lead to is the kernel's to say.
import { DefinitionError } from "./errors.ts";
import { PROFILE_NAMES, type ProfileName } from "./profile.ts";

/** A rule of the user's: the first whose `when` fits the task decides. */
export interface RoutingRule {
  /** What a task's text must match, or what must hold of it. */
  readonly when: RegExp | ((task: string) => boolean);
  /** How a task that fits is worked on. */
  readonly profile: ProfileName;
}

/** How an agent with `profile: "auto"` is routed. */
export interface RoutingOptions {
  /** Tried in order, before the built-in rules. */
  readonly rules?: readonly RoutingRule[] | undefined;
  /** Whether a model may be asked where no rule is sure. Default false. */
  readonly model?: boolean | undefined;
  /** How sure the model must be, from 0 to 1; below it the task goes to the coder. Default 0.6. */
  readonly confidence?: number | undefined;
}

const OPTIONS: readonly string[] = ["rules", "model", "confidence"];
/** How sure a model must be where the agent does not say. */
export const LEAST_CONFIDENCE = 0.6;

/**
 * Routing options as they were written, checked and frozen.
 *
 * @throws DefinitionError that names the option which is unknown or wrong; `who` begins its message.
 */
export function checkRouting(options: RoutingOptions, who: string): RoutingOptions {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw new DefinitionError(`${who}: routing must be an object such as { model: true }.`);
  }
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw new DefinitionError(
      `${who} has the unknown routing option "${unknown}"; known are: ${OPTIONS.join(", ")}.`,
    );
  }
  const { rules = [], model = false, confidence = LEAST_CONFIDENCE } = options;
  if (!Array.isArray(rules) || !rules.every(isRule)) {
    throw new DefinitionError(
      `${who}: routing.rules must be a list of { when, profile }: a pattern or a function of the task, and ` +
        `${PROFILE_NAMES.map((name) => `"${name}"`).join(", ")}.`,
    );
  }
  if (typeof model !== "boolean") throw new DefinitionError(`${who}: routing.model must be true or false.`);
  if (typeof confidence !== "number" || !(confidence >= 0 && confidence <= 1)) {
    throw new DefinitionError(`${who}: routing.confidence must be a number from 0 to 1.`);
  }
  return Object.freeze({ rules: Object.freeze([...(rules as readonly RoutingRule[])]), model, confidence });
}

function isRule(rule: unknown): boolean {
  if (typeof rule !== "object" || rule === null) return false;
  const { when, profile } = rule as Partial<RoutingRule>;
  return (
    (when instanceof RegExp || typeof when === "function") && PROFILE_NAMES.includes(profile as ProfileName)
  );
}
