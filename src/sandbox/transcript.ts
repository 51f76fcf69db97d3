// The tool calls of a run that keeps a record: what is recorded is played to the guest, what is new is recorded first.
// Invariant: the guest hears a return only from here, in the order of the entries, each at its recorded time and after
// the timers due before it. Nothing else depends on real time, so a repeated run sees what the first one saw.
import { DefinitionError } from "../core/errors.ts";
import type { GuestError, RecordedCall, RecordedReturn, RunRecord } from "../core/guest.ts";
import type { Validation } from "../core/schema.ts";
import { told, type ToolAnswer } from "./broker.ts";
import { differs, divergedAt, divergedFrom, suspended } from "./divergence.ts";
import type { GuestCall } from "./protocol.ts";

/** The run, as its transcript needs it. */
export interface Stage {
  readonly runId: string;
  /** Whether there is a guest to be played to: between a lost host and the next there is none. */
  hasGuest(): boolean;
  /** Whether the guest has come to a wait after all that it was told. */
  isAtRest(): boolean;
  isOver(): boolean;
  /** Guest time. */
  now(): number;
  /** Moves the guest on to a time at which the record has it. */
  wake(at: number): void;
  tell(entry: RecordedReturn): void;
  /** The guest is where its record ends: from here its time goes on by itself. */
  resume(): void;
  serve(call: GuestCall, gate: (input: Validation<unknown>) => Promise<boolean>): Promise<ToolAnswer | null>;
  nameOf(call: GuestCall): string;
  fail(error: GuestError): void;
  /** Ends the run with what the caller's own function threw. */
  abandon(thrown: unknown): void;
}

/** Records the calls of one run and repeats those that are recorded. */
export class Transcript {
  readonly #record: RunRecord;
  readonly #stage: Stage;
  readonly #entries: (RecordedCall | RecordedReturn)[] = [];
  readonly #calls = new Map<number, RecordedCall>();
  readonly #returned = new Set<number>();
  /** Returns that are being recorded. */
  readonly #unsafe = new Set<RecordedReturn>();
  /** Calls that the host is at work for: being validated, gated, executed or recorded. */
  readonly #underway = new Set<number>();
  readonly #held = new Map<number, RecordedCall>();
  /** Made by the guest before it had come to where its record ends. */
  #waiting: GuestCall[] = [];
  /** Entries that the guest has been played. */
  #played = 0;
  /** Calls that the guest has made. */
  #made = 0;
  /** Calls that the record says it makes. */
  #expected = 0;
  #isLive: boolean;

  constructor(record: RunRecord, stage: Stage) {
    this.#record = record;
    this.#stage = stage;
    for (const entry of record.entries) this.#add(entry);
    this.#isLive = this.#entries.length === 0;
  }

  /** Whether the guest's own timers may fire: its record is played, and no return is to be heard before them. */
  get isOpen(): boolean {
    return this.#isLive && this.#held.size === 0 && this.#unsafe.size === 0;
  }

  /** The guest has come to a wait and has made these calls on its way. */
  hear(calls: readonly GuestCall[]): void {
    const divergence = this.#compare(calls);
    if (divergence !== null) {
      this.#stage.fail(divergence);
      return;
    }
    for (const call of calls) {
      if (!this.#returned.has(call.call) && !this.#underway.has(call.call)) this.#waiting.push(call);
    }
    this.#advance();
  }

  /** The guest has ended and has made these calls just before: why it cannot have, or null where it can. */
  end(calls: readonly GuestCall[]): GuestError | null {
    return this.#compare(calls) ?? (this.#made < this.#expected ? this.#missing("ended") : null);
  }

  /** The guest starts anew in another instance; calls under way stay so. */
  rewind(): void {
    this.#held.clear();
    this.#waiting = [];
    this.#played = 0;
    this.#made = 0;
    this.#isLive = false;
  }

  #compare(calls: readonly GuestCall[]): GuestError | null {
    for (const call of calls) {
      this.#made = call.call + 1;
      const recorded = this.#calls.get(call.call);
      const tool = this.#stage.nameOf(call);
      if (recorded !== undefined && differs(recorded, tool, call)) return divergedAt(recorded, tool, call);
    }
    return null;
  }

  #add(entry: RecordedCall | RecordedReturn): void {
    if (entry.type === "tool-called") this.#calls.set(entry.call, entry);
    else if (this.#returned.has(entry.call)) {
      const what = `Cannot repeat the run "${this.#stage.runId}": its record has two returns of call ${entry.call}`;
      throw new DefinitionError(`${what}. Give the entries as they were recorded, each once.`);
    } else this.#returned.add(entry.call);
    this.#expected = Math.max(this.#expected, entry.call + 1);
    this.#entries.push(entry);
  }

  #advance(): void {
    if (this.#stage.isOver() || !this.#stage.hasGuest()) return;
    if (this.#held.size === 0) this.#play();
    if (!this.#isLive && this.#held.size === 0 && !this.#arrive()) return;
    if (this.#isLive) for (const call of this.#waiting.splice(0)) void this.#serve(call);
    if (this.#held.size > 0 && this.#underway.size === 0 && this.#stage.isAtRest()) {
      this.#stage.fail(suspended(this.#stage.runId, [...this.#held.values()]));
    }
  }

  /** Tells the guest what is recorded, as far as it has made the calls. */
  #play(): void {
    for (; this.#played < this.#entries.length; this.#played += 1) {
      const entry = this.#entries[this.#played] as RecordedCall | RecordedReturn;
      if (entry.type === "tool-called") {
        this.#stage.wake(entry.at);
      } else {
        if (entry.call >= this.#made || this.#unsafe.has(entry)) return;
        this.#stage.tell(entry);
      }
    }
  }

  /** Goes live where the guest has made every recorded call and was told every recorded return. */
  #arrive(): boolean {
    if (this.#made < this.#expected) {
      if (this.#unsafe.size === 0 && this.#stage.isAtRest()) this.#stage.fail(this.#missing("waits"));
      return false;
    }
    if (this.#played < this.#entries.length) return false;
    this.#isLive = true;
    this.#stage.resume();
    return true;
  }

  async #serve(call: GuestCall): Promise<void> {
    this.#underway.add(call.call);
    try {
      const answer = await this.#stage.serve(call, (input) => this.#gate(call, input));
      if (answer !== null && !this.#stage.isOver()) await this.#keep(call.call, answer);
    } catch (thrown) {
      this.#stage.abandon(thrown);
    }
    this.#underway.delete(call.call);
    this.#advance();
  }

  async #gate(call: GuestCall, input: Validation<unknown>): Promise<boolean> {
    const recorded = this.#calls.get(call.call);
    const tool = this.#stage.nameOf(call);
    const { at, text } = call;
    const entry = recorded ?? { type: "tool-called", call: call.call, at, tool, input: text };
    if (recorded === undefined) this.#add(entry);
    const verdict = await this.#record.called({
      entry,
      isRecorded: recorded !== undefined,
      callId: `${this.#stage.runId}:${call.call}`,
      value: input.ok ? input.value : undefined,
      problem: input.ok ? null : input.problem,
    });
    if (verdict !== "hold" || !input.ok) return !this.#stage.isOver();
    this.#held.set(call.call, entry);
    return false;
  }

  async #keep(call: number, answer: ToolAnswer): Promise<void> {
    const at = this.#stage.now();
    const entry: RecordedReturn = { type: "tool-returned", call, at, ok: answer.ok, text: told(answer) };
    this.#add(entry);
    this.#unsafe.add(entry);
    await this.#record.returned(entry);
    this.#unsafe.delete(entry);
  }

  #missing(how: "ended" | "waits"): GuestError {
    let call = this.#made;
    while (!this.#calls.has(call) && call < this.#expected - 1) call += 1;
    return divergedFrom(call, this.#calls.get(call), how);
  }
}
