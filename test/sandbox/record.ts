// A record kept in memory, as a journal would keep it: for tests that record a run and repeat it.
import type { GatedCall, RecordedCall, RecordedReturn, RunRecord } from "#src/core/guest";

/** An entry of a record. */
export type Entry = RecordedCall | RecordedReturn;

/** How a record answers. */
export interface MemoryRecordOptions {
  /** "call" where absent. */
  readonly verdict?: ((call: GatedCall) => "call" | "hold" | Promise<"call" | "hold">) | undefined;
  /** What it waits for before it appends; a turn of the event loop where absent. */
  readonly pause?: () => Promise<void>;
}

/** Records in memory, one entry after the other. */
export class MemoryRecord implements RunRecord {
  readonly entries: readonly Entry[];
  /** What was recorded, what it began with included. */
  readonly kept: Entry[];
  /** Ids of the calls that it was asked about. */
  readonly asked: string[] = [];
  readonly #options: MemoryRecordOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(entries: readonly Entry[] = [], options: MemoryRecordOptions = {}) {
    this.entries = [...entries];
    this.kept = [...entries];
    this.#options = options;
  }

  async called(call: GatedCall): Promise<"call" | "hold"> {
    this.asked.push(call.callId);
    if (!call.isRecorded) await this.#append(call.entry);
    return this.#options.verdict?.(call) ?? "call";
  }

  returned(entry: RecordedReturn): Promise<void> {
    return this.#append(entry);
  }

  #append(entry: Entry): Promise<void> {
    this.#last = this.#last.then(async () => {
      await (this.#options.pause?.() ?? new Promise((resolve) => setImmediate(resolve)));
      this.kept.push(entry);
    });
    return this.#last;
  }
}

/** What happened to each call of a record, in a word each: `0 called`, `0 returned`. */
export function story(entries: readonly Entry[]): string[] {
  return entries.map(({ type, call }) => `${call} ${type === "tool-called" ? "called" : "returned"}`);
}
