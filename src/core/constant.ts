// Operators on constants, as far as a program's literals are put together by them: "ab" + "cd", 3628000 + 800, -1.
// Invariant: gives what JavaScript would, or null; never throws, and never makes a text or a number without bounds.

/** What an expression always comes to. */
export interface Constant {
  readonly value: unknown;
}

const MAX_TEXT = 100_000;

/** Whether operators work on a value alone, without calling anything of it. */
export function isPrimitive(value: unknown): value is string | number | bigint | boolean | null | undefined {
  return typeof value !== "object" || value === null;
}

/** A unary operator on a constant; null where it does not come to one. */
export function applyUnary(operator: string, value: unknown): Constant | null {
  if (operator === "-" && typeof value === "bigint") return { value: -value };
  if (!isPrimitive(value) || typeof value === "bigint") return null;
  switch (operator) {
    case "-":
      return { value: -Number(value) };
    case "+":
      return { value: Number(value) };
    case "~":
      return { value: ~Number(value) };
    case "!":
      return { value: !value };
    case "void":
      return { value: undefined };
    default:
      return null;
  }
}

/** A binary operator on constants; null where it does not come to one. */
export function applyBinary(operator: string, left: unknown, right: unknown): Constant | null {
  if (!isPrimitive(left) || !isPrimitive(right)) return null;
  if (operator === "+" && (typeof left === "string" || typeof right === "string")) {
    return boundedText(String(left) + String(right));
  }
  if (typeof left === "bigint" && typeof right === "bigint") return exact(operator, left, right);
  if (typeof left === "bigint" || typeof right === "bigint") return null;
  const [a, b] = [Number(left), Number(right)];
  const results: Readonly<Record<string, number>> = {
    "+": a + b,
    "-": a - b,
    "*": a * b,
    "/": a / b,
    "%": a % b,
    "**": a ** b,
    "|": a | b,
    "&": a & b,
    "^": a ^ b,
    "<<": a << b,
    ">>": a >> b,
    ">>>": a >>> b,
  };
  const value = results[operator];
  return value === undefined ? null : { value };
}

function exact(operator: string, left: bigint, right: bigint): Constant | null {
  switch (operator) {
    case "+":
      return { value: left + right };
    case "-":
      return { value: left - right };
    case "*":
      return { value: left * right };
    case "/":
      return right === 0n ? null : { value: left / right };
    case "%":
      return right === 0n ? null : { value: left % right };
    case "**":
      return right < 0n || right > 1_000n || left > 1_000_000n || left < -1_000_000n
        ? null
        : { value: left ** right };
    default:
      return null;
  }
}

/** Sums of sums could grow without end. */
export function boundedText(text: string): Constant | null {
  return text.length > MAX_TEXT ? null : { value: text };
}
