// The literals of a program, read from its syntax tree: what a program says by itself, without its data.
// Invariant: nothing is run, and what cannot be read (no program, too long, nested too deeply) has no literals: the
// caller must then take the worst for granted. A constant expression counts as what it comes to and as its parts.
import type { Parser } from "acorn";
import { applyBinary, applyUnary, boundedText, isPrimitive, type Constant } from "./core/constant.ts";
import type { CodeLiterals } from "./core/taint.ts";

/** Any node of a syntax tree. */
interface Node {
  readonly type: string;
  readonly [part: string]: unknown;
}

const MAX_CODE = 64 * 1024;
/** To build a regular expression takes the parser 40 µs for each of these. */
const MAX_PROPERTY_ESCAPES = 200;

/** The literals of JavaScript or TypeScript that could be a guest; null where it cannot be read. */
export async function readLiterals(code: string): Promise<CodeLiterals | null> {
  const escapes = code.length > MAX_CODE ? Infinity : code.split(/\\p/i).length - 1;
  if (escapes > MAX_PROPERTY_ESCAPES) return null;
  try {
    return new Reader().read(await parse(code.startsWith("#!") ? `//${code.slice(2)}` : code));
  } catch {
    // What the parser refuses or stumbles over, and what is nested too deeply: a task's result must not depend on it.
    return null;
  }
}

async function parse(code: string): Promise<Node> {
  const acorn = await import("acorn");
  const options = {
    ecmaVersion: "latest",
    sourceType: "script",
    allowAwaitOutsideFunction: true,
    allowReturnOutsideFunction: true,
  } as const;
  try {
    return lenient(acorn.Parser).parse(code, options) as unknown as Node;
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown;
  }
  const { tsPlugin } = await import("@sveltejs/acorn-typescript");
  const typed = lenient(acorn.Parser.extend(tsPlugin()), 10_000 + code.length);
  return typed.parse(code, { ...options, sourceType: "module", locations: true }) as unknown as Node;
}

type ParserClass = typeof Parser;

/** A parser that leaves to the compiler what takes time and says nothing of literals; and that gives up in time. */
function lenient(base: ParserClass, tokens = Infinity): ParserClass {
  const Base = base as unknown as new (...given: unknown[]) => { nextToken(): void };
  let left = tokens;
  class Lenient extends Base {
    override nextToken(): void {
      left -= 1;
      if (left < 0) throw new RangeError("The types are too tangled to be read");
      super.nextToken();
    }
    declareName(): void {
      // Names that clash are the compiler's to find.
    }
    validateRegExpPattern(): void {
      // As are patterns.
    }
  }
  return Lenient as unknown as ParserClass;
}

/** Nodes of types: erased before the code runs. */
const TYPES =
  /^TS(?:TypeAnnotation|TypeParameter|InterfaceDeclaration|TypeAliasDeclaration|DeclareFunction|IndexSig)/;
/** Expressions around which only types are put. */
const TYPED = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression", "TSTypeAssertion"]);

class Reader {
  readonly #values = new Set<number | bigint | string>();
  readonly #keys = new Set<string>();
  /** What each name stands for that is declared once, as a constant; null where it is not. */
  readonly #constants = new Map<string, Constant | null>();
  readonly #uses = new Map<string, number>();
  #folded = new WeakMap<Node, { readonly constant: Constant | null }>();
  /** What is given to `result`, and whether that is all that happens to it. */
  readonly #results: Constant[] = [];
  #isConstant = true;
  #mentions = 0;

  read(program: Node): CodeLiterals {
    this.#count(program);
    this.#declare(program);
    // What was folded while not all constants were known.
    this.#folded = new WeakMap();
    this.#readResults(program);
    this.#walk(program);
    const last = this.#results.at(-1);
    const isConstant = this.#isConstant && this.#mentions === this.#results.length;
    return {
      values: [...this.#values],
      keys: [...this.#keys],
      constant: isConstant && last !== undefined ? last : null,
    };
  }

  /** How often each name stands in the code. */
  #count(node: Node): void {
    if (node.type === "Identifier") {
      const name = node.name as string;
      this.#uses.set(name, (this.#uses.get(name) ?? 0) + 1);
    }
    for (const child of childrenOf(node)) this.#count(child);
  }

  /** Finds the names that stand for constants, in the order of the text. */
  #declare(node: Node): void {
    if (node.type === "VariableDeclaration") {
      for (const { id, init } of node.declarations as readonly { id: Node; init: Node | null }[]) {
        if (id.type !== "Identifier") continue;
        const name = id.name as string;
        const isFirst = node.kind === "const" && init !== null && !this.#constants.has(name);
        this.#constants.set(name, isFirst ? this.#fold(init) : null);
      }
    }
    for (const child of childrenOf(node)) this.#declare(child);
  }

  /** What the top level gives as the result: constants that nothing else in the code could change. */
  #readResults(program: Node): void {
    for (const statement of program.body as readonly Node[]) {
      if (statement.type === "ReturnStatement") {
        if (isNode(statement.argument)) {
          this.#give(statement.argument);
          this.#mentions += 1;
        }
      } else if (statement.type === "VariableDeclaration") {
        for (const { id, init } of statement.declarations as readonly { id: Node; init: Node | null }[]) {
          if (isResult(id) && init !== null) this.#give(init);
          else if (isResult(id)) this.#mentions -= 1;
        }
      } else if (statement.type === "ExpressionStatement") {
        const expression = statement.expression as Node;
        if (expression.type !== "AssignmentExpression" || !isResult(expression.left as Node)) continue;
        if (expression.operator === "=") this.#give(expression.right as Node);
        else this.#isConstant = false;
      }
    }
    this.#isConstant &&= !hasInnerReturn(program);
  }

  #give(value: Node): void {
    const constant = this.#fold(value);
    if (constant === null) this.#isConstant = false;
    else this.#results.push(constant);
  }

  /** Collects literals; `inside` a constant expression its own parts that are expressions are not collected again. */
  #walk(node: Node, inside = false): void {
    if (isResult(node)) this.#mentions += 1;
    switch (node.type) {
      case "Literal":
        this.#add(node.regex === undefined ? literalOf(node)?.value : textOfRegExp(node));
        return;
      case "TemplateElement":
        this.#add((node.value as { readonly cooked?: string | null }).cooked);
        return;
      case "MemberExpression":
        this.#walk(node.object as Node);
        this.#walkKey(node.property as Node, node.computed === true);
        return;
      case "Property":
      case "PropertyDefinition":
      case "MethodDefinition":
        if (node.shorthand !== true) this.#walkKey(node.key as Node, node.computed === true);
        if (isNode(node.value)) this.#walk(node.value);
        return;
      case "BinaryExpression":
      case "UnaryExpression":
      case "TemplateLiteral": {
        const folded = inside ? null : this.#fold(node);
        this.#add(folded?.value);
        for (const child of childrenOf(node)) this.#walk(child, inside || folded !== null);
        return;
      }
    }
    if (TYPED.has(node.type)) this.#walk(node.expression as Node, inside);
    else for (const child of childrenOf(node)) this.#walk(child);
  }

  #walkKey(key: Node, computed: boolean): void {
    if (computed) this.#walk(key);
    else if (key.type === "Identifier") this.#keys.add(key.name as string);
    else if (key.type === "Literal") this.#keys.add(String(key.value));
  }

  #add(value: unknown): void {
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "string") {
      this.#values.add(value);
    }
  }

  /** What an expression always comes to; null where that depends on anything. */
  #fold(node: Node): Constant | null {
    const known = this.#folded.get(node);
    if (known !== undefined) return known.constant;
    const constant = this.#foldAnew(node);
    this.#folded.set(node, { constant });
    return constant;
  }

  #foldAnew(node: Node): Constant | null {
    if (TYPED.has(node.type) || node.type === "ParenthesizedExpression") {
      return this.#fold(node.expression as Node);
    }
    switch (node.type) {
      case "Literal":
        return literalOf(node);
      case "Identifier":
        return this.#foldName(node.name as string);
      case "TemplateLiteral":
        return this.#foldTemplate(node);
      case "UnaryExpression":
        return this.#foldWith([node.argument as Node], ([value]) =>
          applyUnary(node.operator as string, value),
        );
      case "BinaryExpression":
        return this.#foldWith([node.left as Node, node.right as Node], ([left, right]) =>
          applyBinary(node.operator as string, left, right),
        );
      case "ArrayExpression": {
        const elements = node.elements as readonly (Node | null)[];
        return this.#foldWith(
          elements.filter((element) => element !== null),
          (values) => ({ value: values }),
        );
      }
      case "ObjectExpression":
        return this.#foldObject(node.properties as readonly Node[]);
      default:
        return null;
    }
  }

  /** A list or an object that is used more than once may be another by then. */
  #foldName(name: string): Constant | null {
    const constant = WORDS.get(name) ?? this.#constants.get(name) ?? null;
    if (constant === null || isPrimitive(constant.value)) return constant;
    return (this.#uses.get(name) ?? 0) > 2 ? null : constant;
  }

  #foldWith(
    nodes: readonly Node[],
    combine: (values: readonly unknown[]) => Constant | null,
  ): Constant | null {
    const values: unknown[] = [];
    for (const node of nodes) {
      const folded = this.#fold(node);
      if (folded === null) return null;
      values.push(folded.value);
    }
    return combine(values);
  }

  #foldTemplate(node: Node): Constant | null {
    const texts = (node.quasis as readonly { value: { cooked?: string | null } }[]).map(
      (one) => one.value.cooked,
    );
    return this.#foldWith(node.expressions as readonly Node[], (values) => {
      if (!values.every(isPrimitive)) return null;
      return boundedText(
        texts
          .map((text, index) => `${text ?? ""}${index < values.length ? String(values[index]) : ""}`)
          .join(""),
      );
    });
  }

  #foldObject(properties: readonly Node[]): Constant | null {
    if (properties.some((one) => one.type !== "Property" || one.computed === true || one.kind !== "init")) {
      return null;
    }
    return this.#foldWith(
      properties.map((one) => one.value as Node),
      (values) => ({
        value: Object.fromEntries(
          values.map((value, index) => [keyOf(properties[index]?.key as Node), value]),
        ),
      }),
    );
  }
}

const WORDS: ReadonlyMap<string, Constant> = new Map([
  ["undefined", { value: undefined }],
  ["NaN", { value: Number.NaN }],
  ["Infinity", { value: Infinity }],
]);

function keyOf(key: Node): string {
  return String(key.type === "Identifier" ? key.name : key.value);
}

function literalOf(node: Node): Constant | null {
  if (node.regex !== undefined) return null;
  return { value: typeof node.bigint === "string" ? BigInt(node.bigint.replaceAll("_", "")) : node.value };
}

/** The text of a regular expression, without the escapes that stand for classes. */
function textOfRegExp(node: Node): string {
  const { pattern } = node.regex as { readonly pattern: string };
  return pattern.replace(/\\[a-zA-Z]/g, " ").replace(/\\/g, "");
}

function isResult(node: Node): boolean {
  if (node.type === "Identifier") return node.name === "result";
  if (node.type !== "MemberExpression" || node.computed === true) return false;
  const [object, property] = [node.object as Node, node.property as Node];
  return object.type === "Identifier" && object.name === "globalThis" && property.name === "result";
}

/** Whether a `return` of the program itself stands inside some other statement. */
function hasInnerReturn(program: Node): boolean {
  const open = [...childrenOf(program)].filter(({ type }) => type !== "ReturnStatement");
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === "ReturnStatement") return true;
    if (!/Function|^Class/.test(node.type)) open.push(...childrenOf(node));
  }
  return false;
}

function* childrenOf(node: Node): Generator<Node> {
  for (const part of Object.values(node)) {
    const items: readonly unknown[] = Array.isArray(part) ? part : [part];
    for (const item of items) if (isNode(item) && !TYPES.test(item.type)) yield item;
  }
}

function isNode(value: unknown): value is Node {
  return (
    typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"
  );
}
