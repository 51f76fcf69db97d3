// acorn, set up for guest code: a program that will be the body of an async function, from a hand not trusted.
// Invariant: time is linear in the source, whatever it holds. acorn alone is not: names of a scope are searched one
// by one (45,000 of them take 1.7 s), and each regular expression is built (40 µs for every `\p{L}`).
import { Parser, type Options, type Program } from "acorn";
import { mendLoops, type Edit } from "./loops.ts";

/** Where and why a source was refused; `position` counts UTF-16 units from 0. */
export interface SourceProblem {
  readonly message: string;
  readonly position: number;
}

/** What was parsed, or why not. */
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: SourceProblem };

/** A program and what its end depends on. */
export interface GuestProgram {
  readonly program: Program;
  /** What gives each top-level `return` without a value its value, and what mends loops; by position. */
  readonly edits: readonly Edit[];
}

/** The parts of acorn's parser that its plugins build on; acorn does not type them. */
export interface ParserInternals {
  readonly input: string;
  readonly start: number;
  readonly scopeStack: { var: string[]; lexical: string[]; functions: string[] }[];
  parse(): Program;
  raise(position: number, message: string): never;
  nextToken(): void;
  currentVarScope(): unknown;
  enterScope(flags: number): void;
  declareName(name: string, kind: number, position: number): void;
  validateRegExpPattern(state: { readonly source: string; readonly start: number }): void;
  skipLineComment(startSkip: number): void;
  parseExprImport(forNew: boolean): unknown;
  parseReturnStatement(node: { readonly start: number }): { argument: unknown; end: number };
}

/** acorn's parser as its plugins see it. */
export type ParserClass = new (options: Options, input: string) => ParserInternals;

/** How guest code is read: a script, since sloppy mode lets `result = …` stand alone, with await and return. */
export const PARSER_OPTIONS: Options = Object.freeze({
  ecmaVersion: "latest",
  sourceType: "script",
  allowAwaitOutsideFunction: true,
  allowReturnOutsideFunction: true,
});

/** What all regular expressions of a source may cost, see {@link patternCost}. */
export const MAX_PATTERNS = 32_768;

/** What it costs to check a regular expression: its characters, a property escape 100 more for what it stands for. */
export function patternCost(source: string): number {
  return source.length + 100 * (source.split(/\\p/i).length - 1);
}

const NO_IMPORT =
  "Modules cannot be imported or exported here: there are none. Write plain code, and call the tools for anything else";

const MANY = 32;

/** acorn's flags for the scope of a function, and of an async one. */
const ASYNC_FUNCTION = 2 | 4;

/** Names of a scope that are found at once; acorn only pushes them and asks whether one is there. */
class Names extends Array<string> {
  readonly #known = new Set<string>();

  override push(name: string): number {
    this.#known.add(name);
    return super.push(name);
  }

  override indexOf(name: string): number {
    return this.#known.has(name) ? 0 : -1;
  }
}

/** The same names, searched by hash once they are many. */
function searchable(names: string[]): string[] {
  if (names.length < MANY || names instanceof Names) return names;
  const set = new Names();
  for (const name of names) set.push(name);
  return set;
}

class GuestParser extends (Parser as unknown as ParserClass) {
  readonly bareReturns: Edit[] = [];
  #patterns = MAX_PATTERNS;

  /** The outermost scope is that of the async function whose body the code will be. */
  override enterScope(flags: number): void {
    super.enterScope(this.scopeStack.length === 0 ? ASYNC_FUNCTION : flags);
  }

  override declareName(name: string, kind: number, position: number): void {
    const scope = this.scopeStack.at(-1);
    if (scope !== undefined) {
      scope.var = searchable(scope.var);
      scope.lexical = searchable(scope.lexical);
      scope.functions = searchable(scope.functions);
    }
    super.declareName(name, kind, position);
  }

  override validateRegExpPattern(state: { readonly source: string; readonly start: number }): void {
    this.#patterns -= patternCost(state.source);
    if (this.#patterns < 0)
      this.raise(state.start, "The regular expressions are too long in all; shorten them");
    super.validateRegExpPattern(state);
  }

  override skipLineComment(startSkip: number): void {
    // An engine that does not know this old form of comment would see code where acorn sees none.
    if (startSkip > 2) this.raise(this.start, "HTML-like comments are not allowed; use //");
    super.skipLineComment(startSkip);
  }

  override parseExprImport(): never {
    this.raise(this.start, NO_IMPORT);
  }

  override parseReturnStatement(node: { readonly start: number }): { argument: unknown; end: number } {
    const atTop = this.currentVarScope() === this.scopeStack[0];
    const statement = super.parseReturnStatement(node);
    if (atTop && statement.argument === null) {
      const start = node.start + "return".length;
      // Without a semicolon of its own, what follows on the next line must not become part of it.
      this.bareReturns.push({ start, end: start, text: statement.end > start ? " result" : " result;" });
    }
    return statement;
  }
}

/** Parses JavaScript that is to be a guest. */
export function parseGuest(code: string): Parsed<GuestProgram> {
  return attempt(code, () => {
    const parser = new GuestParser(PARSER_OPTIONS, code);
    const program = parser.parse();
    const loops = code.includes("continue") ? mendLoops(program) : [];
    return { program, edits: [...parser.bareReturns, ...loops].sort((a, b) => a.start - b.start) };
  });
}

/** Parses, and turns whatever acorn throws into a problem with its place. */
export function attempt<T>(code: string, parse: () => T): Parsed<T> {
  try {
    return { ok: true, value: parse() };
  } catch (thrown) {
    if (thrown instanceof RangeError) {
      return { ok: false, problem: { message: "The code is nested too deeply to be parsed", position: 0 } };
    }
    const { message, pos } = thrown as { message: string; pos?: number };
    const position = Math.min(pos ?? 0, code.length);
    const plain = message.replace(/ \(\d+:\d+\)$/, "");
    return { ok: false, problem: { message: reworded(plain, code, position), position } };
  }
}

function reworded(message: string, code: string, position: number): string {
  if (message === "Unexpected token") {
    const token = /^(?:[\w$]{1,40}|\S)/u.exec(code.slice(position, position + 41))?.[0];
    return token === undefined ? "Unexpected end of the code" : `Unexpected ${JSON.stringify(token)}`;
  }
  if (message.startsWith("'import' and 'export'")) return NO_IMPORT;
  if (message === "Not enough stack space to parse input")
    return "The code is nested too deeply to be parsed";
  return message;
}
