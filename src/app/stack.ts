// The part of a stack that its reader can do something about.
import { fileURLToPath } from "node:url";
import { packageRoot } from "./package-root.ts";

/** An error's stack down to the last frame of the user's own code; whole where none is: then the fault is not theirs. */
export function ownStack({ stack }: Error): string | undefined {
  if (stack === undefined) return undefined;
  const lines = stack.split("\n");
  return lines.slice(0, lines.findLastIndex(isTheirs) + 1).join("\n") || stack;
}

/** Whether the user's own code is on a stack. */
export function hasOwnFrame(error: Error): boolean {
  return (error.stack ?? "").split("\n").some(isTheirs);
}

function isTheirs(line: string): boolean {
  if (!/^ {4}at .*:\d+:\d+\)?$/.test(line) || /[\s(]node:|[\s(]ext:|\/node_modules\//.test(line))
    return false;
  const root = fileURLToPath(packageRoot());
  return !["dist/", "bin/", "src/"].some((folder) => line.includes(root + folder));
}
