// What is stored of one scope: what was spent, what is held by calls under way, by how much its limits were raised.
// Invariant: a call's id is held, booked or done, never two of them; so each is counted once, however often it is told.
import { z } from "zod";
import { addAmounts, exact, MEASURES, type Amounts, type Budget, type Measure } from "./budget.ts";

/** What a call may use; `usd` is null where its price is unknown. */
export type Wanted = Omit<Amounts, "usd"> & { readonly usd?: number | null | undefined };

/** What a call under way may use at most. */
export interface Held {
  readonly amounts: Amounts;
  /** When it was reserved, in milliseconds since 1970: with its wall time, when it must have ended. */
  readonly at: number;
}

/** What is stored of one scope. */
export interface BudgetRecord {
  spent: Amounts;
  /** Approvals that lifted the limits, by their ids. */
  readonly raised: Map<string, Amounts>;
  /** What calls under way may use at most, by the ids of the calls: `<task>/<call>`. */
  readonly held: Map<string, Held>;
  /** The sum of what is held. */
  reserved: Amounts;
  /** Of a task's own calls that are settled: what they used, until all scopes of the task have heard of it. */
  readonly booked: Map<string, Amounts>;
  /** Of a task's own calls: those that are settled everywhere. */
  readonly done: Set<string>;
  /** The keys of the other scopes in which the task's calls were reserved. */
  readonly scopes: Set<string>;
}

/** What a scope has used and has left; null stands for no limit. */
export type BudgetStatus = Readonly<
  Record<
    Measure,
    {
      /** What approvals added is in it. */
      readonly limit: number | null;
      readonly spent: number;
      readonly reserved: number;
      /** 0 or more, also where more was spent than the limit. */
      readonly left: number | null;
    }
  >
>;

const amounts = z.partialRecord(z.enum(MEASURES), z.number());
const byId = z.array(z.tuple([z.string(), amounts]));
const stored = z.object({
  spent: amounts,
  raised: byId.optional(),
  held: z.array(z.tuple([z.string(), amounts, z.number()])).optional(),
  booked: byId.optional(),
  done: z.array(z.tuple([z.string(), z.array(z.int())])).optional(),
  scopes: z.array(z.string()).optional(),
});

/** A record of nothing. */
export function emptyRecord(): BudgetRecord {
  return {
    spent: {},
    raised: new Map(),
    held: new Map(),
    reserved: {},
    booked: new Map(),
    done: new Set(),
    scopes: new Set(),
  };
}

/** Reads a record. @throws what zod or JSON.parse throws where the text is none. */
export function parseRecord(text: string): BudgetRecord {
  const record = stored.parse(JSON.parse(text));
  const held = new Map(record.held?.map(([id, amounts, at]) => [id, { amounts, at }]));
  return {
    spent: record.spent,
    raised: new Map(record.raised),
    held,
    reserved: sumOf([...held.values()].map(({ amounts }) => amounts)),
    booked: new Map(record.booked),
    done: expand(record.done ?? []),
    scopes: new Set(record.scopes),
  };
}

/** Writes a record; what is empty is left out. */
export function formatRecord({ spent, raised, held, booked, done, scopes }: BudgetRecord): string {
  const parts = {
    raised: [...raised],
    held: [...held].map(([id, { amounts, at }]) => [id, amounts, at]),
    booked: [...booked],
    scopes: [...scopes],
    done: condense(done),
  };
  const filled = Object.entries(parts).filter(([, part]) => part.length > 0);
  return JSON.stringify({ spent, ...Object.fromEntries(filled) });
}

/** Ids that end in a number by what comes before it and runs of numbers, [first, last, first, last, …]. */
type Condensed = [series: string, runs: number[]][];

/** Ids as they are stored: a task's thousands of calls are counted up, and take a few characters. */
function condense(ids: ReadonlySet<string>): Condensed {
  const series = new Map<string, number[]>();
  for (const id of ids) {
    const [, name = id, digits] = /^(.*?)(0|[1-9]\d{0,14})$/s.exec(id) ?? [];
    const key = digits === undefined ? `=${id}` : `#${name}`;
    const numbers = series.get(key) ?? [];
    series.set(key, numbers);
    if (digits !== undefined) numbers.push(Number(digits));
  }
  return [...series].map(([name, numbers]) => [name, runsOf(numbers.sort((a, b) => a - b))]);
}

function runsOf(sorted: readonly number[]): number[] {
  const runs: number[] = [];
  for (const number of sorted) {
    if (runs.length > 0 && runs.at(-1) === number - 1) runs[runs.length - 1] = number;
    else runs.push(number, number);
  }
  return runs;
}

function expand(condensed: readonly (readonly [string, readonly number[]])[]): Set<string> {
  const ids = new Set<string>();
  for (const [name, runs] of condensed) {
    if (name.startsWith("=")) ids.add(name.slice(1));
    for (let at = 0; at + 1 < runs.length; at += 2) {
      for (let number = runs[at] ?? 0; number <= (runs[at + 1] ?? -1); number += 1) {
        ids.add(`${name.slice(1)}${number}`);
      }
    }
  }
  return ids;
}

/** How a scope stands against its limits. */
export function statusOf(record: BudgetRecord, budget: Budget | undefined): BudgetStatus {
  const status = MEASURES.map((measure) => {
    const spent = record.spent[measure] ?? 0;
    const reserved = record.reserved[measure] ?? 0;
    const limit = limitOf(record, budget, measure);
    const left = limit === null ? null : Math.max(0, exact(limit - spent - reserved));
    return [measure, { limit, spent, reserved, left }];
  });
  return Object.freeze(Object.fromEntries(status)) as BudgetStatus;
}

/** A limit with what approvals added to it; null for none. */
export function limitOf(record: BudgetRecord, budget: Budget | undefined, measure: Measure): number | null {
  const limit = budget?.[measure];
  return limit === undefined ? null : exact(limit + (sumOf(record.raised.values())[measure] ?? 0));
}

function sumOf(parts: Iterable<Amounts>): Amounts {
  let sum: Amounts = {};
  for (const part of parts) sum = addAmounts(sum, part);
  return sum;
}
