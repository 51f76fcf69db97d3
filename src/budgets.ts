// The books of what was spent: a call is reserved in all scopes that it falls under before it is made, and settled after.
// Invariant: in each scope, spent + reserved never goes over its limit by a reservation, whatever tasks and processes do
// at once; a call counts once, however often a restarted task repeats its reservation and its settlement.
//
// The task's own record comes first and goes last: it knows each of its calls, and which scopes must hear of them. So
// whatever a crash leaves half done is finished by the repeat, or by `close`.
import { randomUUID } from "node:crypto";
import {
  bookHeld,
  emptyRecord,
  formatRecord,
  hold,
  parseRecord,
  statusOf,
  unhold,
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
import { messageOf, StorageError } from "./core/errors.ts";
import { requireName } from "./core/names.ts";
import type { KeyValue, KeyValueEntry } from "./core/ports.ts";
import { SharedRecords } from "./shared-records.ts";

const BUCKET = "budgets";

type LimitedScope = { readonly name: ScopeName; readonly key: string; readonly budget: Budget };

/** What one task reserves and settles, in all scopes that it falls under. */
export interface BudgetAccount {
  /** Whether anything is limited; where not, nothing is read or written before `close`. */
  readonly isLimited: boolean;
  /**
   * Reserves what a call may use, in all scopes or in none; gives what it may use, of wall time perhaps less than
   * wanted. Repeated for a call that is reserved or settled, it changes nothing.
   *
   * @throws BudgetError that names the budget; nothing stays reserved then. StorageError
   */
  reserve(call: string, wanted: Wanted): Promise<Amounts>;
  /**
   * Books what a call really used, which may be more than was reserved; what is unknown (`usd: null`) is booked as it
   * was reserved. Repeated, or for a call that is not reserved, it changes nothing.
   *
   * @throws StorageError
   */
  settle(call: string, used: Wanted): Promise<void>;
  /** Gives back what was reserved for a call that used nothing. @throws StorageError */
  release(call: string): Promise<void>;
  /**
   * Ends the account with its task: a call whose end nobody saw is booked as it was reserved, then the task's own
   * record goes. Repeated, it changes nothing.
   *
   * @throws StorageError
   */
  close(): Promise<void>;
}

/** Keeps budgets on any fabric's key-value. */
export class BudgetBook {
  readonly #records: SharedRecords<BudgetRecord>;

  constructor(keyValue: KeyValue) {
    this.#records = new SharedRecords(keyValue, BUCKET, { read: readEntry, write: formatRecord });
  }

  /**
   * The account of a task, under budgets as they are now. Scopes are asked in their order, so that the narrowest
   * should come first; those without a limit are left out.
   *
   * @throws DefinitionError where a name is of no task or scope.
   */
  account(taskId: string, scopes: readonly BudgetScope[]): BudgetAccount {
    requireName(taskId, "The task of a budget account");
    return new Account(this.#records, taskId, scopes);
  }

  /** How a scope stands against its limits, as those are now. @throws StorageError */
  async status(scope: BudgetScope): Promise<BudgetStatus> {
    return statusOf((await this.#records.get(budgetKey(scope.name))) ?? emptyRecord(), scope.budget);
  }

  /** Forgets what a scope has spent and by how much it was raised: for a workflow that has ended. */
  async forget(name: ScopeName): Promise<void> {
    await this.#records.delete(budgetKey(name));
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

class Account implements BudgetAccount {
  readonly isLimited: boolean;
  readonly #records: SharedRecords<BudgetRecord>;
  readonly #taskId: string;
  readonly #task: LimitedScope;
  readonly #others: readonly LimitedScope[];
  /** Calls that all scopes have heard of; the task's record learns it with its next change. */
  readonly #heard = new Set<string>();

  constructor(records: SharedRecords<BudgetRecord>, taskId: string, scopes: readonly BudgetScope[]) {
    this.#records = records;
    this.#taskId = taskId;
    const limited = scopes.flatMap(({ name, budget }) =>
      budget !== undefined && isLimited(budget) ? [{ name, key: budgetKey(name), budget }] : [],
    );
    const name: ScopeName = `task:${taskId}`;
    this.#task = limited.find((scope) => scope.name === name) ?? { name, key: budgetKey(name), budget: {} };
    this.#others = limited.filter((scope) => scope.name !== name);
    this.isLimited = limited.length > 0;
  }

  async reserve(call: string, wanted: Wanted): Promise<Amounts> {
    if (!this.isLimited) return known(wanted);
    const id = this.#idOf(call);
    const first = await this.#changeTask((record) => {
      if (record.done.has(id) || record.booked.has(id)) return null;
      const held = hold(record, this.#task, id, wanted);
      for (const { key } of this.#others) record.scopes.add(key);
      return held;
    });
    if (first === null) return known(wanted);
    let wallMs = first.wallMs ?? 0;
    try {
      for (const scope of this.#others) {
        const held = await this.#records.change(scope.key, (record) => hold(record, scope, id, wanted));
        wallMs = Math.min(wallMs, held.wallMs ?? 0);
      }
    } catch (error) {
      await this.release(call);
      throw error;
    }
    return wallMs === 0 ? first : { ...first, wallMs };
  }

  async settle(call: string, used: Wanted): Promise<void> {
    if (!this.isLimited) return;
    const id = this.#idOf(call);
    const settled = await this.#changeTask((record) => {
      const held = record.held.get(id);
      if (held !== undefined) book(record, id, withCost(used, held));
      return { used: record.booked.get(id), scopes: [...record.scopes] };
    });
    if (settled.used === undefined) return;
    await this.#tell(id, settled.used, settled.scopes);
    this.#heard.add(id);
  }

  async release(call: string): Promise<void> {
    if (!this.isLimited) return;
    const id = this.#idOf(call);
    const task = await this.#records.get(this.#task.key);
    if (task?.held.has(id) !== true) return;
    const drop = (record: BudgetRecord) => unhold(record, id);
    await Promise.all([...task.scopes].map((key) => this.#records.change(key, drop)));
    await this.#changeTask(drop);
  }

  async close(): Promise<void> {
    const task = await this.#records.get(this.#task.key);
    if (task === null) return;
    const { held, booked, scopes } = task;
    const own = (id: string) => id.startsWith(`${this.#taskId}/`);
    if ([...held.keys()].some(own)) {
      // Marked first, so that a crash from here on cannot leave another number here than elsewhere.
      await this.#changeTask((record) => {
        for (const [id, amounts] of [...record.held]) if (own(id)) book(record, id, amounts);
      });
    }
    const open = [...booked, ...held].filter(([id]) => own(id) && !this.#heard.has(id));
    for (const [id, amounts] of open) await this.#tell(id, amounts, [...scopes]);
    await this.#records.delete(this.#task.key);
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
