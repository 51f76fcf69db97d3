// A task's journal in words: what happened, when, and with what values.
// Invariant: each entry gives one event, in the journal's order; every text is safe to show, whoever wrote it.
import { inspect } from "node:util";
import { extractCode } from "../core/answer.ts";
import type { ApprovalSubject } from "../core/approval.ts";
import type { Trial } from "../core/attempt.ts";
import { decode } from "../core/codec.ts";
import { COMPRESSION, ROUTING, type JournalEntry } from "../core/journal.ts";
import type { TokenUsage } from "../core/model.ts";
import type { TaskFailure, TaskResult } from "../core/task.ts";
import { printable } from "./output.ts";
import { STATE_WORDS } from "./progress.ts";
import { count, duration, price } from "./wording.ts";

/** One thing that happened. */
export interface TimelineEvent {
  /** Milliseconds since the acceptance. */
  readonly after: number;
  readonly type: JournalEntry["type"];
  /** What happened, in one line. */
  readonly text: string;
  /** What it was about: code, values, messages; of several lines, cut unless all is wanted. */
  readonly details: readonly string[];
  /** Whether it is good or bad news; null for neither. */
  readonly good: boolean | null;
}

/** How much of long values is shown. */
export interface TimelineOptions {
  readonly full?: boolean;
}

/** An entry in words. */
interface Told {
  /** In one line, but for what others wrote. */
  readonly text: string;
  readonly details?: readonly string[];
  readonly good?: boolean;
}

const CUT_LINES = 12;
const CUT_CHARACTERS = 600;

/** A journal as a timeline. */
export function timeline(
  entries: readonly JournalEntry[],
  { full = false }: TimelineOptions = {},
): readonly TimelineEvent[] {
  const start = entries[0]?.at ?? 0;
  const tools = new Map<string, string>();
  return entries.map((entry) => {
    if (entry.type === "tool-called") tools.set(`${entry.runId}:${entry.call}`, entry.tool);
    const { text, details = [], good = null } = tellEntry(entry, tools);
    return {
      after: entry.at - start,
      type: entry.type,
      text: printable(text).replaceAll("\n", " "),
      details: details.filter((detail) => detail !== "").map((detail) => shown(printable(detail), full)),
      good,
    };
  });
}

/** An entry in words; `tools` are the names of the tools that were called, by the ids of the calls. */
export function tellEntry(entry: JournalEntry, tools: ReadonlyMap<string, string>): Told {
  switch (entry.type) {
    case "accepted": {
      const { step } = entry;
      const of = step === null ? "" : `, step ${step.stepId} of the workflow ${step.workflowId}`;
      const isBare = Object.keys(entry.context).length === 0;
      const context = isBare ? "" : `context: ${valueText(entry.context)}`;
      return { text: `accepted for ${entry.role}${of}`, details: [entry.task, context] };
    }
    case "claimed":
      return { text: `taken up by ${entry.node}` };
    case "left":
      return { text: `left by ${entry.node}: ${entry.reason}` };
    case "state": {
      const words = STATE_WORDS[entry.state];
      return { text: words === undefined ? entry.state : `${entry.state}: ${words}` };
    }
    case "routed": {
      const { profile, decidedBy: by, confidence, reason } = entry.routing;
      const sure = by === "model" ? `, ${Math.round(confidence * 100)} % sure` : "";
      return { text: `profile ${profile} chosen (${by}${sure})`, details: [reason] };
    }
    case "recalled":
      if (entry.recall === null) return { text: "no proven code found for it" };
      return {
        text: `proven code found: ${entry.recall.functionId}, version ${entry.recall.version}`,
        details: [entry.recall.code],
      };
    case "model-asked":
      return { text: `model asked ${forWhat(entry.repair)} (${entry.callId})` };
    case "model-answered": {
      const { answer } = entry;
      const cost = answer.replayed ? "played back" : price(answer.costUsd);
      const code = extractCode(answer.text);
      const cutOff = answer.finish === "stop" ? "" : `, ${answer.finish}`;
      return {
        text: `${answer.provider}/${answer.model} answered: ${tokensText(answer.tokens)}, ${cost}${cutOff}`,
        details: [code.ok ? code.code : answer.text],
      };
    }
    case "model-failed":
      return { text: `the model failed: ${failureText(entry.error)}`, good: false };
    case "run-started":
      return { text: `run ${entry.runId} started (seed ${entry.entropy.seed})` };
    case "tool-called":
      return {
        text: `tool ${entry.tool} called (${entry.runId}:${entry.call})`,
        details: [codecText(entry.input)],
      };
    case "tool-returned": {
      const callId = `${entry.runId}:${entry.call}`;
      const tool = tools.get(callId) ?? "";
      return entry.ok
        ? { text: `tool ${tool} returned (${callId})`, details: [codecText(entry.text)] }
        : { text: `tool ${tool} failed (${callId})`, details: [toolFailure(entry.text)], good: false };
    }
    case "run-finished":
      return trialTold(`run ${entry.attempt} finished`, entry.trial);
    case "handler-started":
      return { text: "the agent's handler started" };
    case "handler-finished":
      return trialTold("the agent's handler finished", entry.trial);
    case "approval-asked":
      return {
        text: `approval ${entry.approvalId} asked: ${subjectText(entry.subject)}`,
        details: subjectDetails(entry.subject),
      };
    case "approval-answered": {
      const by = entry.by === null ? "" : ` by ${entry.by}`;
      const note = entry.note === null ? "" : `: ${entry.note}`;
      const text = `approval ${entry.approvalId} ${entry.decision}${by}${note}`;
      return { text, good: entry.decision === "approved" };
    }
    case "cancelled":
      return { text: `cancelled: ${entry.reason}`, good: false };
    case "overdue":
      return { text: "its time was over", good: false };
    case "finished":
      return finishedTold(entry.result);
  }
}

function forWhat(repair: number): string {
  if (repair === COMPRESSION) return "to compress what is remembered";
  if (repair === ROUTING) return "how to go about it";
  return repair === 0 ? "for a first draft" : `for repair ${repair}`;
}

function trialTold(what: string, trial: Trial): Told {
  const console = trial.console.map(({ level, text }) => `console.${level}: ${text}`).join("\n");
  const used = trial.usage === null ? "" : ` (${duration(trial.usage.cpuMs)} computed)`;
  if (trial.ok) return { text: `${what}${used}`, details: [console, valueText(trial.output)], good: true };
  const { line, column } = trial.error;
  const place = line === undefined ? "" : ` (line ${line}, column ${column ?? 1})`;
  return {
    text: `${what} with an error${place}${used}`,
    details: [console, failureText(trial.error)],
    good: false,
  };
}

function finishedTold(result: TaskResult): Told {
  const { status, repairs, tokens, costUsd, executionTime, reused } = result;
  const parts = [
    duration(executionTime * 1000),
    count(repairs, "repair"),
    ...(result.model === null ? [] : [tokensText(tokens), result.replayed ? "played back" : price(costUsd)]),
    ...(reused ? ["proven code reused"] : []),
  ];
  const outcome = result.error === null ? valueText(result.output) : failureText(result.error);
  return {
    text: `finished: ${status} (${parts.join(", ")})`,
    details: [outcome],
    good: status === "success",
  };
}

/** What is asked to be allowed, in a line. */
export function subjectText(subject: ApprovalSubject): string {
  switch (subject.type) {
    case "code":
      return "to run this code";
    case "tools":
      return `to make ${subject.calls.length === 1 ? "this tool call" : "these tool calls"}`;
    case "budget":
      return `to go past the budget ${subject.budget} (${subject.measure})`;
  }
}

/** What would be done, as it would be done. */
export function subjectDetails(subject: ApprovalSubject): readonly string[] {
  switch (subject.type) {
    case "code":
      return [subject.code];
    case "tools":
      return subject.calls.map(({ callId, tool, input }) => `${tool}(${codecText(input)})  ${callId}`);
    case "budget":
      return [subject.message];
  }
}

/** A value that the codec wrote, as the console shows it. */
function codecText(text: string): string {
  try {
    return valueText(decode(text));
  } catch {
    return text;
  }
}

function valueText(value: unknown): string {
  return inspect(value, { depth: 8, breakLength: 96, maxStringLength: 100_000, maxArrayLength: 1_000 });
}

/** A failure is recorded as `[name, message, limit]`. */
function toolFailure(text: string): string {
  try {
    const [name, message] = JSON.parse(text) as readonly unknown[];
    return `${String(name)}: ${String(message)}`;
  } catch {
    return text;
  }
}

function failureText({ name, message }: TaskFailure): string {
  return `${name}: ${message}`;
}

function tokensText({ input, output, cacheRead, cacheWrite }: TokenUsage): string {
  const sum = input + output + cacheRead + cacheWrite;
  return sum === 0
    ? "tokens unknown"
    : `${(input + cacheRead + cacheWrite).toLocaleString("en")} tokens in, ${output.toLocaleString("en")} out`;
}

/** A value as it is shown, cut where it is long. */
function shown(text: string, full: boolean): string {
  const whole = text.trimEnd();
  const lines = whole.split("\n");
  if (full || (lines.length <= CUT_LINES && whole.length <= CUT_CHARACTERS)) return whole;
  const kept = lines.slice(0, CUT_LINES).join("\n").slice(0, CUT_CHARACTERS);
  const left = whole.length - kept.length;
  return `${kept} …\n[${left.toLocaleString("en")} characters more: --full shows all]`;
}
