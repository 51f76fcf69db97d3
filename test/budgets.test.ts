// The books of what was spent: limits hold whatever happens at once, and each call counts once.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetBook } from "#src/budgets";
import type { BudgetScope, Measure } from "#src/core/budget";
import { BudgetError } from "#src/core/errors";
import type { Fabric, KeyValue } from "#src/core/ports";
import { createEmbeddedFabric } from "#src/fabric/embedded/fabric";
import { createMemoryFabric } from "#src/fabric/memory/fabric";
import { startProgram } from "./harness/live-program.ts";

/** A mesh that may spend so many tokens. */
const mesh = (tokens: number): BudgetScope => ({ name: "mesh", budget: { tokens } });

/** Counts what reaches a store; `fault` may throw in place of a write. */
function watched(keyValue: KeyValue, fault: (key: string) => void = () => undefined) {
  const counts = { reads: 0, writes: 0 };
  const guard = <R>(key: string, write: () => Promise<R>): Promise<R> => {
    counts.writes += 1;
    fault(key);
    return write();
  };
  const store: KeyValue = Object.assign(Object.create(keyValue) as KeyValue, {
    get: (bucket: string, key: string) => {
      counts.reads += 1;
      return keyValue.get(bucket, key);
    },
    put: (bucket: string, key: string, value: string) => guard(key, () => keyValue.put(bucket, key, value)),
    create: (bucket: string, key: string, value: string) =>
      guard(key, () => keyValue.create(bucket, key, value)),
    update: (bucket: string, key: string, value: string, revision: number) =>
      guard(key, () => keyValue.update(bucket, key, value, revision)),
    delete: (bucket: string, key: string) => guard(key, () => keyValue.delete(bucket, key)),
  });
  return { store, counts };
}

async function refusal(promise: Promise<unknown>): Promise<BudgetError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BudgetError);
  return error as BudgetError;
}

describe("a budget account", () => {
  let fabric: Fabric;
  let book: BudgetBook;
  beforeEach(() => {
    fabric = createMemoryFabric();
    book = new BudgetBook(fabric.keyValue);
  });
  afterEach(() => fabric.close());

  const tokensOf = async (scope: BudgetScope) => (await book.status(scope)).tokens;

  it("holds a call's estimate, then books what it used", async () => {
    const account = book.account("t1", [mesh(1000)]);
    await account.reserve("model-0", { tokens: 400, modelCalls: 1 });
    expect(await tokensOf(mesh(1000))).toEqual({ limit: 1000, spent: 0, reserved: 400, left: 600 });
    await account.settle("model-0", { tokens: 150, modelCalls: 1 });
    expect(await book.status(mesh(1000))).toEqual({
      tokens: { limit: 1000, spent: 150, reserved: 0, left: 850 },
      usd: { limit: null, spent: 0, reserved: 0, left: null },
      wallMs: { limit: null, spent: 0, reserved: 0, left: null },
      modelCalls: { limit: null, spent: 1, reserved: 0, left: null },
      toolCalls: { limit: null, spent: 0, reserved: 0, left: null },
    });
  });

  it("refuses what would go over, naming the budget, what is left, what was wanted and what helps", async () => {
    const account = book.account("t1", [mesh(1000)]);
    await account.reserve("model-0", { tokens: 300 });
    await account.settle("model-0", { tokens: 300 });
    await account.reserve("model-1", { tokens: 400 });
    const error = await refusal(account.reserve("model-2", { tokens: 301 }));
    expect(error.message).toBe(
      'Cannot make call "t1/model-2": it may need 301 tokens, and budget "mesh" has 300 tokens left ' +
        "(300 tokens spent and 400 tokens held by calls under way, of 1000 tokens). " +
        "Raise the budget or approve more, or wait until calls under way have ended.",
    );
    expect(error).toMatchObject({
      code: "BUDGET_EXCEEDED",
      budget: "mesh",
      measure: "tokens",
      wanted: 301,
      left: 300,
      retryable: true,
      onExceeded: "fail",
    });
    const never = await refusal(account.reserve("model-2", { tokens: 701 }));
    expect(never.retryable).toBe(false);
    expect(never.message).toMatch(/Raise the budget or approve more\.$/);
    await account.reserve("model-2", { tokens: 300 });
  });

  it.each<[Measure, number]>([
    ["tokens", 10],
    ["usd", 0.3],
    ["modelCalls", 3],
    ["toolCalls", 3],
  ])("limits %s", async (measure, limit) => {
    const scope: BudgetScope = { name: "agent:coder", budget: { [measure]: limit, onExceeded: "ask" } };
    const account = book.account("t1", [scope]);
    for (const call of ["a", "b", "c"])
      await account.reserve(call, { [measure]: measure === "usd" ? 0.1 : 1 });
    const rest = measure === "tokens" ? 8 : measure === "usd" ? 0.000_000_001 : 1;
    expect(await refusal(account.reserve("d", { [measure]: rest }))).toMatchObject({
      budget: "agent:coder",
      measure,
      onExceeded: "ask",
    });
  });

  it("gives a call the wall time that is left, and refuses it where none is", async () => {
    const scopes: BudgetScope[] = [
      { name: "task:t1", budget: { wallMs: 5_000 } },
      { name: "mesh", budget: { wallMs: 3_000 } },
    ];
    const account = book.account("t1", scopes);
    expect(await account.reserve("a", { wallMs: 2_000, toolCalls: 1 })).toEqual({
      wallMs: 2_000,
      toolCalls: 1,
    });
    expect(await account.reserve("b", { wallMs: 2_000 })).toEqual({ wallMs: 1_000 });
    expect(await account.reserve("b", { wallMs: 2_000 })).toEqual({ wallMs: 1_000 });
    expect(await refusal(account.reserve("c", { wallMs: 1 }))).toMatchObject({
      budget: "mesh",
      measure: "wallMs",
      left: 0,
      retryable: true,
    });
    await account.settle("a", { wallMs: 2_999 });
    await account.release("b");
    expect(await account.reserve("c", { wallMs: 2_000 })).toEqual({ wallMs: 1 });
  });

  it("reserves in all scopes or in none", async () => {
    const scopes: BudgetScope[] = [
      { name: "task:t1", budget: { tokens: 500 } },
      { name: "workflow:w1", budget: { tokens: 400 } },
      { name: "agent:coder", budget: { usd: 1 } },
      mesh(100),
    ];
    const account = book.account("t1", scopes);
    expect((await refusal(account.reserve("a", { tokens: 600, usd: 0.1 }))).budget).toBe("task:t1");
    expect((await refusal(account.reserve("a", { tokens: 450, usd: 0.1 }))).budget).toBe("workflow:w1");
    expect((await refusal(account.reserve("a", { tokens: 50, usd: 1.1 }))).budget).toBe("agent:coder");
    expect((await refusal(account.reserve("a", { tokens: 200, usd: 0.1 }))).budget).toBe("mesh");
    for (const scope of scopes) {
      expect(await book.status(scope)).toMatchObject({ tokens: { reserved: 0 }, usd: { reserved: 0 } });
    }
    await account.reserve("a", { tokens: 100, usd: 0.1 });
    for (const scope of scopes) expect(await book.status(scope)).toMatchObject({ tokens: { reserved: 100 } });
  });

  it("books truly what a call used over its reservation, and refuses the next", async () => {
    const account = book.account("t1", [mesh(100)]);
    await account.reserve("a", { tokens: 90 });
    await account.settle("a", { tokens: 130 });
    expect(await tokensOf(mesh(100))).toEqual({ limit: 100, spent: 130, reserved: 0, left: 0 });
    expect((await refusal(account.reserve("b", { tokens: 1 }))).left).toBe(0);
    await account.reserve("tool", { toolCalls: 1 });
  });

  it("refuses a call of unknown price under a limit of dollars only, and says how to give the price", async () => {
    const dollars: BudgetScope = { name: "mesh", budget: { usd: 5 } };
    const error = await refusal(book.account("t1", [dollars]).reserve("a", { tokens: 10, usd: null }));
    expect(error).toMatchObject({ measure: "usd", wanted: null, retryable: false });
    expect(error.message).toContain('"prices"');
    const account = book.account("t2", [mesh(100)]);
    await account.reserve("a", { tokens: 10, usd: null });
    await account.settle("a", { tokens: 10, usd: null });
    expect((await book.status(dollars)).usd.spent).toBe(0);
  });

  it("books the estimate where a call's true cost is unknown", async () => {
    const dollars: BudgetScope = { name: "mesh", budget: { usd: 5 } };
    const account = book.account("t1", [dollars]);
    await account.reserve("a", { usd: 0.25 });
    await account.settle("a", { usd: null, tokens: 7 });
    expect(await book.status(dollars)).toMatchObject({ usd: { spent: 0.25 }, tokens: { spent: 7 } });
  });

  it("writes and reads nothing where nothing is limited", async () => {
    const { store, counts } = watched(fabric.keyValue);
    const account = new BudgetBook(store).account("t1", [
      { name: "mesh" },
      { name: "agent:coder", budget: {} },
    ]);
    expect(account.isLimited).toBe(false);
    expect(await account.reserve("a", { tokens: 5, usd: null })).toEqual({ tokens: 5 });
    await account.settle("a", { tokens: 5 });
    await account.release("a");
    expect(counts).toEqual({ reads: 0, writes: 0 });
    await account.close();
    expect(counts).toEqual({ reads: 1, writes: 0 });
  });

  it("counts a changed limit at once", async () => {
    await book.account("t1", [mesh(100)]).reserve("a", { tokens: 100 });
    await book.account("t1", [mesh(100)]).settle("a", { tokens: 100 });
    await refusal(book.account("t2", [mesh(100)]).reserve("a", { tokens: 1 }));
    await book.account("t2", [mesh(101)]).reserve("a", { tokens: 1 });
  });

  it("lifts a limit by an approval, which counts once by its id", async () => {
    const account = book.account("t1", [mesh(100)]);
    await account.reserve("a", { tokens: 100 });
    await refusal(account.reserve("b", { tokens: 50 }));
    for (let time = 0; time < 3; time += 1) await book.raise("mesh", { tokens: 50 }, { id: "approval-1" });
    await account.reserve("b", { tokens: 50 });
    expect(await tokensOf(mesh(100))).toEqual({ limit: 150, spent: 0, reserved: 150, left: 0 });
    await book.raise("mesh", { tokens: 5 });
    await book.raise("mesh", { tokens: 5 });
    expect((await tokensOf(mesh(100))).left).toBe(10);
  });

  it("counts a reservation, a settlement and a release once, however often they are repeated", async () => {
    const account = book.account("t1", [mesh(100)]);
    for (let time = 0; time < 3; time += 1) await account.reserve("a", { tokens: 60 });
    expect((await tokensOf(mesh(100))).reserved).toBe(60);
    for (let time = 0; time < 3; time += 1) await account.settle("a", { tokens: 40 });
    for (let time = 0; time < 3; time += 1) await account.reserve("a", { tokens: 60 });
    await account.settle("a", { tokens: 1 });
    await account.release("a");
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 40, reserved: 0 });
    await account.reserve("b", { tokens: 60 });
    for (let time = 0; time < 3; time += 1) await account.release("b");
    await account.settle("b", { tokens: 60 });
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 40, reserved: 0 });
  });

  it("knows a task's calls after thousands of them, in a few characters", async () => {
    const account = book.account("t1", [mesh(1_000_000)]);
    for (let call = 0; call < 1000; call += 1) {
      await account.reserve(`1:${call}`, { toolCalls: 1 });
      await account.settle(`1:${call}`, { toolCalls: 1 });
    }
    const stored = await fabric.keyValue.get("budgets", "task.t1");
    expect(stored?.value.length).toBeLessThan(250);
    const later = new BudgetBook(fabric.keyValue).account("t1", [mesh(1_000_000)]);
    for (const call of ["1:0", "1:500", "1:999"]) {
      await later.reserve(call, { toolCalls: 1 });
      await later.settle(call, { toolCalls: 1 });
    }
    expect((await book.status(mesh(1))).toolCalls).toMatchObject({ spent: 1000, reserved: 0 });
  });

  it("keeps what was spent, and drops what it knew of the task, when the task ends", async () => {
    const account = book.account("t1", [mesh(100), { name: "task:t1", budget: { tokens: 80 } }]);
    await account.reserve("a", { tokens: 30 });
    await account.settle("a", { tokens: 20 });
    await account.reserve("unseen", { tokens: 5 });
    await account.close();
    await account.close();
    expect(await fabric.keyValue.keys("budgets")).toEqual(["mesh"]);
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 25, reserved: 0 });
  });

  it("books at the task's end what was reserved before its budgets were taken away", async () => {
    const before = book.account("t1", [mesh(100)]);
    await before.reserve("a", { tokens: 30 });
    const after = new BudgetBook(fabric.keyValue).account("t1", [{ name: "mesh" }]);
    await after.settle("a", { tokens: 20 });
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 0, reserved: 30 });
    await after.close();
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 30, reserved: 0 });
  });

  it("leaves what other tasks reserved in a task's budget alone when that task ends", async () => {
    const parent: BudgetScope = { name: "task:parent", budget: { tokens: 100 } };
    const child = book.account("child", [parent, mesh(100)]);
    await child.reserve("a", { tokens: 10 });
    await book.account("parent", [parent, mesh(100)]).close();
    await child.settle("a", { tokens: 7 });
    await child.close();
    expect(await tokensOf(mesh(100))).toMatchObject({ spent: 7, reserved: 0 });
  });

  it("names the key of a record that it did not write", async () => {
    await fabric.keyValue.put("budgets", "mesh", '{"spent":"much"}');
    await expect(book.account("t", [mesh(1)]).reserve("a", { tokens: 1 })).rejects.toMatchObject({
      code: "INTEGRITY",
      message: expect.stringContaining('key "mesh" of bucket "budgets"') as string,
    });
  });

  it("refuses a task or scope of no name", () => {
    expect(() => book.account("../x", [])).toThrow(/not a valid name/);
    expect(() => book.account("t", [{ name: "task:a b", budget: { tokens: 1 } }])).toThrow(
      /not a valid name/,
    );
  });

  it.each(["repeat", "close"])("mends by its %s whatever a crash left at any of its writes", async (end) => {
    const scopes: BudgetScope[] = [
      { name: "task:t1", budget: { tokens: 100 } },
      { name: "workflow:w", budget: { tokens: 100 } },
      mesh(100),
    ];
    const live = async (own: BudgetBook): Promise<void> => {
      const account = own.account("t1", scopes);
      await account.reserve("a", { tokens: 50 });
      await account.settle("a", { tokens: 30 });
      await account.reserve("b", { tokens: 20 });
      await account.release("b");
      await account.reserve("c", { tokens: 50 });
      await account.close();
    };
    for (let at = 1; ; at += 1) {
      const own = createMemoryFabric();
      const { store, counts } = watched(own.keyValue, () => {
        if (counts.writes >= at) throw new Error("the process died");
      });
      const died = await live(new BudgetBook(store)).then(
        () => false,
        () => true,
      );
      // The task is repeated, or was cancelled meanwhile and only ended.
      const again = new BudgetBook(own.keyValue);
      if (died && end === "repeat") await live(again);
      if (died && end === "close") await again.account("t1", scopes).close();
      for (const scope of scopes.slice(1)) {
        const { tokens } = await again.status(scope);
        expect(tokens, `${scope.name}, killed at write ${at}`).toMatchObject({ reserved: 0 });
        if (end === "repeat") expect(tokens.spent).toBe(80);
      }
      expect(await own.keyValue.keys("budgets", "task.")).toEqual([]);
      await own.close();
      if (died) continue;
      expect(at).toBeGreaterThan(15);
      return;
    }
  });
});

/** Resolves once nothing goes on by itself in a store in memory. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

/** Scopes of the property test, narrowest first, and what they allow. */
const LIMITS = { task: 120, agent: 200, mesh: 260 };

describe("several books on one store", () => {
  const step = fc.record({
    book: fc.nat(2),
    task: fc.nat(2),
    call: fc.nat(3),
    amount: fc.integer({ min: 1, max: 80 }),
    act: fc.constantFrom("reserve", "settle", "release", "crash" as const),
  });

  it("never go over a limit, and have booked in the end what was settled", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 12 }), async (rounds) => {
        const fabric = createMemoryFabric();
        const open = () => new BudgetBook(fabric.keyValue);
        const books = [open(), open(), open()];
        const scopesOf = (task: number): BudgetScope[] => [
          { name: `task:t${task}`, budget: { tokens: LIMITS.task } },
          { name: "agent:coder", budget: { tokens: LIMITS.agent } },
          { name: "mesh", budget: { tokens: LIMITS.mesh } },
        ];
        // The model: what each call of each task holds or has used, by what the book has answered.
        const held = new Map<string, number>();
        const used = new Map<string, number>();
        const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
        for (const round of rounds) {
          // Of one call, one thing at a time, as in a task; of different calls, all at once.
          const distinct = [...new Map(round.map((one) => [`t${one.task}/${one.call}`, one])).entries()];
          const waiting = new AbortController();
          const acting = Promise.all(
            distinct.map(async ([id, { book, task, call, amount, act }]) => {
              const account = (books[book] ?? open()).account(`t${task}`, scopesOf(task));
              if (act === "crash") books[book] = open();
              else if (act === "release") {
                await account.release(String(call));
                held.delete(id);
              } else if (act === "settle") {
                await account.settle(String(call), { tokens: amount });
                // Never more than was held: what providers count otherwise has a test of its own.
                if (held.delete(id)) used.set(id, amount);
              } else {
                try {
                  await account.reserve(String(call), { tokens: amount }, { signal: waiting.signal });
                  if (!used.has(id) && !held.has(id)) held.set(id, amount);
                } catch (error) {
                  if (!(error instanceof BudgetError) && error !== "enough") throw error;
                  expect(held.has(id) || used.has(id)).toBe(false);
                }
              }
            }),
          );
          await quiet();
          waiting.abort("enough");
          await acting;
          const { tokens } = await open().status({ name: "mesh", budget: { tokens: LIMITS.mesh } });
          expect(tokens.spent).toBe(sum(used.values()));
          expect(tokens.reserved).toBe(sum(held.values()));
        }
        for (let task = 0; task < 3; task += 1) {
          const account = open().account(`t${task}`, scopesOf(task));
          for (const [id, amount] of held) {
            if (!id.startsWith(`t${task}/`)) continue;
            await account.settle(id.slice(3), { tokens: amount });
            used.set(id, amount);
          }
          await account.close();
        }
        for (const name of ["agent:coder", "mesh"] as const) {
          const { tokens } = await open().status({ name, budget: { tokens: 1e9 } });
          expect(tokens).toMatchObject({ spent: sum(used.values()), reserved: 0 });
        }
        await fabric.close();
      }),
      { numRuns: 100 },
    );
  });

  const work = fc.record({
    book: fc.nat(2),
    agent: fc.nat(1),
    calls: fc.array(
      fc.record({
        wanted: fc.integer({ min: 1, max: 60 }),
        used: fc.double({ min: 0, max: 1, noNaN: true }),
        fails: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  });

  it("refuse a call by what is spent alone, and never let others spend over a limit meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 300 }),
        fc.array(work, { maxLength: 12 }),
        async (ofMesh, ofAgent, tasks) => {
          const fabric = createMemoryFabric();
          const books = Array.from({ length: 3 }, () => new BudgetBook(fabric.keyValue));
          const agentScope = (agent: number): BudgetScope => ({
            name: `agent:a${agent}`,
            budget: { tokens: ofAgent },
          });
          const refused: { wanted: number; agent: number }[] = [];
          const spent = [0, 0];
          await Promise.all(
            tasks.map(async ({ book, agent, calls }, index) => {
              const account = books[book]?.account(`t${index}`, [agentScope(agent), mesh(ofMesh)]);
              for (const [number, { wanted, used, fails }] of calls.entries()) {
                try {
                  await account?.reserve(`model-${number}`, { tokens: wanted });
                } catch (error) {
                  if (!(error instanceof BudgetError)) throw error;
                  refused.push({ wanted, agent });
                  continue;
                }
                for (const scope of [agentScope(agent), mesh(ofMesh)]) {
                  const { tokens } = await new BudgetBook(fabric.keyValue).status(scope);
                  expect(tokens.spent + tokens.reserved).toBeLessThanOrEqual(tokens.limit ?? 0);
                }
                const amount = Math.round(wanted * used);
                if (fails) await account?.release(`model-${number}`);
                else await account?.settle(`model-${number}`, { tokens: amount });
                if (!fails) spent[agent] = (spent[agent] ?? 0) + amount;
              }
              await account?.close();
            }),
          );
          const total = (spent[0] ?? 0) + (spent[1] ?? 0);
          expect((await new BudgetBook(fabric.keyValue).status(mesh(ofMesh))).tokens).toMatchObject({
            spent: total,
            reserved: 0,
          });
          for (const { wanted, agent } of refused) {
            expect(total + wanted > ofMesh || (spent[agent] ?? 0) + wanted > ofAgent).toBe(true);
          }
          await fabric.close();
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("on the embedded fabric", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-budgets-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ["hammer one folder", 20_000, 100],
    ["wait for what the other holds", 2_000, 600],
  ])(
    "two processes that %s never overspend together",
    async (_what, limit, wanted) => {
      const spender = new URL("./spender.mjs", import.meta.url);
      const names = ["a", "b"];
      const programs = names.map((name) => startProgram(spender, [folder, name, `${limit}`, `${wanted}`]));
      const reports = await Promise.all(
        programs.map(async ({ lines, ended }) => {
          const { value } = (await lines.next()) as { value: string };
          expect(await ended).toMatchObject({ code: 0 });
          return JSON.parse(value) as { spent: number; refused: number; highest: number };
        }),
      );
      await using fabric = createEmbeddedFabric({ dataDirectory: folder });
      const { tokens } = await new BudgetBook(fabric.keyValue).status(mesh(limit));
      const spent = reports.reduce((sum, report) => sum + report.spent, 0);
      expect(tokens).toEqual({ limit, spent, reserved: 0, left: limit - spent });
      for (const report of reports) {
        expect(report.highest).toBeLessThanOrEqual(limit);
        // Each of its eight tasks was refused once, and by what was spent: so less than one call is left.
        expect(report.refused).toBe(8);
      }
      expect(tokens.left).toBeLessThan(wanted);
    },
    60_000,
  );

  it("spends once over restarts of the process", async () => {
    for (let start = 0; start < 3; start += 1) {
      await using fabric = createEmbeddedFabric({ dataDirectory: folder });
      const account = new BudgetBook(fabric.keyValue).account("t1", [mesh(100)]);
      await account.reserve("a", { tokens: 60 });
      if (start > 0) await account.settle("a", { tokens: 40 });
    }
    await using fabric = createEmbeddedFabric({ dataDirectory: folder });
    const { tokens } = await new BudgetBook(fabric.keyValue).status(mesh(100));
    expect(tokens).toEqual({ limit: 100, spent: 40, reserved: 0, left: 60 });
  });

  it("writes a thousand reservations that come at once together", async () => {
    await using fabric = createEmbeddedFabric({ dataDirectory: folder });
    const { store, counts } = watched(fabric.keyValue);
    const book = new BudgetBook(store);
    const scope: BudgetScope = { name: "mesh", budget: { toolCalls: 1000 } };
    const account = book.account("t1", [scope]);
    await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        await account.reserve(`1:${index}`, { toolCalls: 1 });
        await account.settle(`1:${index}`, { toolCalls: 1 });
      }),
    );
    expect((await book.status(scope)).toolCalls).toEqual({ limit: 1000, spent: 1000, reserved: 0, left: 0 });
    expect(counts.writes).toBeLessThan(100);
  });
});
