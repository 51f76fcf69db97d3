// Takes the program out of a model's answer: fenced or bare, with or without prose around it.
// Invariant: what is taken is the answer's own text, unchanged, so that line and column of later errors hold;
// where there is no program, the problem says what to answer instead.

/** What was found in an answer. */
export type ExtractedCode =
  { readonly ok: true; readonly code: string } | { readonly ok: false; readonly problem: string };

interface Block {
  readonly language: string;
  readonly code: string;
}

const LANGUAGES = new Set([
  "",
  "js",
  "javascript",
  "mjs",
  "jsx",
  "ts",
  "typescript",
  "mts",
  "node",
  "ecmascript",
]);
const FENCE = /^[ \t]{0,3}(`{3,}|~{3,})[ \t]*([^\s`{]*)[^`]*$/;
const ASSIGNS_RESULT =
  /(?:^|[^\w$.])result\s*=(?![=>])|\b(?:const|let|var)\s+(?:\{[^}]*\bresult\b|\[[^\]]*\bresult\b|result\b)/;
const CODE_LINE =
  /^\s*(?:\/\/|\/\*|["'](?:use strict)|(?:const|let|var|function|async|await|class|for|if|while|do|switch|try|return|throw|type|interface|import|export)\b|result\b|[\w$.]+\s*(?:\(|=|\+=|\.)|[[{(`])/;

/**
 * The program in a model's answer.
 *
 * Of several fenced blocks of JavaScript or TypeScript (or of no named language) the last that assigns `result`
 * is taken, else the longest. Without fences the text itself is taken if it assigns `result`, less the prose
 * before its first line of code. A fence that is never closed holds all that follows it.
 */
export function extractCode(answer: string): ExtractedCode {
  const blocks = fencedBlocks(answer);
  const candidates = blocks.filter(({ language, code }) => LANGUAGES.has(language) && code.trim() !== "");
  const chosen =
    candidates.findLast(({ code }) => ASSIGNS_RESULT.test(code)) ??
    candidates.reduce<Block | undefined>(
      (longest, block) =>
        longest === undefined || block.code.length > longest.code.length ? block : longest,
      undefined,
    );
  if (chosen !== undefined) return { ok: true, code: chosen.code };
  const [other] = blocks;
  if (other !== undefined) {
    return refuse(`The answer's code is fenced as "${other.language}", which cannot be run here.`);
  }
  if (!ASSIGNS_RESULT.test(answer)) return refuse("The answer holds no program.");
  return { ok: true, code: bareCode(answer) };
}

function refuse(what: string): ExtractedCode {
  const mend = "Answer with one fenced code block of JavaScript (```js) that assigns its answer to `result`.";
  return { ok: false, problem: `${what} ${mend}` };
}

function fencedBlocks(answer: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; language: string; lines: string[] } | null = null;
  for (const line of answer.split(/\r?\n/)) {
    const match = FENCE.exec(line);
    if (open === null) {
      if (match !== null) {
        const [, fence = "", language = ""] = match;
        open = { fence, language: language.toLowerCase(), lines: [] };
      }
    } else if (match !== null && closes(match, open.fence)) {
      blocks.push({ language: open.language, code: open.lines.join("\n") });
      open = null;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== null) blocks.push({ language: open.language, code: open.lines.join("\n").trimEnd() });
  return blocks;
}

/** A closing fence is of the same mark, at least as long, and names no language. */
function closes([, fence = "", language = ""]: RegExpExecArray, opened: string): boolean {
  return language === "" && fence[0] === opened[0] && fence.length >= opened.length;
}

function bareCode(answer: string): string {
  const lines = answer.split(/\r?\n/);
  const first = lines.findIndex((line) => CODE_LINE.test(line));
  return lines.slice(Math.max(0, first)).join("\n").trimEnd();
}
