// What the tool calls of a failed try came to, as the model is told that mends it: a line for each call.
// Invariant: made from the record alone, so that a resumed task makes the same prompt; bounded, the longest values cut
// first; each call stays on its line, whatever its tool says, and shows nothing that has the shape of a key.
import { decode } from "./codec.ts";
import { dataText } from "./data-text.ts";
import { redact } from "./secret.ts";

/** A tool call of a try that failed. */
export interface PastCall {
  readonly tool: string;
  /** The codec's text. */
  readonly input: string;
  /** `unanswered` where the try ended first, `refused` where a person did not allow it and it was not made. */
  readonly end: "returned" | "failed" | "unanswered" | "refused";
  /** The output, the codec's text, or the failure as JSON: `[name, message]`; empty for the other ends. */
  readonly text: string;
}

/** Of one try, in characters. */
const SHOWN = 4_000;
/** So much of a value is shown before a call is left out. */
const LEAST = 40;
/** What tells of calls that are left out. */
const REST = 200;
/** Texts beyond that are not read: more than that is never shown. */
const READ = 2 * SHOWN;

/** A call's line: what must be there, and between it the values that may be cut. */
interface Line {
  readonly fixed: readonly [string, string, string];
  readonly values: readonly [input: string, output: string];
}

/** The lines of all calls, at most 4,000 characters. */
export function callReport(calls: readonly PastCall[]): string {
  const lines = calls.map(lineOf);
  const all = lines.length;
  let shown = 0;
  for (let room = SHOWN - REST; shown < all; shown += 1) {
    room -= lengthOf(lines[shown] as Line, LEAST) + 1;
    if (room < 0) break;
  }
  const told = lines.slice(0, shown);
  const cap = widestCap(told, shown < all ? SHOWN - REST : SHOWN);
  const texts = told.map(({ fixed: [head, middle, tail], values: [input, output] }) =>
    [head, cut(input, cap), middle, cut(output, cap), tail].join(""),
  );
  return [...texts, ...restOf(calls.slice(shown))].join("\n");
}

function lineOf({ tool, input, end, text }: PastCall, index: number): Line {
  const head = `${index + 1}. ${tool}(`;
  const values = [shownText(input), end === "returned" ? shownText(text) : failureText(end, text)] as const;
  if (end === "returned") return { fixed: [head, ") returned ", ""], values };
  if (end === "failed") return { fixed: [head, ") failed: ", ""], values };
  const tail =
    end === "refused"
      ? ") was refused: it was not made"
      : ") was not answered before the try ended: it may have happened";
  return { fixed: [head, "", tail], values };
}

function shownText(text: string): string {
  if (text.length > READ) return clean(text.slice(0, READ));
  try {
    return clean(dataText(decode(text)));
  } catch {
    return clean(text);
  }
}

function failureText(end: PastCall["end"], text: string): string {
  if (end !== "failed") return "";
  try {
    const [name, message] = JSON.parse(text) as readonly unknown[];
    return clean(`${String(name)}: ${String(message)}`);
  } catch {
    return clean(text);
  }
}

function clean(text: string): string {
  return redact(text.slice(0, READ)).replace(/[\r\n\u2028\u2029]+/g, " ");
}

function cut(text: string, cap: number): string {
  return text.length <= cap ? text : `${text.slice(0, cap - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

function lengthOf({ fixed, values }: Line, cap: number): number {
  const lengths = values.map(({ length }) => Math.min(length, cap));
  return fixed.join("").length + lengths.reduce((sum, length) => sum + length, 0);
}

/** The most that a value may have so that all fit. */
function widestCap(lines: readonly Line[], room: number): number {
  let [low, high] = [LEAST, READ];
  while (low < high) {
    const cap = Math.ceil((low + high) / 2);
    const total = lines.reduce((sum, line) => sum + lengthOf(line, cap) + 1, 0);
    if (total <= room) low = cap;
    else high = cap - 1;
  }
  return low;
}

/** How many calls are left out, and of which tools. */
function restOf(calls: readonly PastCall[]): readonly string[] {
  if (calls.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { tool } of calls) counts.set(tool, (counts.get(tool) ?? 0) + 1);
  const tools = [...counts].map(([tool, count]) => `${count} of ${tool}`).join(", ");
  return [cut(`… (${calls.length} more calls: ${tools})`, REST)];
}
