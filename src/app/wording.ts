// Times, sizes and texts as the commands' lists and timelines word them.
// Invariant: what is given may come from a model, a guest or a person; what is returned is safe to show.
import type { TaskSummary } from "../task-list.ts";
import { printable } from "./output.ts";

/** A moment as `2026-11-22 21:05:15`, in the machine's own time zone. */
export function moment(at: number): string {
  const date = new Date(at);
  const two = (part: number) => String(part).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}

/** Milliseconds as one or two units: `350 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  const pair = (large: number, one: string, small: number, two: string) =>
    small === 0 ? `${large} ${one}` : `${large} ${one} ${small} ${two}`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.floor(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

/** Bytes in the largest unit that leaves a whole number: `512 B`, `1.4 MB`, `20 GB`. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const number = bytes / 1000 ** power;
  return `${power === 0 || number >= 100 ? Math.round(number) : Number(number.toFixed(1))} ${units[power] ?? ""}`;
}

/** A text's beginning in one line, at most so many characters. */
export function beginning(text: string, most: number): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

/** A price as `$0.0042`. */
export function price(costUsd: number | null): string {
  if (costUsd === null) return "cost unknown";
  return costUsd === 0 ? "$0" : `$${costUsd.toFixed(costUsd < 0.01 ? 6 : 4)}`;
}

/** Who goes on with a task that nobody is at work on. */
export function goesOn({ taskId, role, queue, step }: TaskSummary): string {
  const command = queue === taskId ? "run" : queue === step?.workflowId ? "workflow" : null;
  if (command !== null) return `"fettle ${command} … --id ${String(queue)}" goes on with it`;
  const inQueue = queue === null ? "" : ` and the task queue "${queue}"`;
  return `it goes on when a mesh with the role "${role}"${inQueue} starts`;
}

/** Rows as columns, each as wide as its widest cell; the last is left as it is. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** A noun with its number: `1 task`, `3 tasks`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
