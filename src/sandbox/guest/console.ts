// The guest's console: lines go to the host until their sum reaches the limit, and then no more.
// Invariant: no argument makes a console call throw, and a flood costs the host at most `consoleBytes`.
import { LEVELS, TELL } from "./door.ts";
import { show } from "./inspect.ts";
import { define, quote, textOf } from "./intrinsics.ts";
import type { Tell } from "./tools.ts";

/** What a line costs besides its text, so that empty lines have an end too. */
const LINE_COST = 16;

/** Makes the console of one run. */
export function makeConsole(tell: Tell, consoleBytes: number): object {
  let left = consoleBytes;
  const write = (level: number, args: unknown[]): undefined => {
    if (left <= 0) return;
    left -= LINE_COST;
    const text = line(args, left);
    left -= text.length;
    if (left > 0) {
      tell(TELL.console, level, quote(text));
      return;
    }
    tell(TELL.console, level, quote(text));
    tell(
      TELL.console,
      3,
      quote("[console cut: limits.consoleBytes is " + textOf(consoleBytes) + "; log less, or raise it]"),
    );
  };
  const console = {};
  for (let level = 0; level < LEVELS.length; level += 1) {
    define(console, LEVELS[level] as string, (...args: unknown[]) => write(level, args), true);
  }
  define(console, "trace", (...args: unknown[]) => write(0, args), true);
  define(console, "dir", (...args: unknown[]) => write(1, [args[0]]), true);
  define(console, "table", (...args: unknown[]) => write(1, [args[0]]), true);
  return console;
}

function line(args: unknown[], max: number): string {
  let text = "";
  for (let index = 0; index < args.length && text.length < max; index += 1) {
    if (index > 0) text += " ";
    text += show(args[index], max - text.length);
  }
  return text;
}
