// A sandbox node: takes runs of a mesh's callers off a queue group and hosts their guests in isolates of its own.
// Invariant: it takes no more than it has room for and no limit beyond its own, answers whatever it is asked, and ends
// the guest of a caller that is gone. It knows nothing of tools: calls go to the caller, texts come back.
import { systemClock, type Clock } from "../../core/clock.ts";
import { DefinitionError, messageOf } from "../../core/errors.ts";
import type { GuestLimits, LimitName } from "../../core/guest.ts";
import { resolveLimits } from "../../core/limits.ts";
import { silentLog, type Log } from "../../core/log.ts";
import type { FabricMessage, Messages, Unsubscribe } from "../../core/ports.ts";
import type { Subjects } from "../../core/subjects.ts";
import type { AskedRun, Telemetry } from "../../core/telemetry.ts";
import { countOption, defaultIsolates, openPool, type IsolateOptions } from "../opening.ts";
import type { Outcome, Pool, SandboxStats } from "../pool.ts";
import { BEAT_MS, Exchange } from "./exchange.ts";
import { Visit } from "./visit.ts";
import { offerSchema, WIRE_VERSION, type Answer, type Offer } from "./wire.ts";

/** The highest limits that a node allows where nobody says otherwise. */
export const NODE_MAXIMUM: GuestLimits = Object.freeze({
  cpuMs: 60_000,
  timeoutMs: 3_600_000,
  memoryBytes: 256 * 1024 * 1024,
  stackBytes: 896 * 1024,
  codeBytes: 4 * 1024 * 1024,
  contextBytes: 32 * 1024 * 1024,
  resultBytes: 16 * 1024 * 1024,
  consoleBytes: 4 * 1024 * 1024,
  toolCalls: 100_000,
  concurrentToolCalls: 1000,
  toolBytes: 16 * 1024 * 1024,
});

/** How a node is made. */
export interface SandboxNodeOptions extends Omit<IsolateOptions, "guestsPerIsolate" | "maxQueued"> {
  readonly messages: Messages;
  readonly subjects: Pick<Subjects, "sandbox">;
  /** What it is called in answers and logs. */
  readonly name: string;
  /** Runs that it takes at once; 16 for each isolate where absent. */
  readonly runs?: number | undefined;
  /** The highest limits that a run may ask for; generous ones where absent. */
  readonly maximum?: Partial<GuestLimits> | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Told of each run that has ended. */
  readonly telemetry?: Telemetry | undefined;
}

/** What a node is doing, and has done since its start. */
export interface SandboxNodeStats extends SandboxStats {
  /** Runs that it has in hand. */
  readonly running: number;
  /** The most it takes at once. */
  readonly room: number;
  readonly taken: number;
  /** Offers that it had no room for. */
  readonly busyAnswers: number;
  /** Offers that it refused: malformed, of another version, or beyond its limits. */
  readonly refused: number;
}

const RUNS_PER_ISOLATE = 16;
/** The queue group of all nodes. */
const GROUP = "sandbox";

/** Serves the runs of a mesh from its start to its `stop`. */
export class SandboxNode implements AsyncDisposable {
  readonly #options: SandboxNodeOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #id = crypto.randomUUID();
  readonly #maximum: GuestLimits;
  readonly #room: number;
  readonly #pool: Pool;
  readonly #exchange: Exchange;
  readonly #visits = new Set<Visit>();
  readonly #unsubscribe: Unsubscribe;
  #stopping: Promise<void> | null = null;
  #settled: () => void = () => undefined;
  #taken = 0;
  #busy = 0;
  #refused = 0;

  /** @throws DefinitionError where an option is wrong, and what {@link Messages} throws. */
  constructor(options: SandboxNodeOptions) {
    const { messages, subjects } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLog;
    this.#maximum = resolveLimits(options.maximum, NODE_MAXIMUM);
    const isolates = options.isolates ?? defaultIsolates();
    this.#room = countOption("runs", options.runs, RUNS_PER_ISOLATE * isolates, 1);
    this.#pool = openPool({ ...options, isolates, guestsPerIsolate: this.#room, maxQueued: this.#room });
    this.#exchange = new Exchange({
      messages,
      clock: this.#clock,
      id: this.#id,
      here: subjects.sandbox(`node.${this.#id}`),
      there: (caller) => subjects.sandbox(`caller.${caller}`),
    });
    this.#unsubscribe = messages.subscribe(
      subjects.sandbox("run"),
      (message) => message.reply(JSON.stringify(this.#answer(message))),
      { queue: GROUP },
    );
  }

  stats(): SandboxNodeStats {
    return {
      ...this.#pool.stats(),
      running: this.#visits.size,
      room: this.#room,
      taken: this.#taken,
      busyAnswers: this.#busy,
      refused: this.#refused,
    };
  }

  /** Takes no more runs, lets those in hand end for so long (10 s where absent), and gives the rest back. */
  stop({ timeoutMs = 10_000 }: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    return (this.#stopping ??= this.#stop(timeoutMs));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(timeoutMs: number): Promise<void> {
    await this.#until(() => this.#visits.size === 0, timeoutMs);
    for (const visit of this.#visits) visit.refuse(`the node "${this.#options.name}" was stopped`);
    // What has ended is kept until its caller has heard of it.
    await this.#until(() => this.#exchange.size === 0, 2 * BEAT_MS);
    this.#unsubscribe();
    this.#exchange.close(`the node "${this.#options.name}" was stopped`);
    await this.#pool.close();
  }

  #until(isSo: () => boolean, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#clock.clearTimeout(timer);
        this.#settled = () => undefined;
        resolve();
      };
      const timer = this.#clock.setTimeout(end, timeoutMs);
      this.#settled = () => {
        if (isSo()) end();
      };
      this.#settled();
    });
  }

  #answer(message: FabricMessage): Answer {
    const { name } = this.#options;
    const offer = read(message.payload);
    if (!offer.ok) {
      this.#refused += 1;
      this.#log.warn({ reason: offer.message }, "refused to run something");
      return { type: offer.type, name, message: offer.message };
    }
    const { caller, run, limits: asked, trace } = offer.value;
    const limits = this.#grant(asked);
    if (typeof limits === "string" || this.#exchange.has(caller, run)) {
      this.#refused += 1;
      return {
        type: "refused",
        name,
        message: typeof limits === "string" ? limits : `Run ${run} of this caller is here already.`,
      };
    }
    if (this.#stopping !== null || this.#visits.size >= this.#room) {
      this.#busy += 1;
      return { type: "busy", name };
    }
    this.#take({ caller, run, trace }, limits);
    return { type: "taken", node: this.#id, name };
  }

  #take({ caller, run, trace }: Pick<Offer, "caller" | "run" | "trace">, limits: GuestLimits): void {
    const asked = trace === undefined ? undefined : { trace, at: Date.now(), node: this.#options.name };
    const visit: Visit = new Visit({
      limits,
      clock: this.#clock,
      board: (rider) => {
        this.#pool.submit(rider).catch((thrown: unknown) => rider.refuse(messageOf(thrown)));
      },
      withdraw: (rider) => this.#pool.withdraw(rider),
    });
    this.#taken += 1;
    this.#visits.add(visit);
    visit.connect(
      this.#exchange.open(caller, run, {
        maxHeard: visit.maxHeard,
        maxUnacknowledged: visit.maxUnacknowledged,
        hear: (text) => visit.hear(text),
        lost: () => {
          visit.lost();
          this.#settled();
        },
      }),
    );
    void visit.result.then((ended) => {
      this.#tell(visit, ended, asked);
      this.#visits.delete(visit);
      this.#settled();
    });
  }

  #tell({ usage }: Visit, ended: Outcome, asked: AskedRun | undefined): void {
    const limit = ended.ok ? null : (ended.error.limit ?? null);
    const outcome = ended.ok ? "success" : limit === null ? "failed" : "limit";
    this.#options.telemetry?.tell({ type: "sandbox-run", place: "local", outcome, limit, usage, asked });
  }

  /** The limits of a run, or why it may not have them. */
  #grant(asked: Readonly<Record<string, number>>): GuestLimits | string {
    const known = Object.entries(asked).filter(([name]) => Object.hasOwn(NODE_MAXIMUM, name));
    const missing = Object.keys(NODE_MAXIMUM).filter((name) => !Object.hasOwn(asked, name));
    if (missing.length > 0) return `It does not say these limits: ${missing.join(", ")}.`;
    try {
      const limits = resolveLimits(Object.fromEntries(known), NODE_MAXIMUM);
      for (const name of Object.keys(NODE_MAXIMUM) as LimitName[]) {
        if (limits[name] > this.#maximum[name]) {
          return `limits.${name} is ${limits[name]}, and ${this.#maximum[name]} is the most here. Ask for less, or start the node with --maximum ${name}=${limits[name]}.`;
        }
      }
      return limits;
    } catch (thrown) {
      if (thrown instanceof DefinitionError) return thrown.message;
      throw thrown;
    }
  }
}

/** An offer, or why it is none. */
function read(
  payload: string,
):
  | { readonly ok: true; readonly value: Offer }
  | { readonly ok: false; readonly type: "version" | "refused"; readonly message: string } {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return { ok: false, type: "refused", message: "The offer is not JSON." };
  }
  const v = (json as { readonly v?: unknown } | null)?.v;
  if (typeof v === "number" && v !== WIRE_VERSION) {
    const message = `It speaks version ${WIRE_VERSION} of the sandbox protocol, and was asked in version ${v}: update the older of the two.`;
    return { ok: false, type: "version", message };
  }
  const parsed = offerSchema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") ?? "";
  return {
    ok: false,
    type: "refused",
    message: `The offer is not as it must be: ${where === "" ? "" : `${where}: `}${issue?.message ?? "?"}.`,
  };
}
