// A task's result as people read it: what happened, the code, the output, what it cost and where it is stored.
import { join } from "node:path";
import { inspect } from "node:util";
import pc from "picocolors";
import type { TokenUsage } from "../core/model.ts";
import type { TaskResult } from "../core/task.ts";
import { printable } from "./output.ts";

/** How a report is written. */
export interface ReportOptions {
  /** Whether to use colour. */
  readonly colour: boolean;
  /** The states that the task went through, where they were watched. */
  readonly states?: readonly string[];
  /** Where results are stored, as long as they are files. */
  readonly logDirectory: string;
  /** Where they are stored else, as in `s3://bucket`. */
  readonly store?: string | undefined;
}

/** A result in lines of text. */
export function reportResult(result: TaskResult, options: ReportOptions): string {
  const paint = pc.createColors(options.colour);
  const label = (name: string) => paint.dim(name.padEnd(9));
  const status = result.status === "success" ? paint.green(result.status) : paint.red(result.status);
  const path = `${result.role}/${result.resultId}.json`;
  const stored = options.store === undefined ? join(options.logDirectory, path) : `${options.store}/${path}`;
  const rows: readonly (readonly [string, string])[] = [
    ["status", status],
    ...(options.states === undefined ? [] : [["states", options.states.join(" → ")] as const]),
    ...failures(result),
    ...(result.code === null ? [] : [["code", block(result.code, paint.cyan)] as const]),
    ...(result.error === null
      ? [["output", block(describeOutput(result.output), paint.bold)] as const]
      : [["error", block(`${result.error.name}: ${result.error.message}`, paint.red)] as const]),
    ["repairs", String(result.repairs)],
    ["time", `${result.executionTime.toFixed(2)} s`],
    ["tokens", describeTokens(result.tokens)],
    ["cost", describeCost(result)],
    ...(result.model === null ? [] : [["model", result.model] as const]),
    // A result that could not be stored is nowhere.
    ...(result.error?.name === "StorageError" ? [] : [["stored", stored] as const]),
  ];
  return rows
    .map(([name, text]) =>
      text.startsWith("\n") ? `  ${paint.dim(name)}${text}` : `  ${label(name)} ${text}`,
    )
    .join("\n");
}

/** The tries that failed before the last, a line each. */
function failures(result: TaskResult): readonly (readonly [string, string])[] {
  return result.attempts
    .slice(0, -1)
    .map((attempt, index) => [
      `try ${index + 1}`,
      attempt.error === null
        ? "worked"
        : printable(`${attempt.error.name}: ${firstLine(attempt.error.message)}${position(attempt.error)}`),
    ]);
}

function position(error: { readonly line?: number; readonly column?: number }): string {
  return error.line === undefined ? "" : ` (line ${error.line}, column ${error.column ?? 1})`;
}

function describeTokens({ input, output, cacheRead, cacheWrite }: TokenUsage): string {
  const cached = cacheRead + cacheWrite === 0 ? "" : `, cache ${cacheRead} read, ${cacheWrite} written`;
  return `${input} in, ${output} out${cached}`;
}

function describeCost(result: TaskResult): string {
  if (result.model === null) return "nothing: no model was asked";
  if (result.replayed) return "nothing now: the answers were played back";
  return result.costUsd === null ? "unknown (no price for this model)" : `$${result.costUsd.toFixed(6)}`;
}

/** A text alone is shown as it is; any other value as the console shows it. */
function describeOutput(output: unknown): string {
  return typeof output === "string" && output.trim() !== ""
    ? output
    : inspect(output, { depth: 8, breakLength: 96 });
}

/** Text of several lines goes below its label, indented. */
function block(text: string, colour: (text: string) => string): string {
  const lines = printable(text).split("\n");
  if (lines.length === 1) return colour(lines[0] ?? "");
  return lines.map((line) => (line === "" ? "\n" : `\n    ${colour(line)}`)).join("");
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
