// The pool on isolates that a script plays: placement, the queue's bound, and what becomes of a lost isolate's runs.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { SandboxError } from "#src/core/errors";
import { defineTool } from "#src/core/tool";
import type { Launch, LinkEvents } from "#src/sandbox/link";
import { Pool, type PoolOptions } from "#src/sandbox/pool";
import type { FromIsolate, GuestCall, ToIsolate } from "#src/sandbox/protocol";
import { errorOf, valueOf } from "./outcome.ts";
import { plan } from "./plan.ts";
import { MemoryRecord, story } from "./record.ts";

const usage = { cpuMs: 1, memoryBytes: 65_536, toolCalls: 0 };

/** An isolate that does nothing but what the test says. */
class Puppet {
  readonly heard: ToIsolate[] = [];
  readonly events: LinkEvents;
  killed = false;

  constructor(events: LinkEvents) {
    this.events = events;
  }

  say(message: FromIsolate): void {
    this.events.message(message);
  }

  /** Numbers of the runs that were started here. */
  get runs(): number[] {
    return this.heard.flatMap((message) => (message.type === "run" ? [message.run] : []));
  }

  turn(run: number, calls: readonly GuestCall[] = []): void {
    this.say({
      type: "turn",
      run,
      calls,
      lines: [],
      wakeAt: 1e9,
      usage: { ...usage, toolCalls: calls.length },
    });
  }

  end(run: number, text: string): void {
    this.say({ type: "end", run, end: { type: "value", text }, calls: [], pending: 0, lines: [], usage });
  }
}

function stage(options: Partial<PoolOptions> = {}): { pool: Pool; puppets: Puppet[] } {
  const puppets: Puppet[] = [];
  const launch: Launch = (events) => {
    const puppet = new Puppet(events);
    puppets.push(puppet);
    return {
      shares: false,
      post: (message) => void puppet.heard.push(message),
      hold: () => undefined,
      kill: async () => {
        puppet.killed = true;
      },
    };
  };
  const engine = { module: {}, bytes: new Uint8Array() };
  const pool = new Pool({
    launch,
    engine,
    isolates: 2,
    guestsPerIsolate: 10,
    maxQueued: 10,
    spares: 0,
    ...options,
  });
  return { pool, puppets };
}

function at(puppets: readonly Puppet[], index: number): Puppet {
  const puppet = puppets[index];
  if (puppet === undefined) throw new Error(`There is no isolate ${index}.`);
  return puppet;
}

describe("placement", () => {
  it("starts runs as soon as an isolate is ready", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    const result = pool.submit(plan("return 1"));
    const puppet = at(puppets, 0);
    expect(puppet.runs).toEqual([]);
    puppet.say({ type: "ready" });
    expect(puppet.runs).toEqual([1]);
    puppet.end(1, "7");
    expect(valueOf(await result)).toBe(7);
    await pool.close();
  });

  it("gives each isolate one run to start at a time, and the next when that one waits", async () => {
    const { pool, puppets } = stage();
    for (const puppet of puppets) puppet.say({ type: "ready" });
    const results = [1, 2, 3, 4].map(() => pool.submit(plan("return 1")));
    expect(puppets.map((puppet) => puppet.runs)).toEqual([[1], [2]]);
    expect(pool.stats()).toMatchObject({ waiting: 2, queued: 2 });
    at(puppets, 1).turn(2);
    expect(puppets.map((puppet) => puppet.runs)).toEqual([[1], [2, 3]]);
    at(puppets, 0).end(1, "1");
    expect(at(puppets, 0).runs).toEqual([1, 4]);
    await pool.close();
    for (const result of results.slice(1)) expect(errorOf(await result).failure).toBe("cancelled");
  });

  it("prefers an isolate that waits over one that computes", async () => {
    const { pool, puppets } = stage();
    for (const puppet of puppets) puppet.say({ type: "ready" });
    void pool.submit(plan("return 1"));
    at(puppets, 0).turn(1);
    at(puppets, 0).say({ type: "pulse", run: 1, allowedMs: 60_000, spares: 0 });
    for (const run of [2, 3]) {
      void pool.submit(plan("return 1"));
      at(puppets, 1).turn(run);
    }
    expect(puppets.map((puppet) => puppet.runs)).toEqual([[1], [2, 3]]);
    await pool.close();
  });

  it("puts no more guests in an isolate than it may hold", async () => {
    const { pool, puppets } = stage({ isolates: 1, guestsPerIsolate: 2 });
    const puppet = at(puppets, 0);
    puppet.say({ type: "ready" });
    for (const run of [1, 2]) {
      void pool.submit(plan("return 1"));
      puppet.turn(run);
    }
    void pool.submit(plan("return 1"));
    expect(puppet.runs).toEqual([1, 2]);
    puppet.end(1, "1");
    expect(puppet.runs).toEqual([1, 2, 3]);
    await pool.close();
  });
});

describe("the queue", () => {
  it("refuses what is beyond its bound, and names the bound", async () => {
    const { pool } = stage({ isolates: 1, maxQueued: 2 });
    const waiting = [pool.submit(plan("return 1")), pool.submit(plan("return 1"))];
    const refused = await pool.submit(plan("return 1")).catch((thrown: unknown) => thrown);
    expect(refused).toBeInstanceOf(SandboxError);
    expect(refused).toMatchObject({ code: "SANDBOX_BUSY", retryable: true });
    expect((refused as Error).message).toContain("2 runs wait already (maxQueued)");
    const settled = Promise.allSettled(waiting);
    await pool.close();
    for (const outcome of await settled)
      expect(outcome).toMatchObject({ reason: { code: "SANDBOX_CLOSED" } });
  });

  it("lets go of a run that is withdrawn", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    const run = plan("return 1");
    const result = pool.submit(run);
    pool.withdraw(run);
    run.fail({ name: "CancelledError", message: "no more", failure: "cancelled" });
    at(puppets, 0).say({ type: "ready" });
    expect(at(puppets, 0).runs).toEqual([]);
    expect(errorOf(await result).failure).toBe("cancelled");
    await pool.close();
  });
});

describe("a lost isolate", () => {
  it("is replaced, and its runs start again elsewhere where nobody has seen anything of them", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    at(puppets, 0).say({ type: "ready" });
    const result = pool.submit(plan("return 1"));
    at(puppets, 0).turn(1);
    at(puppets, 0).events.lost("its thread failed");
    expect(puppets).toHaveLength(2);
    at(puppets, 1).say({ type: "ready" });
    expect(at(puppets, 1).runs).toEqual([2]);
    at(puppets, 1).end(2, '"again"');
    expect(valueOf(await result)).toBe("again");
    await pool.close();
  });

  it("ends the runs that had called a tool, and says that they were not run again", async () => {
    const tool = defineTool({
      description: "Acts.",
      input: z.unknown(),
      execute: () => new Promise(() => {}),
    });
    const { pool, puppets } = stage({ isolates: 1 });
    at(puppets, 0).say({ type: "ready" });
    const result = pool.submit(plan("return 1", { tools: { tool } }));
    at(puppets, 0).turn(1, [{ call: 0, tool: 0, text: "1", at: 0 }]);
    at(puppets, 0).events.lost("its thread failed");
    const error = errorOf(await result);
    expect(error).toMatchObject({ name: "CrashError", failure: "crash" });
    expect(error.message).toMatch(/its thread failed.*not run again/);
    await pool.close();
  });

  it("costs a run that keeps a record nothing: it starts again, and what it had done is not done again", async () => {
    let calls = 0;
    let finish: (output: string) => void = () => undefined;
    const tool = defineTool({
      description: "Acts.",
      input: z.unknown(),
      execute: (input) => {
        calls += 1;
        return input === 1 ? "one" : new Promise<string>((resolve) => (finish = resolve));
      },
    });
    const { pool, puppets } = stage({ isolates: 1 });
    const first = at(puppets, 0);
    first.say({ type: "ready" });
    const lines: string[] = [];
    const record = new MemoryRecord();
    const result = pool.submit(
      plan("return 1", { tools: { tool }, record, onConsole: ({ text }) => lines.push(text) }),
    );
    const one = { call: 0, tool: 0, text: "1", at: 0 };
    const line = { level: 1, text: '"line"' };
    const turn = { type: "turn", lines: [], wakeAt: null, usage } as const;
    first.say({ ...turn, run: 1, calls: [one], lines: [line] });
    await expect.poll(() => first.heard.filter(({ type }) => type === "return")).toHaveLength(1);
    const told = first.heard.find(({ type }) => type === "return");
    const two = { call: 1, tool: 0, text: "2", at: 0 };
    first.say({ ...turn, run: 1, calls: [two] });
    await expect.poll(() => calls).toBe(2);
    first.events.lost("its thread failed");

    const second = at(puppets, 1);
    second.say({ type: "ready" });
    second.say({ ...turn, run: 2, calls: [one], lines: [line] });
    expect(second.heard.find(({ type }) => type === "return")).toEqual({ ...told, run: 2 });
    second.say({ ...turn, run: 2, calls: [two] });
    finish("two");
    await expect.poll(() => story(record.kept)).toContain("1 returned");
    await expect.poll(() => second.heard.at(-1)).toMatchObject({ type: "return", call: 1, text: '"two"' });
    second.end(2, "2");
    expect(valueOf(await result)).toBe(2);
    expect([calls, lines, record.asked]).toEqual([2, ["line"], ["run:0", "run:1"]]);
    await pool.close();
  });

  it("is not blamed for ever: a run that loses isolate after isolate is reported", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    const result = pool.submit(plan("return 1"));
    for (let index = 0; index < 3; index += 1) {
      at(puppets, index).say({ type: "ready" });
      at(puppets, index).events.lost("its thread failed");
    }
    expect(errorOf(await result).message).toContain("lost 3 isolates");
    await pool.close();
  });

  it("that never gets ready refuses the runs that wait, after some tries", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    const result = pool.submit(plan("return 1")).catch((thrown: unknown) => thrown);
    for (let index = 0; index < 3; index += 1) at(puppets, index).events.lost("it has no memory");
    expect(await result).toMatchObject({ code: "SANDBOX_FAILED" });
    expect(((await result) as Error).message).toContain("it has no memory");
    await pool.close();
  });
});

describe("the watchdog", () => {
  it("kills an isolate whose guest has not left in time, ends that guest and starts the others again", async () => {
    const { pool, puppets } = stage({ isolates: 1 });
    const first = at(puppets, 0);
    first.say({ type: "ready" });
    const culprit = pool.submit(plan("return 1", { limits: { cpuMs: 10 } }));
    first.turn(1);
    const victim = pool.submit(plan("return 1"));
    first.turn(2);
    first.say({ type: "pulse", run: 1, allowedMs: 10, spares: 0 });
    expect(errorOf(await culprit)).toMatchObject({ failure: "limit", limit: "cpuMs" });
    expect(first.killed).toBe(true);
    at(puppets, 1).say({ type: "ready" });
    at(puppets, 1).end(3, "3");
    expect(valueOf(await victim)).toBe(3);
    expect(pool.stats()).toMatchObject({ kills: 1, limits: { cpuMs: 1 } });
    await pool.close();
  });
});
