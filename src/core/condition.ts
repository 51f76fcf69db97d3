// Conditions as data: whether a step runs, said in JSON, so that a definition can be stored, compared and resumed.
// Invariant: a condition never throws; of a value that is not there or of another type, only `notEquals` and
// `exists: false` hold.
import { equals } from "./canonical.ts";
import { lookUp, type Reference, type Scope } from "./reference.ts";

/** What is asked of the value that a reference names; several tests must all hold. */
export interface ConditionTest extends Reference {
  /** Whether the value is there and not null. */
  readonly exists?: boolean;
  /** The value equals this one, deep down. */
  readonly equals?: unknown;
  /** The value is another than this one, deep down, or is not there. */
  readonly notEquals?: unknown;
  /** Both numbers or both texts; so for the next three. */
  readonly greaterThan?: number | string;
  readonly atLeast?: number | string;
  readonly lessThan?: number | string;
  readonly atMost?: number | string;
  /** Whether the value is one of these. */
  readonly in?: readonly unknown[];
  /** Whether a list has this element, or a text this part. */
  readonly contains?: unknown;
}

/** When a step runs: a test, or tests joined together. */
export type Condition =
  | ConditionTest
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** One thing that is wrong with what a user wrote, and where. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type TestName = Exclude<keyof ConditionTest, keyof Reference>;

const TESTS: Readonly<Record<TestName, (value: unknown, operand: unknown) => boolean>> = {
  exists: (value, wanted) => (value !== undefined && value !== null) === wanted,
  equals: (value, other) => value !== undefined && equals(value, other),
  notEquals: (value, other) => !equals(value, other),
  greaterThan: (value, bound) => compare(value, bound, (a, b) => a > b),
  atLeast: (value, bound) => compare(value, bound, (a, b) => a >= b),
  lessThan: (value, bound) => compare(value, bound, (a, b) => a < b),
  atMost: (value, bound) => compare(value, bound, (a, b) => a <= b),
  in: (value, list) => Array.isArray(list) && list.some((one) => equals(one, value)),
  contains: (value, part) =>
    typeof value === "string"
      ? typeof part === "string" && value.includes(part)
      : Array.isArray(value) && value.some((one) => equals(one, part)),
};

const NAMES = Object.keys(TESTS) as readonly TestName[];
const JOINTS = ["all", "any", "not"] as const;

/** Whether a condition holds. */
export function holds(condition: Condition, scope: Scope): boolean {
  if ("all" in condition) return condition.all.every((one) => holds(one, scope));
  if ("any" in condition) return condition.any.some((one) => holds(one, scope));
  if ("not" in condition) return !holds(condition.not, scope);
  const value = lookUp(condition, scope);
  return NAMES.every((name) => !Object.hasOwn(condition, name) || TESTS[name](value, condition[name]));
}

/** The ids of the steps that a condition speaks of. */
export function stepsIn(condition: Condition): readonly string[] {
  if ("all" in condition) return condition.all.flatMap(stepsIn);
  if ("any" in condition) return condition.any.flatMap(stepsIn);
  if ("not" in condition) return stepsIn(condition.not);
  return condition.step === undefined ? [] : [condition.step];
}

/** What is wrong with a would-be condition; empty where nothing is. */
export function conditionProblems(value: unknown, path: Problem["path"] = []): readonly Problem[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ path, message: "expected a condition, such as { step, path, equals }" }];
  }
  const given = value as Readonly<Record<string, unknown>>;
  const joint = JOINTS.find((name) => name in given);
  if (joint !== undefined) {
    const others = Object.keys(given).filter((name) => name !== joint);
    if (others.length > 0) {
      return [{ path, message: `"${joint}" stands alone, without ${others.map(quote).join(", ")}` }];
    }
    const inner = given[joint];
    if (joint === "not") return conditionProblems(inner, [...path, joint]);
    if (!Array.isArray(inner) || inner.length === 0) {
      return [{ path: [...path, joint], message: "expected a list of conditions" }];
    }
    return inner.flatMap((one, index) => conditionProblems(one, [...path, joint, index]));
  }
  return testProblems(given, path);
}

function testProblems(given: Readonly<Record<string, unknown>>, path: Problem["path"]): readonly Problem[] {
  const problems: Problem[] = [...referenceProblems(given, path)];
  const names = Object.keys(given).filter((name) => name !== "step" && name !== "path");
  for (const name of names) {
    const operand = given[name];
    const at = [...path, name];
    if (!(NAMES as readonly string[]).includes(name)) {
      problems.push({ path: at, message: `unknown test "${name}"; there are: ${NAMES.join(", ")}` });
    } else if (name === "exists" && typeof operand !== "boolean") {
      problems.push({ path: at, message: "expected true or false" });
    } else if (name === "in" && !Array.isArray(operand)) {
      problems.push({ path: at, message: "expected a list of values" });
    } else if (BOUNDS.has(name) && typeof operand !== "number" && typeof operand !== "string") {
      problems.push({ path: at, message: "expected a number or a text" });
    }
  }
  if (names.length === 0) {
    problems.push({ path, message: `expected a test, one of: ${NAMES.join(", ")}, all, any, not` });
  }
  return problems;
}

const BOUNDS: ReadonlySet<string> = new Set(["greaterThan", "atLeast", "lessThan", "atMost"]);

/** What is wrong with the `step` and `path` of a would-be reference. */
export function referenceProblems(
  { step, path }: Readonly<Record<string, unknown>>,
  at: Problem["path"],
): readonly Problem[] {
  const problems: Problem[] = [];
  if (step !== undefined && typeof step !== "string") {
    problems.push({ path: [...at, "step"], message: "expected the id of a step" });
  }
  const isPath =
    path === undefined ||
    typeof path === "string" ||
    (Array.isArray(path) && path.every((name) => typeof name === "string" || typeof name === "number"));
  if (!isPath) {
    problems.push({ path: [...at, "path"], message: 'expected a path, such as "rows.0.name"' });
  }
  return problems;
}

function compare(
  a: unknown,
  b: unknown,
  holdsFor: (a: number | string, b: number | string) => boolean,
): boolean {
  if (typeof a === "number" && typeof b === "number") return holdsFor(a, b);
  return typeof a === "string" && typeof b === "string" && holdsFor(a, b);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
