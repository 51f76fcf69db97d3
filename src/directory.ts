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
  readonly #turns = new Map<string, number>();
  #uses = 0;

  add(info: ActorInfo): void {
    this.#entries.set(info.address, { info, node: null, usedAt: 0 });
  }

  /** Takes the actors of another node, all of them, none where it is gone; gives the addresses that are no more. */
  replace(node: string, actors: readonly ActorInfo[]): readonly Address[] {
    const addresses = new Set(actors.map(({ address }) => address));
    const gone: Address[] = [];
    for (const [address, entry] of this.#entries) {
      if (entry.node !== node || addresses.has(address)) continue;
      this.#entries.delete(address);
      gone.push(address);
    }
    for (const info of actors) {
      const known = this.#entries.get(info.address);
      // What runs here is known at first hand.
      if (known?.node !== null) this.#entries.set(info.address, { info, node, usedAt: known?.usedAt ?? 0 });
    }
    return gone;
  }

  /** The actors of this node. */
  get own(): readonly ActorInfo[] {
    return [...this.#entries.values()].filter(({ node }) => node === null).map(({ info }) => info);
  }

  remove(address: Address): void {
    this.#entries.delete(address);
  }

  /** Notes that an actor was addressed, for the `least-recent` strategy. */
  touch(address: Address): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) entry.usedAt = ++this.#uses;
  }

  /** All actors that match, in the order of the strategy; the first is the one to use. */
  find(query: Discovery = {}): readonly ActorInfo[] {
    const { role, capability, strategy = "first" } = query;
    const found = [...this.#entries.values()].filter(
      ({ info }) =>
        (role === undefined || info.role === role) &&
        (capability === undefined || info.capabilities.includes(capability)),
    );
    const ordered = this.#order(found, strategy, `${role ?? ""}/${capability ?? ""}`);
    if (strategy === "least-recent" && ordered[0] !== undefined) this.touch(ordered[0].info.address);
    return ordered.map(({ info }) => info);
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
        const turn = (this.#turns.get(query) ?? 0) % found.length;
        this.#turns.set(query, turn + 1);
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
