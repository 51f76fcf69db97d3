// The directory: which actors there are, here and on other nodes, and in what order they are found.
// Invariant: an entry of this node is there exactly while its actor takes messages; those of others as long as their node
// says so.
import type { Address } from "./core/address.ts";
import type { ActorInfo, Discovery } from "./core/handler.ts";

interface Entry {
  readonly info: ActorInfo;
  /** Null for this one. */
  readonly node: string | null;
  /** A counter, not a time: greater means used later. */
  usedAt: number;
}

/** Knows the running actors. */
export class Directory {
  readonly #entries = new Map<Address, Entry>();
  /** The entries of each role, the oldest first: what is sent to a role looks at these alone. */
  readonly #roles = new Map<string, readonly Entry[]>();
  readonly #turns = new Map<string, number>();
  #uses = 0;

  add(info: ActorInfo): void {
    this.#set({ info, node: null, usedAt: 0 });
  }

  /** Takes the actors of another node, all of them, none where it is gone; gives the addresses that are no more. */
  replace(node: string, actors: readonly ActorInfo[]): readonly Address[] {
    const addresses = new Set(actors.map(({ address }) => address));
    const gone: Address[] = [];
    for (const [address, entry] of this.#entries) {
      if (entry.node !== node || addresses.has(address)) continue;
      this.remove(address);
      gone.push(address);
    }
    for (const info of actors) {
      const known = this.#entries.get(info.address);
      // What runs here is known at first hand.
      if (known?.node !== null) this.#set({ info, node, usedAt: known?.usedAt ?? 0 });
    }
    return gone;
  }

  /** Whether actors of the role run on other nodes. */
  isElsewhere(role: string): boolean {
    return this.#ofRole(role).some(({ node }) => node !== null);
  }

  /** The actors of this node. */
  get own(): readonly ActorInfo[] {
    return [...this.#entries.values()].filter(({ node }) => node === null).map(({ info }) => info);
  }

  remove(address: Address): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    this.#entries.delete(address);
    const { role } = entry.info;
    this.#roles.set(
      role,
      this.#ofRole(role).filter((one) => one !== entry),
    );
  }

  /** The actor of a role whose turn it is; undefined where there is none. */
  next(role: string): ActorInfo | undefined {
    const found = this.#ofRole(role);
    return found.length < 2 ? found[0]?.info : found[this.#turn(`${role}/`, found.length)]?.info;
  }

  /** Notes that an actor was addressed, for the `least-recent` strategy. */
  touch(address: Address): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) entry.usedAt = ++this.#uses;
  }

  /** All actors that match, in the order of the strategy; the first is the one to use. */
  find(query: Discovery = {}): readonly ActorInfo[] {
    const { role, capability, strategy = "first" } = query;
    const among = role === undefined ? [...this.#entries.values()] : this.#ofRole(role);
    const found = among.filter(
      ({ info }) => capability === undefined || info.capabilities.includes(capability),
    );
    const ordered = this.#order(found, strategy, `${role ?? ""}/${capability ?? ""}`);
    if (strategy === "least-recent" && ordered[0] !== undefined) this.touch(ordered[0].info.address);
    return ordered.map(({ info }) => info);
  }

  #set(entry: Entry): void {
    const { address, role } = entry.info;
    const known = this.#entries.get(address);
    const others = this.#ofRole(role);
    this.#entries.set(address, entry);
    this.#roles.set(
      role,
      known === undefined ? [...others, entry] : others.map((one) => (one === known ? entry : one)),
    );
  }

  #ofRole(role: string): readonly Entry[] {
    return this.#roles.get(role) ?? [];
  }

  #turn(query: string, of: number): number {
    const turn = (this.#turns.get(query) ?? 0) % of;
    this.#turns.set(query, turn + 1);
    return turn;
  }

  #order(found: Entry[], strategy: NonNullable<Discovery["strategy"]>, query: string): readonly Entry[] {
    switch (strategy) {
      case "first":
        return found;
      case "random":
        return shuffle(found);
      case "least-recent":
        return found.sort((a, b) => a.usedAt - b.usedAt);
      case "round-robin": {
        if (found.length === 0) return found;
        const turn = this.#turn(query, found.length);
        return [...found.slice(turn), ...found.slice(0, turn)];
      }
    }
  }
}

/** Fisher and Yates's shuffle. */
function shuffle<T>(items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last--) {
    const pick = Math.floor(Math.random() * (last + 1));
    [items[last], items[pick]] = [items[pick] as T, items[last] as T];
  }
  return items;
}
