// What a model is told: how its code will run, which tools there are, what the agent is; then the task, and in a
// repair everything that was tried.
// Invariant: the system part depends on the agent alone, so that providers can cache it across tasks; a repair
// only appends to the conversation, for the same reason.
import type { PromptAgent } from "./agent.ts";
import { declareTools, declareType, describeContext } from "./declaration.ts";
import type { ConsoleEntry } from "./guest.ts";
import type { ModelMessage } from "./model.ts";
import { toJsonSchema } from "./schema.ts";
import type { Attempt } from "./task.ts";

/** Console output of a failed run that goes back to the model, in characters. */
const CONSOLE_SHOWN = 4_000;

const CONTRACT = `You solve each task by writing one JavaScript program. It is run once, and the value it leaves in \`result\` is the answer.

How your program runs:
- ECMAScript 2023 in QuickJS, in a sandbox of its own: there is no network, no file system, no process, no DOM, no require and no import. Beyond the language there are only console, setTimeout, setInterval and structuredClone: no fetch, URL, TextEncoder, Buffer or Intl.
- Assign the answer to \`result\` at the top level: \`result = …\` or \`const result = …\`. If \`result\` is never assigned, the run fails.
- \`result\` may hold JSON data, undefined, NaN, BigInt, Date, Map, Set, typed arrays, RegExp and Error; no functions, no symbols, no cycles.
- Top-level \`await\` works. \`context\` is a global with the task's data.
- Date.now() and Math.random() work, but time stands still while your code computes.
- What you write with console.log is shown to you if the run fails.
- Never invent data that a tool or the context should give: throw an error that says what is missing.

Answer with exactly one fenced code block of JavaScript (or TypeScript; its types are removed) and nothing else.`;

/** The system part of every request for an agent. */
export function systemPrompt(agent: PromptAgent): string {
  return `${CONTRACT}\n\n${instructionsOf(agent)}`;
}

/** What the agent itself adds to the system part: its tools, the type of its result, its own prompt. */
export function instructionsOf(agent: PromptAgent): string {
  const parts: string[] = [];
  if (Object.keys(agent.tools).length > 0) {
    parts.push(
      "Tools, as TypeScript declarations. Each call returns a promise: await it. A tool that fails rejects with " +
        "an Error that you can catch.\n" +
        fence("ts", declareTools(agent.tools)),
    );
  }
  if (agent.output !== undefined) {
    const schema = toJsonSchema(agent.output, "input");
    if (schema !== undefined) {
      parts.push(`The type of \`result\`:\n${fence("ts", `type Result = ${declareType(schema)};`)}`);
    }
  }
  parts.push(`Who you are:\n${agent.systemPrompt.trim()}`);
  return parts.join("\n\n");
}

/** The conversation up to now: the task, then each failed try with what was wrong with it. */
export function conversation(
  task: string,
  context: Readonly<Record<string, unknown>>,
  attempts: readonly Attempt[],
): readonly ModelMessage[] {
  const messages: ModelMessage[] = [{ role: "user", content: taskMessage(task, context) }];
  attempts.forEach((attempt, index) => {
    messages.push({ role: "assistant", content: quoteAttempt(attempt) });
    messages.push({ role: "user", content: repairMessage(attempt, index + 1) });
  });
  return messages;
}

function taskMessage(task: string, context: Readonly<Record<string, unknown>>): string {
  if (Object.keys(context).length === 0) return `Task:\n${task}`;
  const declaration = `declare const context: ${describeContext(context)};`;
  return `Task:\n${task}\n\nThe shape of \`context\`:\n${fence("ts", declaration)}`;
}

/** An answer that held no code is quoted as it was; code goes back in the fence it came from. */
function quoteAttempt(attempt: Attempt): string {
  if (attempt.entropy !== null || attempt.error?.category !== "no-code") {
    return fence("js", attempt.code);
  }
  return attempt.code.trim() === "" ? "(an empty answer)" : attempt.code;
}

function repairMessage(attempt: Attempt, number: number): string {
  const { error } = attempt;
  const where = error?.line === undefined ? "" : ` (line ${error.line}, column ${error.column ?? 1})`;
  const lines = [
    `Try ${number} failed${where}: ${error?.name ?? "Error"}: ${error?.message ?? "unknown"}`,
    sourceLine(attempt),
    consoleReport(attempt.console),
    "Find the cause and answer with the whole corrected program in one fenced code block. " +
      "The context and the tools are the same as before.",
  ];
  return lines.filter((line) => line !== "").join("\n\n");
}

/** The line of the model's own code that the error points at, with a caret; a syntax error brings its own. */
function sourceLine(attempt: Attempt): string {
  const { line, column, category } = attempt.error ?? {};
  if (line === undefined || category === "syntax") return "";
  const source = attempt.code.split(/\r\n|[\n\r\u2028\u2029]/)[line - 1];
  if (source === undefined || source.length > 500) return "";
  const caret = `${" ".repeat(Math.max(0, (column ?? 1) - 1))}^`;
  return fence("text", `${source}\n${caret}`);
}

function consoleReport(entries: readonly ConsoleEntry[]): string {
  if (entries.length === 0) return "";
  const text = entries.map((entry) => `[${entry.level}] ${entry.text}`).join("\n");
  const shown = text.length <= CONSOLE_SHOWN ? text : `…${text.slice(-CONSOLE_SHOWN)}`;
  return `Console:\n${fence("text", shown)}`;
}

/** A fence longer than any inside the text, so that the text cannot close it. */
export function fence(language: string, text: string): string {
  const longest = Math.max(0, ...(text.match(/`{3,}/g) ?? []).map((run) => run.length));
  const marks = "`".repeat(Math.max(3, longest + 1));
  return `${marks}${language}\n${text}\n${marks}`;
}
