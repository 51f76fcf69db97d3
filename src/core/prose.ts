// Prose as an output: takes the text out of a model's answer and checks the form that was asked for.
// Invariant: the text is the model's own, without a fence or thoughts around it; nothing is added or mended. A problem
// reads as what to do about it, since it goes back to the model as it is. A schema is the caller's to apply.
import { DefinitionError } from "./errors.ts";
import type { Validation } from "./schema.ts";

/** What a text is written as. */
export type ProseFormat = "text" | "markdown" | "json";

/** The form of a text. */
export interface ProseForm {
  readonly type: ProseFormat;
  /** Words at most; not for JSON. */
  readonly maxWords?: number | undefined;
  /** Headings that a Markdown text must have, case aside. */
  readonly headings?: readonly string[] | undefined;
}

const FORMATS: readonly string[] = ["text", "markdown", "json"];
const OPTIONS: readonly string[] = ["type", "maxWords", "headings"];

/**
 * A form as it was written: `"markdown"` or `{ type: "markdown", maxWords: 300 }`.
 *
 * @throws DefinitionError that names what is wrong; `who` begins its message.
 */
export function checkForm(given: unknown, who: string): ProseForm {
  const form = (typeof given === "string" ? { type: given } : given) as Partial<ProseForm> | null;
  if (typeof form !== "object" || form === null || !FORMATS.includes(form.type ?? "")) {
    throw new DefinitionError(
      `${who}: format must be "text", "markdown", "json" or { type, maxWords, headings }.`,
    );
  }
  const unknown = Object.keys(form).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw new DefinitionError(
      `${who} has the unknown format option "${unknown}"; known are: ${OPTIONS.join(", ")}.`,
    );
  }
  const { type = "text", maxWords, headings } = form;
  if (maxWords !== undefined && (type === "json" || !Number.isSafeInteger(maxWords) || maxWords < 1)) {
    throw new DefinitionError(
      `${who}: format.maxWords must be a whole number from 1, and is not for "json".`,
    );
  }
  const areTexts =
    Array.isArray(headings) && headings.every((one) => typeof one === "string" && one.trim() !== "");
  if (headings !== undefined && (type !== "markdown" || !areTexts)) {
    throw new DefinitionError(`${who}: format.headings must be a list of texts, and is for "markdown" only.`);
  }
  return Object.freeze({
    type,
    maxWords,
    headings: headings && Object.freeze([...(headings as readonly string[])]),
  });
}

/** The text of an answer in its form, or the parsed value of a JSON one; else what to tell the model. */
export function checkProse(
  answer: string,
  { type, maxWords, headings = [] }: ProseForm,
): Validation<unknown> {
  const text = unwrap(answer);
  if (text === "") return wrong(["The answer is empty. Answer with the text that the task asks for."]);
  if (type === "json") return readJson(text);
  const fences = readFences(text);
  const count = (fences.outside.match(/[\p{L}\p{N}][\p{L}\p{N}'’.,-]*/gu) ?? []).length;
  const placeholder = findPlaceholder(fences.outside);
  const problems = [
    placeholder === null
      ? ""
      : `The text still has the placeholder ${JSON.stringify(placeholder)}. Write what belongs there, or leave the sentence out.`,
    maxWords !== undefined && count > maxWords
      ? `The text has ${count} words, and may have ${maxWords} at most. Shorten it.`
      : "",
    type === "markdown" && fences.open !== null
      ? `The code block that begins with ${JSON.stringify(fences.open)} is never closed. Close it with the same marks on a line of their own.`
      : "",
    ...missingHeadings(fences.outside, headings),
  ].filter(Boolean);
  return problems.length === 0 ? { ok: true, value: text } : wrong(problems);
}

function wrong(problems: readonly string[]): { ok: false; problem: string } {
  return { ok: false, problem: problems.join("\n") };
}

const WRAPPED =
  /^(`{3,}|~{3,})[ \t]*(?:markdown|md|text|txt|plain|plaintext|json)?[ \t]*\r?\n([^]*?)\r?\n?[ \t]*\1[ \t]*$/i;

/** Without a mark of byte order, thoughts, and a fence around the whole. */
function unwrap(answer: string): string {
  const text = answer
    .replace(/^\uFEFF/, "")
    .replace(/^\s*<think>[^]*?(?:<\/think>|$)/, "")
    .trim();
  const [, marks = "", inner] = WRAPPED.exec(text) ?? [];
  // Two blocks, one at each end, are no fence around the whole.
  if (inner === undefined || inner.split("\n").some((line) => line.trimStart().startsWith(marks)))
    return text;
  return inner.trim();
}

function readJson(text: string): Validation<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return wrong([`The answer is not JSON (${why}). Answer with one JSON value and nothing else.`]);
  }
}

/** The text outside fenced blocks, and the fence that is never closed. */
function readFences(text: string): { readonly outside: string; readonly open: string | null } {
  const outside: string[] = [];
  let open: { readonly marks: string; readonly line: string } | null = null;
  for (const line of text.split(/\r?\n/)) {
    const [, marks = "", rest = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open !== null) {
      if (marks.startsWith(open.marks) && rest.trim() === "") open = null;
    } else if (marks !== "" && !(marks.startsWith("`") && rest.includes("`"))) open = { marks, line };
    else outside.push(line);
  }
  return { outside: outside.join("\n"), open: open?.line ?? null };
}

const PLACEHOLDERS: readonly RegExp[] = [
  /\[(?:TODO|TBD|TBA|XX+|PLACEHOLDER|INSERT|YOUR|ADD|FILL)\b[^\]\n]{0,80}\](?![([:])/i,
  /\[(?:(?:FULL |FIRST |LAST |COMPANY |RECIPIENT(?:'S)? |SENDER(?:'S)? )?NAME|DATE|COMPANY|ADDRESS|AMOUNT|RECIPIENT)\](?![([:])/i,
  /\{\{[^{}\n]{0,80}\}\}/,
  /<(?:insert|your|placeholder)\b[^>\n]{0,80}>/i,
  /\b(?:TODO|FIXME|TBD):/,
  /\blorem ipsum\b/i,
];

/** What was left for somebody else to fill in; links and inline code are none. */
function findPlaceholder(text: string): string | null {
  const plain = text.replace(/`[^`\n]*`/g, "");
  for (const pattern of PLACEHOLDERS) {
    const found = pattern.exec(plain)?.[0];
    if (found !== undefined) return found;
  }
  return null;
}

function missingHeadings(text: string, wanted: readonly string[]): readonly string[] {
  if (wanted.length === 0) return [];
  const lines = text.split("\n").map((line) => /^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$/.exec(line)?.[1]);
  const there = new Set(lines.map((heading) => heading?.toLowerCase()));
  return wanted
    .filter((heading) => !there.has(heading.trim().toLowerCase()))
    .map((heading) => `The heading ${JSON.stringify(heading)} is missing. Add it, as in "## ${heading}".`);
}
