// Takes the code out of a model's answer: fenced or bare, alone or amid prose, whole or cut off.
// Invariant: what comes out is text of the answer, never made up; where there is none to run, `problem` says to the
// model what to answer instead. Nothing is parsed here: whether it is good code, the compiler says.

/** The code of an answer, or what to tell the model that gave none. */
export type ExtractedCode =
  | { readonly ok: true; readonly code: string; readonly language: "javascript" | "typescript" }
  | { readonly ok: false; readonly problem: string };

interface Block {
  readonly label: string;
  readonly code: string;
}

const JAVASCRIPT = new Set(["js", "javascript", "mjs", "cjs", "jsx", "node", "ecmascript", "es6"]);
const TYPESCRIPT = new Set(["ts", "typescript", "mts", "cts", "tsx", "deno"]);

const HOW = "Answer with one ```js block of plain JavaScript that assigns what it finds to `result`.";

/**
 * Finds the code to run in an answer.
 *
 * Of several blocks the last that assigns `result` counts (a corrected version follows the first), with those
 * before it whose declarations it uses; where none does, the longest. Blocks in other languages are passed over.
 * A fence that is never closed runs to the end. Without fences, prose above and below the code is dropped.
 */
export function extractCode(answer: string): ExtractedCode {
  const spoken = answer.replace(/^\uFEFF/, "").replace(/^\s*<think>[^]*?(?:<\/think>|$)/, "");
  const blocks = fencedBlocks(spoken);
  if (blocks.length === 0) return fromBareText(spoken);
  const labelled = blocks.filter(({ label }) => JAVASCRIPT.has(label) || TYPESCRIPT.has(label));
  const unlabelled = blocks.filter(({ label }) => label === "");
  const candidates = labelled.length > 0 ? labelled : unlabelled;
  if (candidates.length === 0) {
    const labels = [...new Set(blocks.map(({ label }) => label))].join(", ");
    return { ok: false, problem: `The answer's code is marked as ${labels}. ${HOW}` };
  }
  const chosen = choose(candidates);
  if (chosen.every(({ code }) => code.trim() === ""))
    return { ok: false, problem: `The answer's code is empty. ${HOW}` };
  return {
    ok: true,
    code: chosen.map(({ code }) => code).join("\n"),
    language: chosen.some(({ label }) => TYPESCRIPT.has(label)) ? "typescript" : "javascript",
  };
}

const OPENING = /^([ \t]*(?:(?:[-*+>]|\d{1,3}[.)])[ \t]+)?)(`{3,}|~{3,})[ \t]*([^\s`{]*)[^`]*$/;
const CLOSING = /^[ \t]*(`{3,}|~{3,})[ \t]*$/;

/** The fenced blocks of a Markdown text, as CommonMark closes them: by a fence as long, of the same kind, alone. */
function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; indent: number; label: string; lines: string[] } | null = null;
  for (const line of text.split("\n")) {
    if (open === null) {
      const opening = OPENING.exec(line.replace(/\r$/, ""));
      if (opening === null) continue;
      const [, lead = "", fence = "", label = ""] = opening;
      open = { fence, indent: lead.length, label: label.toLowerCase().replace(/[:,;].*$/, ""), lines: [] };
      continue;
    }
    const closing = CLOSING.exec(line.replace(/\r$/, ""))?.[1];
    if (closing?.startsWith(open.fence) === true && indentOf(line) < open.indent + 4) {
      blocks.push({ label: open.label, code: open.lines.join("\n") });
      open = null;
    } else {
      open.lines.push(line.slice(Math.min(indentOf(line), open.indent)));
    }
  }
  if (open !== null) blocks.push({ label: open.label, code: open.lines.join("\n") });
  return blocks;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

const ASSIGNS_RESULT =
  /(?<![\w$.])(?:globalThis\.)?result\s*(?::[^=;\n]{1,200})?=(?![=>])|(?<![\w$.])result\s*[,}\]][^=;\n]{0,200}=(?![=>])/;
const RETURNS = /^return\b/m;

/** The blocks that make up the program, in the answer's order. */
function choose(blocks: readonly Block[]): Block[] {
  const lastIndex = Math.max(
    blocks.findLastIndex(({ code }) => ASSIGNS_RESULT.test(code)),
    blocks.findLastIndex(({ code }) => RETURNS.test(code)),
  );
  const longest = blocks.reduce(
    (best, { code }, index) => (code.length > (blocks[best]?.code.length ?? 0) ? index : best),
    0,
  );
  const main = lastIndex >= 0 ? lastIndex : longest;
  const chosen: Block[] = [];
  let known = new Set<string>();
  for (let index = main; index >= 0; index -= 1) {
    const block = blocks[index];
    if (block === undefined) continue;
    const declared = declaredNames(block.code);
    const isNeeded = chosen.some(({ code }) => uses(code, declared, known));
    const isRepeated = declared.some((name) => known.has(name));
    if (index !== main && (!isNeeded || isRepeated)) continue;
    chosen.unshift(block);
    known = new Set([...known, ...declared]);
  }
  return chosen;
}

/** What a block declares at its top level, as far as its lines show. */
function declaredNames(code: string): string[] {
  const names: string[] = [];
  const plain = /^(?:async\s+)?(?:function\s*\*?|const|let|var|class)\s+([A-Za-z_$][\w$]*)/gm;
  for (const [, name] of code.matchAll(plain)) if (name !== undefined) names.push(name);
  for (const [, list] of code.matchAll(/^(?:const|let|var)\s*[{[]([^=\n]{1,500})[}\]]\s*=/gm)) {
    for (const [name] of (list ?? "").matchAll(/[A-Za-z_$][\w$]*(?!\s*:)/g)) names.push(name);
  }
  return names;
}

function uses(code: string, names: readonly string[], known: ReadonlySet<string>): boolean {
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g) ?? []);
  return names.some((name) => !known.has(name) && words.has(name));
}

function fromBareText(text: string): ExtractedCode {
  const whole = /^\s*`([^`]+)`\s*$/.exec(text)?.[1] ?? text;
  const lines = whole.split("\n");
  const isSpoken = (line: string) => line.trim() === "" || isProse(line);
  const first = lines.findIndex((line) => !isSpoken(line));
  const last = lines.findLastIndex((line) => !isSpoken(line));
  const code = first < 0 ? "" : lines.slice(first, last + 1).join("\n");
  if (!looksLikeCode(code)) return { ok: false, problem: `The answer holds no code. ${HOW}` };
  return { ok: true, code, language: "javascript" };
}

/** A sentence: words, no sign that only code has. */
function isProse(line: string): boolean {
  const text = line.trim();
  if (/^(?:\/\/|\/\*|\*\/|\*\s|#!)/.test(text)) return false;
  if (/^(?:#{1,6}\s|[-*+]\s|\d+\.\s|>\s|\*\*)/.test(text)) return true;
  if (/[=;{}[\]<>]|\w\(|^["'`]|=>/.test(text.replace(/`[^`]*`/g, ""))) return false;
  return /^\S+(?:\s+\S+){2,}$/.test(text) || /^[A-Z][\w' ]*[.:!?]$/.test(text);
}

function looksLikeCode(code: string): boolean {
  if (ASSIGNS_RESULT.test(code) || RETURNS.test(code)) return true;
  return (
    /^\s*(?:const|let|var|function|async function|class|for\s*\(|await\s)/m.test(code) && /[=({]/.test(code)
  );
}
