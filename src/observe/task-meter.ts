// Counts what a task's journal tells: its acceptance, its calls and what they cost, its repairs, its end.
// Invariant: only what is recorded is counted, so each thing once, however many processes the task goes through.
import { COMPRESSION, ROUTING, type JournalEntry, type JournalEntryOf } from "../core/journal.ts";
import type { ModelAnswer } from "../core/model.ts";
import type { EffectKey, Hearing, TaskStart, TaskTelemetry } from "../core/telemetry.ts";
import type { LabelValues } from "./label-values.ts";
import type { Meters } from "./meters.ts";

const UNKNOWN = "unknown";

/** Counts for one task. */
export class TaskMeter implements TaskTelemetry {
  readonly trace = undefined;
  readonly #meters: Meters;
  readonly #values: LabelValues;
  readonly #role: string;
  /** When calls began that have not ended, by their ids; milliseconds since 1970. */
  readonly #begun = new Map<string, { readonly at: number; readonly tool: string }>();
  #owner: string | null = null;

  constructor(
    start: TaskStart,
    { meters, values }: { readonly meters: Meters; readonly values: LabelValues },
  ) {
    this.#meters = meters;
    this.#values = values;
    this.#role = values.of("role", start.role);
    for (const entry of start.before) this.#learn(entry);
  }

  heard(entry: JournalEntry, how: Hearing): void {
    if (how !== "recorded") return;
    this.#count(entry);
    this.#learn(entry);
  }

  within<T>(_: EffectKey, work: () => T): T {
    return work();
  }

  end(): void {
    this.#begun.clear();
  }

  /** What later entries are to be understood by. */
  #learn(entry: JournalEntry): void {
    if (entry.type === "claimed") this.#owner = entry.node;
    else if (entry.type === "left") this.#owner = null;
    else if (entry.type === "model-asked") this.#begun.set(entry.callId, { at: entry.at, tool: "" });
    else if (entry.type === "tool-called") this.#begun.set(callIdOf(entry), entry);
    else if (entry.type === "tool-returned") this.#begun.delete(callIdOf(entry));
    else if (entry.type === "model-answered" || entry.type === "model-failed") {
      this.#begun.delete(entry.callId);
    }
  }

  #count(entry: JournalEntry): void {
    const meters = this.#meters;
    const role = this.#role;
    meters.entries.inc({ type: entry.type });
    switch (entry.type) {
      case "accepted":
        meters.accepted.inc({ role });
        break;
      case "claimed":
        if (this.#owner !== null && this.#owner !== entry.node) meters.takeovers.inc({ kind: "task" });
        break;
      case "model-answered":
      case "model-failed":
        this.#countModel(entry);
        break;
      case "tool-returned":
        this.#countTool(entry);
        break;
      case "approval-asked":
        meters.asked.inc({ role, subject: entry.subject.type });
        break;
      case "approval-answered":
        meters.answered.inc({ role, decision: entry.decision });
        break;
      case "finished":
        this.#countEnd(entry);
        break;
      default:
    }
  }

  #countModel(entry: JournalEntryOf<"model-answered" | "model-failed">): void {
    if (entry.repair > 0) this.#meters.repairs.inc({ role: this.#role });
    const askedAt = this.#begun.get(entry.callId)?.at ?? entry.at;
    const answer = entry.type === "model-answered" ? entry.answer : null;
    countModel(
      { meters: this.#meters, values: this.#values },
      { role: this.#role, purpose: purposeOf(entry.repair), answer, ms: entry.at - askedAt },
    );
  }

  #countTool(entry: JournalEntryOf<"tool-returned">): void {
    const called = this.#begun.get(callIdOf(entry));
    const tool = this.#values.of("tool", called?.tool ?? UNKNOWN);
    const role = this.#role;
    this.#meters.toolCalls.inc({ role, tool, outcome: entry.ok ? "returned" : "failed" });
    if (called !== undefined)
      this.#meters.toolSeconds.observe({ role, tool }, secondsOf(entry.at - called.at));
  }

  #countEnd({ result: { status, executionTime, error } }: JournalEntryOf<"finished">): void {
    const labels = { role: this.#role, status };
    this.#meters.ended.inc(labels);
    this.#meters.taskSeconds.observe(labels, Math.max(0, executionTime));
    if (error !== null && status === "failure") {
      this.#meters.failures.inc({ role: this.#role, category: error.category });
    }
  }
}

/** A model's answer, or that it gave none; milliseconds. */
interface ModelCall {
  readonly role: string;
  readonly purpose: string;
  readonly answer: ModelAnswer | null;
  readonly ms: number;
}

/** Counts a call and what it cost; of an answer from a recording nothing was paid, and it took no model's time. */
export function countModel(
  { meters, values }: { readonly meters: Meters; readonly values: LabelValues },
  { role, purpose, answer, ms }: ModelCall,
): void {
  const provider = values.of("provider", answer?.provider ?? UNKNOWN);
  const model = values.of("model", answer?.model ?? UNKNOWN);
  const outcome = answer === null ? "failed" : answer.replayed ? "played-back" : "answered";
  meters.modelCalls.inc({ role, provider, model, purpose, outcome });
  if (answer?.replayed === true) return;
  meters.modelSeconds.observe({ provider, model, outcome }, secondsOf(ms));
  if (answer === null) return;
  const { input, output, cacheRead, cacheWrite } = answer.tokens;
  const kinds = { input, output, cache_read: cacheRead, cache_write: cacheWrite };
  for (const [kind, count] of Object.entries(kinds)) {
    meters.tokens.inc({ role, provider, model, kind }, Math.max(0, count));
  }
  if (answer.costUsd === null) meters.unpriced.inc({ provider, model });
  else meters.cost.inc({ role, provider, model }, Math.max(0, answer.costUsd));
}

function purposeOf(repair: number): string {
  if (repair === ROUTING) return "route";
  if (repair === COMPRESSION) return "compress";
  return repair === 0 ? "generate" : "repair";
}

function callIdOf({ runId, call }: JournalEntryOf<"tool-called" | "tool-returned">): string {
  return `${runId}:${call}`;
}

/** Clocks of two processes may differ. */
function secondsOf(milliseconds: number): number {
  return Math.max(0, milliseconds) / 1000;
}
