// Turns the code that a model wrote into the body of an async function, or into a syntax error it can mend.
// Invariant: `body` keeps every line and column of the code as given, and parses as statements on its own, so that
// no brace in it can close the function around it.
//
// How `result` is read, without moving a character of the code:
// - where the top level declares `result` with let, const, using or class, a line `return result` is put after it;
// - else that line declares `var result` as well, hoisted over the whole code, so that an assignment anywhere
//   (in a nested function, in strict code) has a variable to go to; `globalThis.result` counts where it stays empty;
// - a top-level `return x` gives x instead; a bare `return` becomes `return result` (7 columns more on that line);
// - loops are mended where the engine would get them wrong (loops.ts);
// - a `result` declared inside a block stays there: nobody outside sees it, the function returns undefined, and
//   undefined is no result.
import type { Pattern } from "acorn";
import type { GuestError } from "../core/guest.ts";
import { parseGuest, type GuestProgram, type SourceProblem } from "./parser.ts";

/** Code ready to run as the body of a sloppy-mode async function that returns the result, or why it is not. */
export type CompiledGuest =
  | {
      readonly ok: true;
      /** Starts on line 1, column 1 of the code as given; ends with a line of our own. */
      readonly body: string;
      readonly language: "javascript" | "typescript";
    }
  | { readonly ok: false; readonly error: GuestError };

/** What a run fails with whose function returned undefined. */
export const NO_RESULT: GuestError = Object.freeze({
  name: "NoResultError",
  message:
    "The code ended without a result: assign what it found to `result` at the top level, as in " +
    "`const result = …;` (null where there is nothing to give).",
  failure: "no-result",
});

/** Compiles JavaScript, or TypeScript by dropping its types; never throws. */
export async function compileGuest(code: string): Promise<CompiledGuest> {
  const source = code.startsWith("#!") ? `//${code.slice(2)}` : code;
  const script = parseGuest(source);
  if (script.ok) return { ok: true, body: bodyOf(source, script.value), language: "javascript" };
  const { stripTypes } = await import("./typescript.ts");
  const stripped = stripTypes(source);
  if (!stripped.ok) return { ok: false, error: syntaxError(code, farther(script.problem, stripped.problem)) };
  const plain = parseGuest(stripped.value);
  if (!plain.ok) return { ok: false, error: syntaxError(code, farther(script.problem, plain.problem)) };
  return { ok: true, body: bodyOf(stripped.value, plain.value), language: "typescript" };
}

/** Of two readings of one code the one that understood more of it knows better what is wrong. */
function farther(script: SourceProblem, typed: SourceProblem): SourceProblem {
  return typed.position > script.position ? typed : script;
}

function bodyOf(source: string, { program, edits }: GuestProgram): string {
  let body = "";
  let from = 0;
  for (const { start, end, text } of edits) {
    body += source.slice(from, start) + text;
    from = end;
  }
  body += source.slice(from);
  if (declaresResult(program)) return `${body}\n;return result;`;
  return `${body}\n;var result; return result === undefined ? globalThis.result : result;`;
}

/** Whether the top level binds `result` so that a second declaration would clash. */
function declaresResult(program: GuestProgram["program"]): boolean {
  return program.body.some((statement) => {
    if (statement.type === "ClassDeclaration") return statement.id.name === "result";
    if (statement.type !== "VariableDeclaration" || statement.kind === "var") return false;
    return statement.declarations.some((declarator) => binds(declarator.id));
  });
}

function binds(pattern: Pattern): boolean {
  switch (pattern.type) {
    case "Identifier":
      return pattern.name === "result";
    case "ObjectPattern":
      return pattern.properties.some((part) =>
        binds(part.type === "RestElement" ? part.argument : part.value),
      );
    case "ArrayPattern":
      return pattern.elements.some((part) => part !== null && binds(part));
    case "RestElement":
      return binds(pattern.argument);
    case "AssignmentPattern":
      return binds(pattern.left);
    case "MemberExpression":
      return false;
  }
}

function syntaxError(code: string, { message, position }: SourceProblem): GuestError {
  const before = code.slice(0, position);
  const line = before.split("\n").length;
  const lineStart = before.lastIndexOf("\n") + 1;
  const column = position - lineStart + 1;
  return {
    name: "SyntaxError",
    message: `${message} (line ${line}, column ${column}).\n${excerpt(code, line, lineStart, column)}`,
    failure: "syntax",
    line,
    column,
  };
}

/** The line at fault, cut around the place, with a caret below it. */
function excerpt(code: string, line: number, lineStart: number, column: number): string {
  const end = code.indexOf("\n", lineStart);
  const whole = code.slice(lineStart, end === -1 ? undefined : end).replace(/[\r\t\u2028\u2029]/g, " ");
  const from = Math.max(0, column - 80);
  const label = `${line} | `;
  return `${label}${whole.slice(from, from + 120)}\n${" ".repeat(label.length + column - 1 - from)}^`;
}
