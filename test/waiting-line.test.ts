// Calls that wait for a budget: for others, in turn, and never for what does not come.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetBook } from "#src/budgets";
import type { BudgetScope } from "#src/core/budget";
import type { Fabric } from "#src/core/ports";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { TestClock } from "#src/test-clock";

let fabric: Fabric;
let clock: TestClock;
let book: BudgetBook;
beforeEach(() => {
  fabric = createMemoryFabric();
  clock = new TestClock();
  book = new BudgetBook(fabric.keyValue, { clock });
});
afterEach(() => fabric.close());

const mesh = (budget: BudgetScope["budget"]): BudgetScope => ({ name: "mesh", budget });
const account = (task: string, ...scopes: BudgetScope[]) => book.account(task, scopes);

/** Resolves once nothing goes on by itself in a store in memory. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

/** Collects the names of promises in the order in which they end. */
function ends() {
  const order: string[] = [];
  const watch = <T>(name: string, promise: Promise<T>): Promise<T> => {
    const over = (how: string) => () => void order.push(`${name} ${how}`);
    promise.then(over("held"), over("refused"));
    return promise;
  };
  return { order, watch };
}

describe("a call for which others hold too much", () => {
  const tokens = { tokens: 100 };

  it("waits until they are settled, and goes on with what they left", async () => {
    const { order, watch } = ends();
    const first = account("t1", mesh(tokens));
    const second = account("t2", mesh(tokens));
    await first.reserve("a", { tokens: 80 });
    const reserved = watch("second", second.reserve("a", { tokens: 70 }));
    await quiet();
    expect(order).toEqual([]);
    expect((await book.status(mesh(tokens))).tokens.reserved).toBe(80);
    await first.settle("a", { tokens: 30 });
    expect(await reserved).toEqual({ tokens: 70 });
  });

  it("is refused once what they have spent leaves too little, and by that alone", async () => {
    const first = account("t1", mesh(tokens));
    await first.reserve("a", { tokens: 80 });
    const reserved = account("t2", mesh(tokens)).reserve("a", { tokens: 70 });
    await Promise.all([
      expect(reserved).rejects.toThrow(/has 69 tokens left \(31 tokens spent, of 100 tokens\)/),
      first.settle("a", { tokens: 31 }),
    ]);
  });

  it("goes on when the budget is raised, and when a call of another process ends", async () => {
    const first = account("t1", mesh(tokens));
    await first.reserve("a", { tokens: 80 });
    const second = account("t2", mesh(tokens)).reserve("a", { tokens: 70 });
    await quiet();
    const elsewhere = new BudgetBook(fabric.keyValue, { clock });
    await elsewhere.raise("mesh", { tokens: 50 });
    expect(await second).toEqual({ tokens: 70 });
    const third = account("t3", mesh(tokens)).reserve("a", { tokens: 70 });
    await quiet();
    await elsewhere.account("t1", [mesh(tokens)]).settle("a", { tokens: 0 });
    expect(await third).toEqual({ tokens: 70 });
  });

  it("waits in turn, and lets pass who needs less than there is", async () => {
    const { order, watch } = ends();
    const first = account("t0", mesh(tokens));
    await first.reserve("a", { tokens: 50 });
    await first.reserve("b", { tokens: 50 });
    const amounts = [60, 30, 40];
    const all = amounts.map((amount, index) =>
      watch(String(amount), account(`t${index + 1}`, mesh(tokens)).reserve("a", { tokens: amount })),
    );
    await quiet();
    await first.release("a");
    await quiet();
    expect(order).toEqual(["30 held"]);
    await first.release("b");
    await quiet();
    expect(order).toEqual(["30 held", "60 held"]);
    await account("t1", mesh(tokens)).release("a");
    await Promise.all(all);
    expect(order).toEqual(["30 held", "60 held", "40 held"]);
  });

  it("holds nothing anywhere while it waits, so that others can go on", async () => {
    const coder: BudgetScope = { name: "agent:coder", budget: { modelCalls: 1 } };
    const other = account("t1", mesh({ modelCalls: 1 }));
    await other.reserve("a", { modelCalls: 1 });
    const waiting = account("t2", coder, mesh({ modelCalls: 1 })).reserve("a", { modelCalls: 1 });
    await quiet();
    const free = account("t3", coder);
    await free.reserve("a", { modelCalls: 1 });
    await free.release("a");
    await other.release("a");
    await waiting;
  });

  it("leaves the line when it is aborted, with nothing held, and the next goes on", async () => {
    const first = account("t1", mesh(tokens));
    await first.reserve("a", { tokens: 80 });
    const stop = new AbortController();
    const second = account("t2", mesh(tokens)).reserve("a", { tokens: 90 }, { signal: stop.signal });
    const third = account("t3", mesh(tokens)).reserve("a", { tokens: 60 });
    await quiet();
    // Called in, it is aborted in that very moment: the room that was meant for it is the next one's.
    const released = first.release("a");
    stop.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    await released;
    expect(await third).toEqual({ tokens: 60 });
    expect((await book.status(mesh(tokens))).tokens.reserved).toBe(60);
    expect((await book.status({ name: "task:t2" })).tokens.reserved).toBe(0);
  });

  it("is told of a record that cannot be read", async () => {
    await account("t1", mesh(tokens)).reserve("a", { tokens: 80 });
    const second = account("t2", mesh(tokens)).reserve("a", { tokens: 90 });
    await quiet();
    await fabric.keyValue.put("budgets", "mesh", "{}");
    await expect(second).rejects.toMatchObject({ code: "INTEGRITY" });
  });
});

describe("nobody waits for what does not come", () => {
  it("such as for a call of the same task", async () => {
    const own = account("t1", mesh({ tokens: 100 }));
    await own.reserve("a", { tokens: 80 });
    await expect(own.reserve("b", { tokens: 30 })).rejects.toMatchObject({ retryable: true, left: 20 });
  });

  it("such as for a tool call, which uses all that it holds", async () => {
    const scope = mesh({ toolCalls: 1 });
    await account("t1", scope).reserve("a", { toolCalls: 1 });
    await expect(account("t2", scope).reserve("a", { toolCalls: 1 })).rejects.toMatchObject({ left: 0 });
  });

  it("such as for a call that is past its time: its process has died", async () => {
    const scope = mesh({ tokens: 100 });
    await account("t1", scope).reserve("a", { tokens: 80, wallMs: 1_000 });
    await account("t2", scope).reserve("a", { tokens: 10, wallMs: 5_000 });
    const waiting = account("t3", scope).reserve("a", { tokens: 15 });
    await quiet();
    clock.advance(999);
    await quiet();
    expect((await book.status(scope)).tokens.reserved).toBe(90);
    clock.advance(1);
    await quiet();
    // What is left of others' may still be given back.
    await expect(account("t4", scope).reserve("a", { tokens: 21 })).rejects.toMatchObject({ wanted: 21 });
    await account("t2", scope).settle("a", { tokens: 6 });
    await expect(waiting).rejects.toMatchObject({ wanted: 15, left: 14 });
    // The task was taken up again: its call is made anew, for which others wait.
    await account("t1", scope).reserve("a", { tokens: 80, wallMs: 1_000 });
    const later = account("t5", scope).reserve("a", { tokens: 15 });
    await quiet();
    await account("t1", scope).settle("a", { tokens: 5 });
    expect(await later).toEqual({ tokens: 15 });
  });
});

describe("wall time that others hold", () => {
  it("is waited for, so that a call does not end for want of time that comes free", async () => {
    const scope = mesh({ wallMs: 1_000 });
    const first = account("t1", scope);
    expect(await first.reserve("a", { wallMs: 900 })).toEqual({ wallMs: 900 });
    const second = account("t2", scope).reserve("a", { wallMs: 900 });
    await quiet();
    await first.settle("a", { wallMs: 150 });
    expect(await second).toEqual({ wallMs: 850 });
  });

  it("by a run that waits for a tool is not, where there is any: the tool may wait for this very call", async () => {
    const scope = mesh({ wallMs: 1_000 });
    const run = account("t1", scope);
    await run.reserve("run", { wallMs: 900 });
    await run.reserve("tool", { toolCalls: 1 });
    const child = account("t2", scope);
    expect(await child.reserve("a", { wallMs: 900 })).toEqual({ wallMs: 100 });
    const another = account("t3", scope).reserve("a", { wallMs: 900 });
    await quiet();
    await child.settle("a", { wallMs: 40 });
    expect(await another).toEqual({ wallMs: 60 });
  });
});
