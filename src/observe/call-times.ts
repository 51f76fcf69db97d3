// How long the calls of a task take, from its journal.
// Invariant: no time is given for a call that another process began: what lies between is that process's end.
import type { JournalEntry } from "../core/journal.ts";
import type { EffectKey } from "../core/telemetry.ts";

interface Call {
  /** Milliseconds since 1970; null where another process made it. */
  readonly at: number | null;
  /** Empty for a model's. */
  readonly tool: string;
}

/** The calls of a task that have not ended. */
export class CallTimes {
  readonly #calls = new Map<string, Call>();

  /** `before` is what the journal held when this process began to tell of the task. */
  constructor(before: readonly JournalEntry[]) {
    for (const entry of before) {
      this.begun(entry);
      this.ended(entry);
    }
    for (const [id, { tool }] of this.#calls) this.#calls.set(id, { at: null, tool });
  }

  /** A call may begin with this entry. */
  begun(entry: JournalEntry): void {
    if (entry.type === "model-asked") this.#calls.set(entry.callId, { at: entry.at, tool: "" });
    else if (entry.type === "tool-called")
      this.#calls.set(idOf(entry) ?? "", { at: entry.at, tool: entry.tool });
  }

  /** A tool is really called only now: the call may have waited for a person, or is made again. */
  made(effect: EffectKey): void {
    const call = effect.type === "tool" ? this.#calls.get(effect.callId) : undefined;
    if (effect.type === "tool" && call !== undefined)
      this.#calls.set(effect.callId, { ...call, at: Date.now() });
  }

  /** The call that ends with this entry: its tool, and how long it took in milliseconds, null where that is not known. */
  ended(entry: JournalEntry): { readonly tool: string; readonly ms: number | null } {
    const id = entry.type === "model-asked" || entry.type === "tool-called" ? undefined : idOf(entry);
    const call = id === undefined ? undefined : this.#calls.get(id);
    if (id === undefined || call === undefined) return { tool: "unknown", ms: null };
    this.#calls.delete(id);
    return { tool: call.tool, ms: call.at === null ? null : Math.max(0, entry.at - call.at) };
  }
}

function idOf(entry: JournalEntry): string | undefined {
  if (entry.type === "tool-called" || entry.type === "tool-returned") return `${entry.runId}:${entry.call}`;
  return entry.type === "model-answered" || entry.type === "model-failed" ? entry.callId : undefined;
}
