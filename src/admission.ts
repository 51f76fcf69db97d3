// Admission: which waiting task may run next, so that neither an agent nor the mesh runs more than it may.
// Invariant: a place is given to the waiting parties in turn, each party's own tasks first in, first out; no
// party with much to do can keep another waiting for more than one turn.
import { UnknownError } from "./core/errors.ts";

/** Gives the place back; idempotent. */
export type Release = () => void;

/** The bounds of one party's tasks. */
export interface PartyOptions {
  /** Tasks that may run at once. */
  readonly concurrency: number;
  /** Whether its tasks count towards the mesh's bound: those that only coordinate others should not. */
  readonly counted: boolean;
}

interface Waiting {
  readonly admit: (release: Release) => void;
}

interface Party extends PartyOptions {
  readonly name: string;
  readonly waiting: Set<Waiting>;
  running: number;
  held: boolean;
}

/** Hands out places to run. */
export class Admission {
  /** Counted tasks that may run at once over all parties. */
  readonly total: number;
  readonly #parties = new Map<string, Party>();
  #running = 0;

  constructor(options: { readonly total: number }) {
    this.total = options.total;
  }

  /** Makes a party known; its name is free to choose. */
  join(name: string, options: PartyOptions): void {
    this.#parties.set(name, { ...options, name, waiting: new Set(), running: 0, held: false });
  }

  /** Forgets a party; what it runs still holds its places until released. */
  leave(name: string): void {
    this.#parties.delete(name);
  }

  /** Waits for a place; rejects with the signal's reason where that is aborted first. */
  acquire(name: string, signal: AbortSignal): Promise<Release> {
    const party = this.#party(name);
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = () => {
        party.waiting.delete(entry);
        reject(signal.reason as Error);
      };
      const entry: Waiting = {
        admit: (release) => {
          signal.removeEventListener("abort", onAbort);
          resolve(release);
        },
      };
      signal.addEventListener("abort", onAbort, { once: true });
      party.waiting.add(entry);
      this.#admit();
    });
  }

  /** Admits none of a party's tasks until {@link unhold}. */
  hold(name: string): void {
    this.#party(name).held = true;
  }

  /** Admits a party's tasks again. */
  unhold(name: string): void {
    this.#party(name).held = false;
    this.#admit();
  }

  /** How many tasks of a party run and wait. */
  load(name: string): { readonly running: number; readonly waiting: number } {
    const party = this.#party(name);
    return { running: party.running, waiting: party.waiting.size };
  }

  #party(name: string): Party {
    const party = this.#parties.get(name);
    if (party === undefined) throw new UnknownError("ACTOR_UNKNOWN", `No actor "${name}" runs here.`);
    return party;
  }

  #admit(): void {
    for (;;) {
      const party = this.#next();
      if (party === undefined) return;
      const [entry] = party.waiting;
      if (entry === undefined) return;
      party.waiting.delete(entry);
      party.running += 1;
      if (party.counted) this.#running += 1;
      // Its turn is over: it goes to the end of the line.
      this.#parties.delete(party.name);
      this.#parties.set(party.name, party);
      entry.admit(this.#release(party));
    }
  }

  #next(): Party | undefined {
    for (const party of this.#parties.values()) {
      if (party.held || party.waiting.size === 0 || party.running >= party.concurrency) continue;
      if (party.counted && this.#running >= this.total) continue;
      return party;
    }
    return undefined;
  }

  #release(party: Party): Release {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      party.running -= 1;
      if (party.counted) this.#running -= 1;
      this.#admit();
    };
  }
}
