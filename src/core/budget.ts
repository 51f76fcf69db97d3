// What work may cost: measures, limits, and whose limits they are.
// Invariant: a budget that exists limits something, with numbers that can be reached; a scope's name always gives a key
// that every fabric takes.
import { DefinitionError } from "./errors.ts";
import { requireName } from "./names.ts";

/** Each {@link Measure}. */
export const MEASURES = ["tokens", "usd", "wallMs", "modelCalls", "toolCalls"] as const;

/** What is counted: all kinds of tokens together, US dollars, milliseconds of calls and runs, calls. */
export type Measure = (typeof MEASURES)[number];

/** How much of each measure; what is absent is 0. */
export type Amounts = Readonly<Partial<Record<Measure, number>>>;

/** What to do where a call would go over a budget: end the task, wait for an approval, or ask a cheaper model. */
export type OnExceeded = "fail" | "ask" | "cheaper";

/** Limits, each from 0; what is absent is not limited. */
export interface Budget {
  /** Input, output, cache reads and cache writes together. */
  readonly tokens?: number | undefined;
  /** US dollars. */
  readonly usd?: number | undefined;
  /** Time in which calls and runs are under way, added up, in milliseconds; waiting for an approval is not counted. */
  readonly wallMs?: number | undefined;
  /** How many times models may be asked. */
  readonly modelCalls?: number | undefined;
  /** How many times tools may be called. */
  readonly toolCalls?: number | undefined;
  /** `fail` where absent. */
  readonly onExceeded?: OnExceeded | undefined;
}

/** Whose budget it is, as errors name it. */
export type ScopeName = "mesh" | `agent:${string}` | `workflow:${string}` | `task:${string}`;

/** A scope with what it may spend now. */
export interface BudgetScope {
  /** Whose budget it is. */
  readonly name: ScopeName;
  /** Nothing is limited, and nothing booked, where absent. */
  readonly budget?: Budget | undefined;
}

const ON_EXCEEDED: readonly OnExceeded[] = ["fail", "ask", "cheaper"];
const OPTIONS: readonly string[] = [...MEASURES, "onExceeded"];

/**
 * A budget as it was written, checked and frozen.
 *
 * @throws DefinitionError that names the option which is unknown or wrong; `who` begins its message.
 */
export function checkBudget(value: unknown, who: string): Budget {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DefinitionError(`${who}: budget must be an object such as { tokens: 100_000, usd: 0.5 }.`);
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(given)) {
    if (OPTIONS.includes(name)) continue;
    throw new DefinitionError(
      `${who} has the unknown budget option "${name}"; known are: ${OPTIONS.join(", ")}.`,
    );
  }
  for (const measure of MEASURES) checkLimit(given[measure], measure, `${who}: budget.${measure}`);
  const { onExceeded } = given;
  if (onExceeded !== undefined && !ON_EXCEEDED.includes(onExceeded as OnExceeded)) {
    throw new DefinitionError(
      `${who}: budget.onExceeded must be "fail", "ask" or "cheaper", not ${JSON.stringify(onExceeded)}.`,
    );
  }
  if (!isLimited(given)) {
    throw new DefinitionError(`${who}: budget limits nothing; give one of ${MEASURES.join(", ")}.`);
  }
  return Object.freeze({ ...given });
}

function checkLimit(value: unknown, measure: Measure, what: string): void {
  if (value === undefined) return;
  const isWhole = measure !== "usd";
  const fits = typeof value === "number" && Number.isFinite(value) && value >= 0;
  if (fits && (!isWhole || Number.isSafeInteger(value))) return;
  const shown = typeof value === "number" ? String(value) : JSON.stringify(value);
  throw new DefinitionError(`${what} must be a ${isWhole ? "whole " : ""}number from 0, not ${shown}.`);
}

/** Whether a budget limits anything. */
export function isLimited(budget: Budget | undefined): boolean {
  return budget !== undefined && MEASURES.some((measure) => budget[measure] !== undefined);
}

/**
 * The key under which a scope's spending is kept.
 *
 * @throws DefinitionError where the name is of no scope.
 */
export function budgetKey(name: ScopeName): string {
  if (name === "mesh") return "mesh";
  const [, kind, id] = /^(agent|workflow|task):(.*)$/s.exec(name) ?? [];
  if (kind === undefined) {
    throw new DefinitionError(
      `Budget name ${JSON.stringify(name)} is not known: use mesh, agent:<role>, workflow:<id> or task:<id>.`,
    );
  }
  requireName(id, `The ${kind} of a budget`);
  return `${kind}.${id}`;
}

/** The sum of two amounts. Dollars are kept to the billionth, so that many small costs add up exactly. */
export function addAmounts(a: Amounts, b: Amounts): Amounts {
  const sum: Partial<Record<Measure, number>> = {};
  for (const measure of MEASURES) {
    const total = exact((a[measure] ?? 0) + (b[measure] ?? 0));
    if (total !== 0) sum[measure] = total;
  }
  return sum;
}

/** A number without what adding decimal fractions in binary leaves behind. */
export function exact(amount: number): number {
  return Number.isInteger(amount) ? amount : Math.round(amount * 1e9) / 1e9;
}

const UNITS: Readonly<Record<Measure, readonly [one: string, more: string]>> = {
  tokens: ["token", "tokens"],
  usd: ["USD", "USD"],
  wallMs: ["ms", "ms"],
  modelCalls: ["model call", "model calls"],
  toolCalls: ["tool call", "tool calls"],
};

/** An amount as people read it, such as `1200 tokens`. */
export function describeAmount(amount: number, measure: Measure): string {
  return `${amount} ${UNITS[measure][amount === 1 ? 0 : 1]}`;
}
