// Drops the types of TypeScript by overwriting them with spaces, so that every line and column stays.
// Invariant: what is left means the same without types, or is refused: enums, namespaces and parameter properties
// are code, not types. Where a type kept two statements apart, a semicolon takes one of its places.
// The parser backtracks (`<T>(` twenty times over would take it 20 s), so the tokens it may read are counted.
import { tsPlugin } from "@sveltejs/acorn-typescript";
import { Parser } from "acorn";
import {
  attempt,
  MAX_PATTERNS,
  PARSER_OPTIONS,
  patternCost,
  type Parsed,
  type ParserClass,
} from "./parser.ts";

/** Any node of the parser's tree, as far as types are concerned. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [part: string]: unknown;
}

class TypedParser extends (Parser.extend(tsPlugin()) as unknown as ParserClass) {
  tokensLeft = 10_000 + this.input.length;
  patternsLeft = MAX_PATTERNS;

  override nextToken(): void {
    this.tokensLeft -= 1;
    // No SyntaxError: that would send the parser to its next guess.
    if (this.tokensLeft < 0)
      throw new TangledError("The types are too tangled to be read; write plain JavaScript");
    super.nextToken();
  }

  override validateRegExpPattern(state: { readonly source: string }): void {
    // Checked when the code without types is parsed; only the cost counts here.
    this.patternsLeft -= patternCost(state.source);
    if (this.patternsLeft < 0)
      throw new TangledError("The regular expressions are too long in all; shorten them");
  }

  override declareName(): void {
    // Names are checked when the code without types is parsed.
  }
}

class TangledError extends Error {}

/** Overwrites the types of a program with spaces; a problem where it is no TypeScript, or more than types. */
export function stripTypes(code: string): Parsed<string> {
  // As a module, so that exports inside a namespace are understood and it is named as what it is.
  const options = { ...PARSER_OPTIONS, sourceType: "module", locations: true, preserveParens: true } as const;
  const parsed = attempt(code, () => new TypedParser(options, code).parse() as unknown as Node);
  if (!parsed.ok) return parsed;
  const eraser = new Eraser(code);
  return attempt(code, () => {
    eraser.erase(parsed.value);
    return eraser.text();
  });
}

const NOT_TYPES: Readonly<Record<string, string>> = {
  TSEnumDeclaration: "An enum; use a plain object",
  TSModuleDeclaration: "A namespace; use a plain object",
  TSParameterProperty: "A parameter property; declare the field and assign it in the constructor",
  TSImportEqualsDeclaration: "An import; there are no modules here",
  TSExportAssignment: "An export; there are no modules here",
  Decorator: "A decorator; call the function instead",
};

/** Declarations that vanish whole. */
const TYPE_ONLY = new Set([
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "TSDeclareFunction",
  "TSIndexSignature",
]);

/** Pieces that vanish from where they stand. */
const ANNOTATIONS = new Set([
  "TSTypeAnnotation",
  "TSTypeParameterDeclaration",
  "TSTypeParameterInstantiation",
]);

/** What may end in a type and then needs its semicolon back. */
const STATEMENTS = new Set([
  "ExpressionStatement",
  "VariableDeclaration",
  "ReturnStatement",
  "ThrowStatement",
  "PropertyDefinition",
]);

const MODIFIERS = /(?<![\w$])(?:public|private|protected|readonly|override|abstract)(?![\w$])/g;

class Eraser {
  readonly #code: string;
  readonly #units: string[];
  readonly #erased: Uint8Array;
  /** Declarations in the head of a loop: no semicolon may follow them. */
  readonly #heads = new Set<unknown>();
  /** Where a parenthesis goes that was moved past a type. */
  readonly #closing: number[] = [];

  constructor(code: string) {
    this.#code = code;
    this.#units = code.split("");
    this.#erased = new Uint8Array(code.length);
  }

  text(): string {
    return this.#units.join("");
  }

  /** Walks the tree without recursion, parents first; what a parent ends with is settled after its children. */
  erase(root: Node): void {
    const ends: Node[] = [];
    const open: Node[] = [root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#vanishes(node)) continue;
      this.#enter(node);
      if (STATEMENTS.has(node.type) && !this.#heads.has(node)) ends.push(node);
      for (const part of Object.values(node)) {
        if (Array.isArray(part)) for (const item of part) if (isNode(item)) open.push(item);
        if (isNode(part)) open.push(part);
      }
    }
    for (const { end } of ends) if (this.#erased[end - 1] === 1) this.#units[end - 1] = ";";
    for (const at of this.#closing) this.#units[at] = ")";
  }

  #blank(start: number, end: number, first = " "): void {
    for (let at = start; at < end; at += 1) {
      this.#erased[at] = 1;
      if (!isLineBreak(this.#code.charCodeAt(at))) this.#units[at] = at === start ? first : " ";
    }
  }

  /** Whether a node is gone with all that is in it. */
  #vanishes(node: Node): boolean {
    if (ANNOTATIONS.has(node.type)) {
      this.#blank(node.start, node.end);
      return true;
    }
    const overload = isNode(node.value) && node.value.type === "TSDeclareMethod";
    if (TYPE_ONLY.has(node.type) || node.declare === true || overload || isAbstractField(node)) {
      this.#blank(node.start, node.end, ";");
      return true;
    }
    const problem = NOT_TYPES[node.type];
    if (problem !== undefined) this.#refuse(node.start, `TypeScript that is more than types: ${problem}`);
    return false;
  }

  #enter(node: Node): void {
    switch (node.type) {
      case "TSAsExpression":
      case "TSSatisfiesExpression":
      case "TSNonNullExpression":
        this.#blank((node.expression as Node).end, node.end);
        return;
      case "TSTypeAssertion": {
        const { start } = node.expression as Node;
        if (this.#code.slice(node.start, start).includes("\n")) {
          this.#refuse(node.start, "A type assertion over several lines; use `as`");
        }
        this.#blank(node.start, start);
        return;
      }
      case "ClassDeclaration":
      case "ClassExpression":
        this.#enterClass(node);
        return;
      case "PropertyDefinition":
      case "MethodDefinition":
        this.#enterMember(node);
        return;
      case "VariableDeclarator":
        if (node.definite === true) this.#blankMark("!", (node.id as Node).start, (node.id as Node).end);
        return;
      case "ForStatement":
        this.#heads.add(node.init);
        return;
      case "ForInStatement":
      case "ForOfStatement":
        this.#heads.add(node.left);
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        this.#enterFunction(node);
        return;
      case "Identifier":
      case "ObjectPattern":
      case "ArrayPattern":
        if (node.optional === true)
          this.#blankMark("?", node.start, startOf(node.typeAnnotation) ?? node.end);
    }
  }

  #enterClass(node: Node): void {
    const body = node.body as Node;
    if (node.abstract === true) this.#blankWord(/(?<![\w$])abstract(?![\w$])/, node.start, body.start);
    const heirs = node.implements as readonly Node[] | undefined;
    const last = heirs?.at(-1);
    if (last === undefined) return;
    const before = endOf(node.superTypeParameters) ?? endOf(node.superClass) ?? endOf(node.typeParameters);
    const from = this.#uncommented(before ?? endOf(node.id) ?? node.start, last.start).indexOf("implements");
    const base = before ?? endOf(node.id) ?? node.start;
    this.#blank(base + from, last.end);
  }

  #enterMember(node: Node): void {
    const key = node.key as Node;
    for (const { index, 0: word } of this.#uncommented(node.start, key.start).matchAll(MODIFIERS)) {
      // At the front, a semicolon keeps the member apart from a field above that has none.
      this.#blank(node.start + index, node.start + index + word.length, index === 0 ? ";" : " ");
    }
    const end = startOf(node.typeAnnotation) ?? startOf(node.value) ?? node.end;
    if (node.optional === true) this.#blankMark("?", key.end, startOf(node.typeParameters) ?? end);
    if (node.definite === true) this.#blankMark("!", key.end, end);
  }

  #enterFunction(node: Node): void {
    const params = node.params as readonly Node[];
    const [first, second] = params;
    if (first?.type === "Identifier" && first.name === "this") {
      const comma = this.#uncommented(first.end, second?.start ?? (node.body as Node).start).indexOf(",");
      const close = this.#uncommented(first.end, (node.body as Node).start).indexOf(")");
      const end = comma >= 0 && (second !== undefined || comma < close) ? first.end + comma + 1 : first.end;
      this.#blank(first.start, end);
    }
    const { returnType } = node;
    if (node.type !== "ArrowFunctionExpression" || !isNode(returnType)) return;
    // `=>` must stand on the line of the parenthesis before it: where the type has line breaks, that one moves.
    if (!/[\n\r\u2028\u2029]/.test(this.#code.slice(returnType.start, returnType.end))) return;
    const close = this.#code.lastIndexOf(")", returnType.start);
    this.#blank(close, close + 1);
    this.#closing.push(returnType.end - 1);
  }

  #blankMark(mark: "?" | "!", from: number, to: number): void {
    const at = this.#uncommented(from, to).indexOf(mark);
    if (at >= 0) this.#blank(from + at, from + at + 1);
  }

  #blankWord(word: RegExp, from: number, to: number): void {
    const found = word.exec(this.#uncommented(from, to));
    if (found !== null) this.#blank(from + found.index, from + found.index + found[0].length);
  }

  /** A stretch of code with spaces in place of its comments. */
  #uncommented(from: number, to: number): string {
    return this.#code
      .slice(from, to)
      .replace(/\/\*[^]*?\*\/|\/\/[^\n\r]*/g, (comment) => " ".repeat(comment.length));
  }

  #refuse(position: number, message: string): never {
    throw Object.assign(new SyntaxError(message), { pos: position });
  }
}

function isLineBreak(code: number): boolean {
  return code === 10 || code === 13 || code === 0x2028 || code === 0x2029;
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}

function isAbstractField(node: Node): boolean {
  return node.abstract === true && node.type === "PropertyDefinition";
}

function startOf(value: unknown): number | undefined {
  return isNode(value) ? value.start : undefined;
}

function endOf(value: unknown): number | undefined {
  return isNode(value) ? value.end : undefined;
}
