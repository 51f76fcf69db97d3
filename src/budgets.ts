// The books of what was spent: a call is reserved in all scopes that it falls under before it is made, and settled after.
// Invariant: in each scope, spent + reserved never goes over its limit by a reservation, whatever tasks and processes do
// at once; a call counts once, however often a restarted task repeats its reservation and its settlement. A call that
// waits for others holds nothing anywhere, so that no two can wait for each other.
//
// The task's own record comes first and goes last: it knows each of its calls, and which scopes must hear of them. So
// whatever a crash leaves half done is finished by the repeat, or by `close`.
import { randomUUID } from "node:crypto";
import {
  emptyRecord,
  formatRecord,
  parseRecord,
  statusOf,
  type BudgetRecord,
  type BudgetStatus,
  type Wanted,
} from "./core/budget-record.ts";
import {
  budgetKey,
  exact,
  isLimited,
  MEASURES,
  type Amounts,
  type Budget,
  type BudgetScope,
  type ScopeName,
} from "./core/budget.ts";
import { systemClock, type Clock } from "./core/clock.ts";
import { messageOf, StorageError, type BudgetError } from "./core/errors.ts";
import { requireName } from "./core/names.ts";
import type { KeyValue, KeyValueEntry } from "./core/ports.ts";
import { bookHeld, hold, outOfTime, unhold, type Holding, type Wish } from "./core/reservation.ts";
import { SharedRecords } from "./shared-records.ts";
import { WaitingLine } from "./waiting-line.ts";

const BUCKET = "budgets";

type LimitedScope = { readonly name: ScopeName; readonly key: string; readonly budget: Budget };

/** What one task reserves and settles, in all scopes that it falls under. */
export interface BudgetAccount {
  /** Whether anything is limited; where not, nothing is read or written before `close`. */
  readonly isLimited: boolean;
  /**
   * Reserves what a call may use, in all scopes or in none; gives what it may use, of wall time perhaps less than
   * wanted. Where calls of other tasks hold what is missing it waits for them, those that gave no `wallMs` until they
   * are settled, the others for no longer than that. Repeated for a call that is reserved or settled, it changes nothing.
   *
   * @throws BudgetError that names the budget, where waiting does not help; nothing stays reserved then. The signal's
   * reason where it is aborted while it waits; StorageError
   */
  reserve(
    call: string,
    wanted: Wanted,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Amounts>;
  /**
   * Books what a call really used, which may be more than was reserved; what is unknown (`usd: null`) is booked as it
   * was reserved. Repeated, or for a call that is not reserved, it changes nothing.
   *
   * @throws StorageError
   */
  settle(call: string, used: Wanted): Promise<void>;
  /**
   * The error of a call that was ended because the time was over that it was given; null where it was given all that it
   * wanted. Such a call is not to be settled: what it used is unknown, and `close` books it as it was reserved.
   */
  outOfTime(call: string): BudgetError | null;
  /** Gives back what was reserved for a call that used nothing. @throws StorageError */
  release(call: string): Promise<void>;
  /**
   * Books a call whose end nobody saw as it was reserved: before the task's end is recorded. What the task has spent
   * stays known, so that one which dies before its end is recorded does not begin anew.
   *
   * @throws StorageError
   */
  settleAll(): Promise<void>;
  /**
   * Ends the account with its task: settles all, then the task's own record goes. Repeated, it changes nothing.
   *
   * @throws StorageError
   */
  close(): Promise<void>;
}

/** Keeps budgets on any fabric's key-value. */
export class BudgetBook {
  readonly #records: SharedRecords<BudgetRecord>;
  readonly #line: WaitingLine<BudgetRecord>;
  readonly #clock: Clock;

  constructor(keyValue: KeyValue, options: { readonly clock?: Clock | undefined } = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#records = new SharedRecords(keyValue, BUCKET, { read: readEntry, write: formatRecord });
    this.#line = new WaitingLine({
      clock: this.#clock,
      read: async (key) => (await this.#records.get(key)) ?? emptyRecord(),
      watch: (key, changed) => keyValue.watch(BUCKET, changed, { prefix: key }),
    });
  }

  /**
   * The account of a task, under budgets as they are now. Scopes are asked in their order, so that the narrowest
   * should come first; those without a limit are left out.
   *
   * @throws DefinitionError where a name is of no task or scope.
   */
  account(taskId: string, scopes: readonly BudgetScope[]): BudgetAccount {
    requireName(taskId, "The task of a budget account");
    return new Account({ records: this.#records, line: this.#line, clock: this.#clock }, taskId, scopes);
  }

  /** How a scope stands against its limits, as those are now. @throws StorageError */
  async status(scope: BudgetScope): Promise<BudgetStatus> {
    return statusOf((await this.#records.get(budgetKey(scope.name))) ?? emptyRecord(), scope.budget);
  }

  /**
   * Lifts the limits of a scope for good, by so much; a task's until its end. With an `id` it counts once, however
   * often it is repeated.
   *
   * @throws StorageError
   */
  async raise(
    name: ScopeName,
    amounts: Amounts,
    options: { readonly id?: string | undefined } = {},
  ): Promise<void> {
    const id = options.id ?? randomUUID();
    await this.#records.change(budgetKey(name), ({ raised }) => {
      if (!raised.has(id)) raised.set(id, amounts);
    });
  }
}

interface AccountParts {
  readonly records: SharedRecords<BudgetRecord>;
  readonly line: WaitingLine<BudgetRecord>;
  readonly clock: Clock;
}

class Account implements BudgetAccount {
  readonly isLimited: boolean;
  readonly #records: SharedRecords<BudgetRecord>;
  readonly #line: WaitingLine<BudgetRecord>;
  readonly #clock: Clock;
  readonly #taskId: string;
  readonly #task: LimitedScope;
  readonly #others: readonly LimitedScope[];
  /** Calls that all scopes have heard of; the task's record learns it with its next change. */
  readonly #heard = new Set<string>();
  #end: "open" | "settled" | "closed" = "open";
  /** What ends calls under way that were given less time than they wanted. */
  readonly #cut = new Map<string, BudgetError>();

  constructor({ records, line, clock }: AccountParts, taskId: string, scopes: readonly BudgetScope[]) {
    this.#records = records;
    this.#line = line;
    this.#clock = clock;
    this.#taskId = taskId;
    const limited = scopes.flatMap(({ name, budget }) =>
      budget !== undefined && isLimited(budget) ? [{ name, key: budgetKey(name), budget }] : [],
    );
    const name: ScopeName = `task:${taskId}`;
    this.#task = limited.find((scope) => scope.name === name) ?? { name, key: budgetKey(name), budget: {} };
    this.#others = limited.filter((scope) => scope.name !== name);
    this.isLimited = limited.length > 0;
  }

  async reserve(
    call: string,
    wanted: Wanted,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Amounts> {
    if (!this.isLimited) return known(wanted);
    this.#end = "open";
    const place = this.#line.place();
    for (let waited: LimitedScope | null = null; ;) {
      try {
        signal?.throwIfAborted();
        const tried = await this.#tryToReserve(call, wanted);
        if ("amounts" in tried) return tried.amounts;
        waited = tried.occupied;
      } finally {
        // Whatever became of it: what it was called for and did not take is there for the next.
        if (waited !== null) this.#line.look(waited.key);
      }
      const scope = waited;
      const enter = (record: BudgetRecord): Holding => hold(record, scope, this.#wish(call, wanted));
      await this.#line.wait(scope.key, { place, enter, signal });
    }
  }

  async #tryToReserve(
    call: string,
    wanted: Wanted,
  ): Promise<{ readonly amounts: Amounts } | { readonly occupied: LimitedScope }> {
    const wish = this.#wish(call, wanted);
    const first = await this.#changeTask((record) => {
      if (record.done.has(wish.id) || record.booked.has(wish.id)) return null;
      const held = hold(record, this.#task, wish);
      if (held.type === "held") for (const { key } of this.#others) record.scopes.add(key);
      return held;
    });
    if (first === null) return { amounts: known(wanted) };
    if (first.type === "occupied") return { occupied: this.#task };
    let wallMs = first.amounts.wallMs ?? 0;
    let narrowest = this.#task;
    try {
      for (const scope of this.#others) {
        const held = await this.#records.change(scope.key, (record) => hold(record, scope, wish));
        if (held.type === "occupied") {
          await this.release(call);
          return { occupied: scope };
        }
        const granted = held.amounts.wallMs ?? 0;
        if (granted < wallMs) [narrowest, wallMs] = [scope, granted];
      }
    } catch (error) {
      await this.release(call);
      throw error;
    }
    if (wallMs === 0) return { amounts: first.amounts };
    const time = { granted: wallMs, wanted: wanted.wallMs ?? 0 };
    if (time.granted < time.wanted) this.#cut.set(call, outOfTime(narrowest, wish.id, time));
    return { amounts: { ...first.amounts, wallMs } };
  }

  outOfTime(call: string): BudgetError | null {
    return this.#cut.get(call) ?? null;
  }

  async settle(call: string, used: Wanted): Promise<void> {
    if (!this.isLimited) return;
    this.#cut.delete(call);
    const id = this.#idOf(call);
    const settled = await this.#changeTask((record) => {
      const held = record.held.get(id);
      if (held !== undefined) book(record, id, withCost(used, held.amounts));
      return { used: record.booked.get(id), scopes: [...record.scopes] };
    });
    if (settled.used === undefined) return;
    await this.#tell(id, settled.used, settled.scopes);
    this.#heard.add(id);
  }

  async release(call: string): Promise<void> {
    if (!this.isLimited) return;
    this.#cut.delete(call);
    const id = this.#idOf(call);
    const task = await this.#records.get(this.#task.key);
    if (task?.held.has(id) !== true) return;
    const drop = (record: BudgetRecord) => unhold(record, id);
    await Promise.all([...task.scopes].map((key) => this.#records.change(key, drop)));
    await this.#changeTask(drop);
  }

  async close(): Promise<void> {
    await this.settleAll();
    if (this.#end === "closed") return;
    await this.#records.delete(this.#task.key);
    this.#end = "closed";
  }

  async settleAll(): Promise<void> {
    if (this.#end !== "open") return;
    const task = await this.#records.get(this.#task.key);
    if (task === null) {
      this.#end = "closed";
      return;
    }
    const { held, booked, scopes } = task;
    const own = (id: string) => id.startsWith(`${this.#taskId}/`);
    if ([...held.keys()].some(own)) {
      // Marked first, so that a crash from here on cannot leave another number here than elsewhere.
      await this.#changeTask((record) => {
        for (const [id, { amounts }] of [...record.held]) if (own(id)) book(record, id, amounts);
      });
    }
    const unseen = [...held].map(([id, { amounts }]) => [id, amounts] as const);
    const open = [...booked, ...unseen].filter(([id]) => own(id) && !this.#heard.has(id));
    for (const [id, amounts] of open) await this.#tell(id, amounts, [...scopes]);
    this.#end = "settled";
  }

  /** Books a settled call in the task's other scopes; in those that have heard of it already, nothing changes. */
  async #tell(id: string, used: Amounts, scopes: readonly string[]): Promise<void> {
    await Promise.all(scopes.map((key) => this.#records.change(key, (record) => bookHeld(record, id, used))));
  }

  async #changeTask<R>(change: (record: BudgetRecord) => R): Promise<R> {
    const heard = [...this.#heard];
    const value = await this.#records.change(this.#task.key, (record) => {
      const changed = change(record);
      for (const id of heard) if (record.booked.delete(id)) record.done.add(id);
      return changed;
    });
    for (const id of heard) this.#heard.delete(id);
    return value;
  }

  #wish(call: string, wanted: Wanted): Wish {
    return { id: this.#idOf(call), wanted, now: this.#clock.now() };
  }

  #idOf(call: string): string {
    return `${this.#taskId}/${call}`;
  }
}

/** Settles a call in its task's own record. */
function book(record: BudgetRecord, id: string, used: Amounts): void {
  bookHeld(record, id, used);
  record.booked.set(id, used);
}

/** What was used; a cost that nobody knows is what was held for it. */
function withCost(used: Wanted, held: Amounts): Amounts {
  return used.usd === null ? { ...known(used), usd: held.usd ?? 0 } : known(used);
}

function known(wanted: Wanted): Amounts {
  const parts = MEASURES.map((measure) => [measure, exact(wanted[measure] ?? 0)] as const);
  return Object.fromEntries(parts.filter(([, amount]) => amount !== 0));
}

function readEntry(entry: KeyValueEntry | null): BudgetRecord {
  if (entry === null) return emptyRecord();
  try {
    return parseRecord(entry.value);
  } catch (error) {
    throw new StorageError(
      "INTEGRITY",
      `Cannot read what was spent from key "${entry.key}" of bucket "${BUCKET}": it is not what Fettle writes ` +
        `(${messageOf(error)}). Restore it, or delete it to begin at 0.`,
      { cause: error },
    );
  }
}
