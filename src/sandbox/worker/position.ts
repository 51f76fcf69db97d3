// Positions in the code as it was given, from the engine's stacks, which count the lines of the wrapper too.
// Invariant: a stack is guest data: any text gives a position or none, and never an error.
import { GUEST_FILE } from "./image.ts";

const FRAME = new RegExp(
  `^\\s*at (.*?)\\(?${GUEST_FILE.replace(".", "\\.")}:(\\d{1,7})(?::(\\d{1,7}))?\\)?$`,
);

/** A stack with only the guest's own frames, and the position of the first of them; 0 where there is none. */
export function locate(
  stack: string,
  lineOffset: number,
): { readonly stack: string; readonly line: number; readonly column: number } {
  const frames: string[] = [];
  let line = 0;
  let column = 0;
  for (const text of stack.split("\n").slice(0, 50)) {
    const match = FRAME.exec(text);
    if (match === null) continue;
    const at = Number(match[2]) - lineOffset;
    if (at < 1) continue;
    const place = Number(match[3] ?? 0);
    if (line === 0) {
      line = at;
      column = place;
    }
    const name = (match[1] ?? "").trim();
    frames.push(`    at ${name === "" ? "<anonymous>" : name} (${at}:${place})`);
  }
  return { stack: frames.join("\n"), line, column };
}
