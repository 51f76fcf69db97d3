// Reservations in one scope's record: what a call holds while it is under way, and what it is booked with afterwards.
// Invariant: spent and reserved together never go over a limit by a reservation. A call is refused where what is spent
// and its own task holds leaves too little for it; where only calls of other tasks stand in its way, it may wait: they
// give back what they do not use.
//
// Nobody waits for what will not come: a tool call uses all that it holds, a call of the same task may itself be
// waiting for this one, and one that is past its time has lost its process. A run that has a tool call under way may be
// waiting for a task that the tool gave to the mesh: its time is waited for only where else there were none at all.
import { limitOf, type BudgetRecord, type Wanted } from "./budget-record.ts";
import {
  addAmounts,
  describeAmount,
  exact,
  MEASURES,
  type Amounts,
  type Budget,
  type Measure,
  type ScopeName,
} from "./budget.ts";
import { BudgetError } from "./errors.ts";

/** A scope that limits something. */
export interface LimitedScope {
  readonly name: ScopeName;
  readonly budget: Budget;
}

/** What came of trying to reserve. */
export type Holding =
  | { readonly type: "held"; readonly amounts: Amounts }
  /** Calls of others hold what is missing. The first of them must have ended `until`, in milliseconds since 1970. */
  | { readonly type: "occupied"; readonly until: number };

/** A call that reserves. */
export interface Wish {
  /** `<task>/<call>`. */
  readonly id: string;
  readonly wanted: Wanted;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Holds what a call may use, if the scope's limits allow it. Of wall time that may be less than was wanted, whatever
 * is left: the call can be ended in time. A call that is held already keeps what it has, and its time begins anew.
 *
 * @throws BudgetError where waiting does not help; nothing is held then.
 */
export function hold(record: BudgetRecord, scope: LimitedScope, wish: Wish): Holding {
  const { id, wanted, now } = wish;
  const before = record.held.get(id);
  if (before !== undefined) {
    record.held.set(id, { ...before, at: now });
    return { type: "held", amounts: before.amounts };
  }
  const granted: Partial<Record<Measure, number>> = {};
  let until: number | null = null;
  for (const measure of MEASURES) {
    const want = wanted[measure];
    if (want === undefined || want === 0) continue;
    const limit = limitOf(record, scope.budget, measure);
    if (limit === null) {
      if (want !== null) granted[measure] = exact(want);
      continue;
    }
    const spent = record.spent[measure] ?? 0;
    const reserved = record.reserved[measure] ?? 0;
    const left = exact(limit - spent - reserved);
    if (want !== null && exact(want) <= left) {
      granted[measure] = exact(want);
      continue;
    }
    const others = heldByOthers(record, measure, wish);
    const best = exact(left + others.amount);
    const fits = want !== null && (measure === "wallMs" ? best > 0 : exact(want) <= best);
    if (!fits) throw exceeded(scope, id, measure, { limit, spent, reserved, left, want });
    if (measure === "wallMs" && left > 0 && left >= exact(best - others.ofCalling)) granted.wallMs = left;
    else until = Math.min(until ?? Infinity, others.until);
  }
  if (until !== null) return { type: "occupied", until };
  record.held.set(id, { amounts: granted, at: now });
  record.reserved = addAmounts(record.reserved, granted);
  return { type: "held", amounts: granted };
}

/** What calls of other tasks hold and may give back. */
interface Others {
  readonly amount: number;
  /** Of it, what is held by tasks that have a tool call under way. */
  readonly ofCalling: number;
  /** When the first of them must have ended. */
  readonly until: number;
}

function heldByOthers({ held }: BudgetRecord, measure: Measure, { id, now }: Wish): Others {
  const others = { amount: 0, ofCalling: 0, until: Infinity };
  if (measure === "toolCalls") return others;
  const own = taskOf(id);
  const calling = new Set<string>();
  for (const [call, { amounts }] of held) if ((amounts.toolCalls ?? 0) > 0) calling.add(taskOf(call));
  for (const [call, { amounts, at }] of held) {
    const amount = amounts[measure] ?? 0;
    const endsAt = at + (amounts.wallMs ?? Infinity);
    const task = taskOf(call);
    if (amount === 0 || task === own || endsAt <= now) continue;
    others.amount = exact(others.amount + amount);
    if (calling.has(task)) others.ofCalling = exact(others.ofCalling + amount);
    others.until = Math.min(others.until, endsAt);
  }
  return others;
}

function taskOf(call: string): string {
  return call.slice(0, call.indexOf("/"));
}

/** Gives back what a call held; false where it holds nothing. */
export function unhold(record: BudgetRecord, call: string): boolean {
  const held = record.held.get(call);
  if (held === undefined) return false;
  record.held.delete(call);
  record.reserved = addAmounts(record.reserved, negative(held.amounts));
  return true;
}

function negative(amounts: Amounts): Amounts {
  return Object.fromEntries(Object.entries(amounts).map(([measure, amount]) => [measure, -amount]));
}

/** Books what a call used in place of what it held; does nothing where it holds nothing. */
export function bookHeld(record: BudgetRecord, call: string, used: Amounts): void {
  if (unhold(record, call)) record.spent = addAmounts(record.spent, used);
}

/** The end of a call that was under way when the wall time was over that its scope had left for it. */
export function outOfTime(
  scope: LimitedScope,
  call: string,
  { granted, wanted }: { readonly granted: number; readonly wanted: number },
): BudgetError {
  return new BudgetError(
    `Cannot go on with call "${call}": budget "${scope.name}" had ${describeAmount(granted, "wallMs")} left for it, ` +
      `they are over, and it may need ${describeAmount(wanted, "wallMs")}. Raise the budget or approve more.`,
    {
      budget: scope.name,
      measure: "wallMs",
      wanted,
      left: 0,
      onExceeded: scope.budget.onExceeded ?? "fail",
    },
  );
}

function exceeded(
  scope: LimitedScope,
  call: string,
  measure: Measure,
  found: {
    readonly limit: number;
    readonly spent: number;
    readonly reserved: number;
    readonly left: number;
    readonly want: number | null;
  },
): BudgetError {
  const { limit, spent, reserved, want } = found;
  const left = Math.max(0, found.left);
  // It would fit if the calls under way used nothing of what they hold.
  const retryable = want !== null && exact(spent + (measure === "wallMs" ? 1 : want)) <= limit;
  const details = {
    budget: scope.name,
    measure,
    wanted: want,
    left,
    onExceeded: scope.budget.onExceeded ?? ("fail" as const),
    retryable,
  };
  if (want === null) {
    return new BudgetError(
      `Cannot make call "${call}": budget "${scope.name}" limits USD, and the price of the model that would be asked ` +
        `is unknown. Give its price by the option "prices", or limit tokens instead.`,
      details,
    );
  }
  const held = reserved === 0 ? "" : ` and ${describeAmount(reserved, measure)} held by calls under way`;
  const remedy = retryable ? ", or wait until calls under way have ended" : "";
  return new BudgetError(
    `Cannot make call "${call}": it may need ${describeAmount(want, measure)}, and budget "${scope.name}" has ` +
      `${describeAmount(left, measure)} left (${describeAmount(spent, measure)} spent${held}, of ` +
      `${describeAmount(limit, measure)}). Raise the budget or approve more${remedy}.`,
    details,
  );
}
