// A task's journal as the timeline shows it: each entry a moment, with what it was about, in parts that a page can draw.
// Invariant: entries are told in the journal's order, one by one, so that a task under way goes on where it was; the same
// journal gives the same moments, and all texts have been through the veil.
import { extractCode } from "../../core/answer.ts";
import type { ApprovalSubject } from "../../core/approval.ts";
import type { Trial } from "../../core/attempt.ts";
import type { JournalEntry, JournalEntryOf } from "../../core/journal.ts";
import { profileOf } from "../../core/profile.ts";
import { tellEntry } from "../timeline.ts";
import type { Moment, ShownCode, ToolMoment } from "./shapes.ts";
import { shownSubject } from "./shown-approval.ts";
import { titleOf } from "./titles.ts";
import type { Veil } from "./veil.ts";

/** The chart's last states, by how a task ended. */
export const END_STATES = { success: "done", failure: "failed", cancelled: "cancelled" } as const;

type Details = Partial<Omit<Moment, "index" | "at" | "afterMs" | "state" | "type" | "title" | "tone">>;

/** Tells the entries of one journal. */
export class MomentTeller {
  readonly #veil: Veil;
  readonly #tools = new Map<string, string>();
  readonly #inputs = new Map<string, string>();
  readonly #asked = new Map<string, ApprovalSubject>();
  #index = 0;
  #startedAt = 0;
  #state: string | null = null;
  #attempt = 0;
  #code: string | null = null;
  #profile: string | null = null;

  constructor(veil: Veil) {
    this.#veil = veil;
  }

  /** The leaf state that the task is in after what was told. */
  get state(): string | null {
    return this.#state;
  }

  tell(entry: JournalEntry): Moment {
    if (this.#index === 0) this.#startedAt = entry.at;
    if (entry.type === "tool-called") {
      const callId = `${entry.runId}:${entry.call}`;
      this.#tools.set(callId, entry.tool);
      this.#inputs.set(callId, this.#veil.encoded(entry.input));
    }
    const { good } = tellEntry(entry, this.#tools);
    const details = this.#detailsOf(entry);
    this.#move(entry);
    return {
      index: this.#index++,
      at: entry.at,
      afterMs: entry.at - this.#startedAt,
      state: this.#state,
      type: entry.type,
      title: this.#veil.line(titleOf(entry, this.#tools)),
      tone: good === undefined ? "plain" : good ? "good" : "bad",
      ...details,
    };
  }

  #move(entry: JournalEntry): void {
    if (entry.type === "state") this.#state = entry.state;
    else if (entry.type === "finished") this.#state = END_STATES[entry.result.status];
    else if (entry.type === "claimed") this.#state ??= "queued";
  }

  #detailsOf(entry: JournalEntry): Details {
    const veil = this.#veil;
    switch (entry.type) {
      case "accepted":
        this.#profile = entry.profile;
        return { text: veil.text(entry.task) };
      case "claimed":
        this.#profile ??= entry.terms.profile;
        return { node: veil.text(entry.node) };
      case "left":
        return { node: veil.text(entry.node), text: veil.text(entry.reason) };
      case "routed":
        this.#profile = entry.routing.profile;
        return { text: veil.text(entry.routing.reason) };
      case "recalled":
        return entry.recall === null ? {} : { code: this.#codeOf(entry.recall.code) };
      case "model-answered":
        return this.#answered(entry);
      case "model-failed":
        return { error: veil.data(entry.error) };
      case "tool-called":
      case "tool-returned":
        return { tool: this.#toolOf(entry) };
      case "run-finished":
      case "handler-finished":
        return this.#tried(entry.trial);
      case "approval-asked": {
        const { approvalId } = entry;
        const subject = shownSubject(entry.subject, veil);
        this.#asked.set(approvalId, subject);
        return { approval: { approvalId, subject } };
      }
      case "approval-answered": {
        const { approvalId, decision, by, note } = entry;
        const subject = this.#asked.get(approvalId);
        const answer = veil.data({ decision, by, note });
        return subject === undefined ? {} : { approval: { approvalId, subject, answer } };
      }
      case "cancelled":
        return { text: veil.text(entry.reason) };
      case "finished": {
        const { error, output } = entry.result;
        return error === null ? { output: veil.value(output) } : { error: veil.data(error) };
      }
      default:
        return {};
    }
  }

  #answered({ answer, repair }: JournalEntryOf<"model-answered">): Details {
    const { text, provider, model, tokens, costUsd, replayed } = answer;
    const extracted = extractCode(text);
    const isProse = profileOf(this.#profile).draft === "prose";
    const code = repair < 0 ? null : isProse ? text : extracted.ok ? extracted.code : null;
    // An answer without code is a try as well.
    if (repair >= 0 && code === null) this.#attempt += 1;
    return {
      answer: this.#veil.text(text),
      ...(code === null ? {} : { code: this.#codeOf(code, isProse ? "text" : "javascript") }),
      tokens,
      costUsd,
      model: this.#veil.text(`${provider}/${model}`),
      isReplayed: replayed,
    };
  }

  #codeOf(code: string, language: ShownCode["language"] = "javascript"): ShownCode {
    const text = this.#veil.text(code);
    const previous = this.#code;
    this.#attempt += 1;
    this.#code = text;
    return { text, language, attempt: this.#attempt, previous };
  }

  #toolOf(entry: JournalEntryOf<"tool-called" | "tool-returned">): ToolMoment {
    const callId = `${entry.runId}:${entry.call}`;
    const name = this.#veil.text(this.#tools.get(callId) ?? "");
    const input = this.#inputs.get(callId) ?? "";
    if (entry.type === "tool-called") return { name, callId, input };
    this.#inputs.delete(callId);
    const output = entry.ok ? this.#veil.encoded(entry.text) : this.#veil.text(failureIn(entry.text));
    return { name, callId, input, output, ok: entry.ok };
  }

  #tried(trial: Trial): Details {
    const { usage, console } = trial;
    const end = trial.ok
      ? { output: this.#veil.value(trial.output) }
      : { error: this.#veil.data(trial.error) };
    const used =
      usage === null
        ? {}
        : { usage: { cpuMs: usage.cpuMs, wallMs: usage.wallMs, memoryBytes: usage.memoryBytes } };
    return { ...end, ...(console.length === 0 ? {} : { console: this.#veil.data(console) }), ...used };
  }
}

/** A tool's failure is recorded as `[name, message, limit]`. */
function failureIn(text: string): string {
  try {
    const [name, message] = JSON.parse(text) as readonly unknown[];
    return `${String(name)}: ${String(message)}`;
  } catch {
    return text;
  }
}
