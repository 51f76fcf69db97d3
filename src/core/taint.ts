// Whether code holds a value of the data it was run with: then it must never answer for other data.
// Invariant: in doubt it is tainted, which costs a model call; to be wrong the other way would answer today's task
// with yesterday's value. No value of the data is told, only the literal, which stands in the code itself.
//
// A literal is a taint where it is not trivial, the task does not say it, and it is found in the data:
// - numbers: anywhere, sign aside and however written (number-text.ts), dates and digits within texts included;
// - texts, compared by their words alone (letters and digits, case aside): where context or a tool's return has them
//   whole or as words within (of four characters or more, or several words), or where they hold a text of the data;
// - a text of the result that is made up of the code's literals alone, with nothing computed between them;
// - a result that is one constant: whatever it is, unless the task says it.
// Trivial are the numbers 0, 1, 2, 10 and 100, texts of fewer than two letters and digits, and the names of
// properties in context and tool returns: they are shape. Where a run had no data at all, the digits 3 to 9 are
// trivial too if they are met in the result only: the first primes are no secret to the code that finds them.
// What the agent is told with each task (its prompt, tools and the type of its result) counts as said, but not for a
// result that is one constant.
import { visitLeaves, type LeafBudget } from "./leaves.ts";
import { numberForms, numbersIn } from "./number-text.ts";

/** What code has as literals; constant expressions count as what they come to, and as their parts. */
export interface CodeLiterals {
  readonly values: readonly (number | bigint | string)[];
  /** Names of properties, written or accessed. */
  readonly keys: readonly string[];
  /** The result, where it is the same whatever the data. */
  readonly constant: { readonly value: unknown } | null;
}

/** A success: what the code was given and what it gave. */
export interface TaintEvidence {
  readonly task: string;
  /** What the agent is told with every task. */
  readonly instructions?: string | undefined;
  readonly context: unknown;
  readonly output: unknown;
  readonly toolReturns: readonly unknown[];
}

const TRIVIAL_NUMBERS = new Set(["0", "1", "2", "10", "100"]);
/** Of all data of a run, in characters and values. */
const MAX_DATA = 1_000_000;

/** Why code is tainted, naming the literal (shortened); null where it is clean. */
export function findTaint(literals: CodeLiterals, evidence: TaintEvidence): string | null {
  const { task, instructions = "", context, output, toolReturns } = evidence;
  const { constant } = literals;
  if (constant !== null && !isSaidWhole(constant.value, readSaid(task))) return "its result is a constant";
  const budget = { left: MAX_DATA };
  const given = [context, ...toolReturns];
  const shape = new Set<string>();
  let leaves = 0;
  const counted = { leaf: () => (leaves += 1), key: (name: string) => shape.add(name) };
  if (!given.every((value) => visitLeaves(value, counted, { left: MAX_DATA }))) return TOO_MUCH;
  const search = new Search(literals, readSaid(`${task}\n${instructions}`), {
    shape,
    hasData: leaves > 0 || shape.size > 0 || toolReturns.length > 0,
  });
  if (search.isIdle) return null;
  return search.through(given, "data", budget) ?? search.through([output], "result", budget) ?? null;
}

const TOO_MUCH = "it had too much data for its literals to be compared with";

/** What a task says: its words in a row, and its numbers. */
interface Said {
  readonly text: string;
  readonly numbers: ReadonlySet<string>;
}

function readSaid(text: string): Said {
  return { text: ` ${wordsOf(text)} `, numbers: new Set(numbersIn(text)) };
}

/** Letters and digits, in lower case, a space between words. */
function wordsOf(text: string): string {
  return (
    text
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).join(" ");
}

/** Whether some text has these words; short ones must stand alone, others may be the beginning of a word. */
function says({ text }: Said, words: string): boolean {
  return text.includes(words.length < 4 ? ` ${words} ` : ` ${words}`);
}

function isSaidWhole(value: unknown, said: Said): boolean {
  let isSaid = true;
  let leaves = 0;
  const whole = visitLeaves(
    value,
    {
      leaf: (leaf) => {
        leaves += 1;
        if (typeof leaf === "string") {
          const words = wordsOf(leaf);
          isSaid &&= words !== "" && says(said, words);
        } else isSaid &&= numberForms(leaf).some((form) => said.numbers.has(form));
      },
    },
    { left: MAX_DATA },
  );
  return whole && leaves > 0 && isSaid;
}

/** Literals that would be a taint, looked for leaf by leaf. */
class Search {
  readonly #said: Said;
  readonly #hasData: boolean;
  /** Forms of numbers, words of texts and of keys; each with the literal that it came from. */
  readonly #numbers = new Map<string, string>();
  readonly #texts = new Map<string, string>();
  readonly #keys = new Map<string, string>();
  /** Texts that a text of the result may be made of, longest first. */
  #pieces: readonly string[] | null = null;
  #found: string | null = null;

  constructor(
    { values, keys }: CodeLiterals,
    said: Said,
    { shape, hasData }: { readonly shape: ReadonlySet<string>; readonly hasData: boolean },
  ) {
    this.#said = said;
    this.#hasData = hasData;
    for (const value of values) {
      if (typeof value !== "string") this.#addNumbers(numberForms(value), String(value));
      else if (!shape.has(value)) {
        this.#addNumbers(numbersIn(value), value);
        this.#addWords(this.#texts, value);
      }
    }
    for (const key of keys) if (!shape.has(key)) this.#addWords(this.#keys, key);
  }

  get isIdle(): boolean {
    return this.#numbers.size + this.#texts.size + this.#keys.size === 0;
  }

  through(values: readonly unknown[], origin: "data" | "result", budget: LeafBudget): string | null {
    const visitor = {
      leaf: (leaf: number | bigint | string) => {
        if (this.#found === null) this.#compare(leaf, origin);
      },
    };
    const whole = values.every((value) => visitLeaves(value, visitor, budget));
    if (this.#found === null) return whole ? null : TOO_MUCH;
    const where = origin === "data" ? "in its context or what a tool returned" : "in its result";
    return `its literal ${shorten(this.#found)} stood ${where}`;
  }

  #addNumbers(forms: readonly string[], literal: string): void {
    for (const form of forms) {
      if (!TRIVIAL_NUMBERS.has(form) && !this.#said.numbers.has(form)) this.#numbers.set(form, literal);
    }
  }

  #addWords(to: Map<string, string>, literal: string): void {
    const words = wordsOf(literal);
    if (words.length >= 2 && !says(this.#said, words)) to.set(words, literal);
  }

  #compare(leaf: number | bigint | string, origin: "data" | "result"): void {
    const forms = typeof leaf === "string" ? numbersIn(leaf) : numberForms(leaf);
    for (const form of forms) {
      if (!this.#hasData && /^\d$/.test(form)) continue;
      this.#found ??= this.#numbers.get(form) ?? null;
    }
    if (typeof leaf !== "string" || this.#found !== null) return;
    const words = wordsOf(leaf);
    if (words.length < 2 || says(this.#said, words)) return;
    this.#found ??= this.#texts.get(words) ?? null;
    if (origin === "data") this.#found ??= this.#keys.get(words) ?? this.#within(words);
    else if (this.#isAssembled(words)) this.#found ??= leaf;
    this.#found ??= this.#around(words);
  }

  /** A literal whose words stand within those of a leaf. */
  #within(words: string): string | null {
    const row = ` ${words} `;
    for (const [inner, literal] of this.#texts) {
      if ((inner.length >= 4 || inner.includes(" ")) && row.includes(` ${inner} `)) return literal;
    }
    return null;
  }

  /** A literal that holds the words of a leaf. */
  #around(words: string): string | null {
    if (words.length < 3) return null;
    for (const [outer, literal] of this.#texts) if (` ${outer} `.includes(` ${words} `)) return literal;
    return null;
  }

  /** Whether nothing is left of a text of the result once the literals of three characters and more are taken out. */
  #isAssembled(words: string): boolean {
    let rest = ` ${words.replaceAll(" ", "  ")} `;
    this.#pieces ??= [...this.#texts.keys()]
      .filter((piece) => piece.length >= 3)
      .sort((a, b) => b.length - a.length);
    for (const piece of this.#pieces) {
      rest = rest.replaceAll(` ${piece.replaceAll(" ", "  ")} `, "");
    }
    return rest.trim() === "";
  }
}

function shorten(literal: string): string {
  const text = JSON.stringify(literal.length > 24 ? `${literal.slice(0, 24)}…` : literal);
  return text;
}
