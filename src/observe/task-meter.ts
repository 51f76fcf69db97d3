// Counts what a task's journal tells: its acceptance, its calls and what they cost, its repairs, its end.
// Invariant: only what is recorded is counted, so each thing once, however many processes the task goes through.
import { COMPRESSION, ROUTING, type JournalEntry, type JournalEntryOf } from "../core/journal.ts";
import type { ModelAnswer } from "../core/model.ts";
import type { EffectKey, Hearing, TaskStart, TaskTelemetry } from "../core/telemetry.ts";
import { CallTimes } from "./call-times.ts";
import type { LabelValues } from "./label-values.ts";
import type { Meters } from "./meters.ts";

const UNKNOWN = "unknown";

/** Counts for one task. */
export class TaskMeter implements TaskTelemetry {
  readonly trace = undefined;
  readonly #meters: Meters;
  readonly #values: LabelValues;
  readonly #role: string;
  readonly #calls: CallTimes;
  #owner: string | null = null;

  constructor(
    start: TaskStart,
    { meters, values }: { readonly meters: Meters; readonly values: LabelValues },
  ) {
    this.#meters = meters;
    this.#values = values;
    this.#role = values.of("role", start.role);
    this.#calls = new CallTimes(start.before);
    for (const entry of start.before) this.#learn(entry);
  }

  heard(entry: JournalEntry, how: Hearing): void {
    if (how !== "recorded") return;
    this.#calls.begun(entry);
    this.#count(entry);
    this.#learn(entry);
  }

  within<T>(effect: EffectKey, work: () => T): T {
    this.#calls.made(effect);
    return work();
  }

  end(): void {
    // Nothing is under way that would have to be ended.
  }

  /** What later entries are to be understood by. */
  #learn(entry: JournalEntry): void {
    if (entry.type === "claimed") this.#owner = entry.node;
    else if (entry.type === "left") this.#owner = null;
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
    const { ms } = this.#calls.ended(entry);
    const answer = entry.type === "model-answered" ? entry.answer : null;
    countModel(
      { meters: this.#meters, values: this.#values },
      { role: this.#role, purpose: purposeOf(entry.repair), answer, ms: ms ?? 0 },
    );
  }

  #countTool(entry: JournalEntryOf<"tool-returned">): void {
    const call = this.#calls.ended(entry);
    const labels = { role: this.#role, tool: this.#values.of("tool", call.tool) };
    this.#meters.toolCalls.inc({ ...labels, outcome: entry.ok ? "returned" : "failed" });
    if (call.ms !== null) this.#meters.toolSeconds.observe(labels, call.ms / 1000);
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

/** Clocks of two processes may differ. */
function secondsOf(milliseconds: number): number {
  return Math.max(0, milliseconds) / 1000;
}
