// The record of a run: what is recorded is repeated and not done again; what does not follow its record ends.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type {
  ExecuteOptions,
  ExecuteResult,
  GatedCall,
  RecordedReturn,
  ToolCallEvent,
} from "#src/core/guest";
import { defineTool, type ToolSet } from "#src/core/tool";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";
import { openSandbox } from "./place.ts";
import { MemoryRecord, story } from "./record.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 1 });
});
afterAll(() => sandbox.close());

const entropy = { seed: 7, startedAt: Date.UTC(2025, 5, 1) };

/** Tools that note their calls: `echo` answers at once, `late` after as many milliseconds, `open` when it is let. */
function bench(): { tools: ToolSet; made: string[]; open: (() => void)[]; aborted: string[] } {
  const made: string[] = [];
  const open: (() => void)[] = [];
  const aborted: string[] = [];
  const note = (name: string, input: unknown, info: { callId: string; signal: AbortSignal }): void => {
    made.push(`${info.callId} ${name} ${JSON.stringify(input)}`);
    info.signal.addEventListener("abort", () => aborted.push(info.callId));
  };
  const tools = {
    echo: defineTool({
      description: "Gives back.",
      input: z.unknown(),
      execute: (input, info) => {
        note("echo", input, info);
        return input;
      },
    }),
    late: defineTool({
      description: "Waits.",
      input: z.number(),
      execute: async (ms, info) => {
        note("late", ms, info);
        await new Promise((resolve) => setTimeout(resolve, ms));
        return ms;
      },
    }),
    open: defineTool({
      description: "Waits until it is let.",
      input: z.unknown(),
      execute: async (input, info) => {
        note("open", input, info);
        await new Promise<void>((resolve) => open.push(resolve));
        return input;
      },
    }),
    fail: defineTool({
      description: "Fails.",
      input: z.string(),
      execute: (input, info): never => {
        note("fail", input, info);
        throw new RangeError(`no ${input}`);
      },
    }),
  };
  return { tools, made, open, aborted };
}

function run(
  code: string,
  record: MemoryRecord,
  tools: ToolSet,
  more: ExecuteOptions = {},
): Promise<ExecuteResult> {
  return sandbox.execute(code, { tools, record, entropy, runId: "run", ...more });
}

/** What a repeat must not change. */
function outcome(result: ExecuteResult): unknown {
  const { console } = result;
  return result.ok ? { value: result.value, console } : { error: result.error, console };
}

describe("a recorded run", () => {
  it("records each call before it is made and each return before the guest hears of it", async () => {
    const { tools, made } = bench();
    const record = new MemoryRecord();
    const seen: string[] = [];
    const spy = defineTool({
      description: "Looks at the record.",
      input: z.string(),
      execute: () => void seen.push(...story(record.kept)),
    });
    const code = "const a = await tools.echo('x'); await tools.spy(a); result = await tools.late(1)";
    expect(valueOf(await run(code, record, { ...tools, spy }))).toBe(1);
    expect(seen).toEqual(["0 called", "0 returned", "1 called"]);
    expect(story(record.kept)).toEqual([...seen, "1 returned", "2 called", "2 returned"]);
    expect(record.kept[0]).toEqual({
      type: "tool-called",
      call: 0,
      at: entropy.startedAt,
      tool: "echo",
      input: '"x"',
    });
    expect(record.kept[1]).toMatchObject({ ok: true, text: '"x"' });
    expect(made).toEqual(['run:0 echo "x"', "run:2 late 1"]);
  });

  it("records what failed and what was refused, with the words that the guest hears", async () => {
    const { tools, made } = bench();
    const gated: GatedCall[] = [];
    const record = new MemoryRecord([], {
      verdict: (call) => {
        gated.push(call);
        return call.problem === null ? "call" : "hold";
      },
    });
    const code =
      "const seen = []; for (const act of [() => tools.late('x'), () => tools.fail('row')]) " +
      "try { await act(); } catch (e) { seen.push([e.name, e.message]); } result = seen;";
    const value = valueOf(await run(code, record, tools)) as [string, string][];
    expect(value.map(([name]) => name)).toEqual(["ToolInputError", "RangeError"]);
    expect(made).toEqual(['run:1 fail "row"']);
    expect(gated.map(({ callId, value: input, problem }) => [callId, input, problem !== null])).toEqual([
      ["run:0", undefined, true],
      ["run:1", "row", false],
    ]);
    const texts = record.kept.flatMap((entry) => (entry.type === "tool-returned" ? [entry.text] : []));
    expect(texts.map((text) => (JSON.parse(text) as string[]).slice(0, 2))).toEqual(value);
    const again = bench();
    expect(valueOf(await run(code, new MemoryRecord(record.kept), again.tools))).toEqual(value);
    expect(again.made).toEqual([]);
  });

  it("hears returns in the order in which they were given to the record, however long that takes", async () => {
    const { tools } = bench();
    const given: number[] = [];
    class Slow extends MemoryRecord {
      override async returned(entry: RecordedReturn): Promise<void> {
        given.push(entry.call);
        await new Promise((resolve) => setTimeout(resolve, entry.call === 1 ? 40 : 1));
      }
    }
    const code =
      "const order = []; const note = (n) => (v) => order.push([n, v]); setTimeout(() => order.push('timer'), 20);" +
      "await Promise.all([tools.late(12).then(note(0)), tools.late(1).then(note(1)), tools.late(6).then(note(2))]);" +
      "await new Promise((r) => setTimeout(r, 25)); result = order";
    const value = valueOf(await run(code, new Slow(), tools)) as (unknown[] | string)[];
    const heard = value.filter((entry) => entry !== "timer").map((entry) => entry[0]);
    expect(heard).toEqual(given);
    expect(value).toContain("timer");
  });

  it("goes on with its timers while a call is under way, and while the record is asked about one", async () => {
    const { tools } = bench();
    const code =
      "result = []; for (const ms of [5, 10]) result.push(await Promise.race([tools.open(1), new Promise((r) => setTimeout(r, ms, ms))]))";
    expect(valueOf(await run(code, new MemoryRecord(), tools))).toEqual([5, 10]);
    const silent = new MemoryRecord([], { verdict: () => new Promise(() => {}) });
    expect(valueOf(await run(code, silent, tools))).toEqual([5, 10]);
  });

  it("needs entropy and a run id, without which it could not be repeated", async () => {
    const record = new MemoryRecord();
    await expect(sandbox.execute("result = 1", { record, runId: "r" })).rejects.toThrow(/option entropy/);
    await expect(sandbox.execute("result = 1", { record, entropy })).rejects.toThrow(/option runId/);
  });
});

describe("a repeated run", () => {
  const race =
    "const t0 = Date.now(); const log = []; const say = (w) => { log.push([w, Date.now() - t0, Math.random()]); console.log(w, Date.now() - t0); };" +
    "const sleep = (ms, w) => new Promise((r) => setTimeout(() => { say('t' + w); r('timer'); }, ms));" +
    "const all = [8, 1, 5, 3].map((ms, i) => tools.late(ms).then((v) => say('r' + i)));" +
    "say(await Promise.race([sleep(4, 'a'), tools.late(4)])); await Promise.all([...all, sleep(9, 'b')]);" +
    "const each = setInterval(() => say('each'), 2); await tools.late(7); clearInterval(each); result = log";

  it("sees the same times, chance, timers and order, and calls nothing again", async () => {
    const first = bench();
    const record = new MemoryRecord();
    const limits = { concurrentToolCalls: 2 };
    const live = await run(race, record, first.tools, { limits });
    expect(first.made).toHaveLength(6);
    const again = bench();
    const events: ToolCallEvent[] = [];
    const second = new MemoryRecord(record.kept);
    const repeated = await run(race, second, again.tools, { limits, onTool: (event) => events.push(event) });
    expect(outcome(repeated)).toEqual(outcome(live));
    expect(repeated.usage.toolCalls).toBe(6);
    expect([again.made, events, second.asked]).toEqual([[], [], []]);
    expect(second.kept).toEqual(record.kept);
  });

  it("does not wait for what it waited for at first", async () => {
    const { tools } = bench();
    const at = entropy.startedAt;
    const record = new MemoryRecord([
      { type: "tool-called", call: 0, at: at + 3_600_000, tool: "echo", input: "1" },
      { type: "tool-returned", call: 0, at: at + 7_200_000, ok: true, text: "2" },
    ]);
    const code =
      "const t0 = Date.now(); await new Promise((r) => setTimeout(r, 36e5)); const v = await tools.echo(1); result = [v, Date.now() - t0]";
    expect(valueOf(await run(code, record, tools))).toEqual([2, 7_200_000]);
  });

  it("makes calls again that had not returned, with the same id, once it is where the record ends", async () => {
    const { tools, made } = bench();
    const at = entropy.startedAt;
    const record = new MemoryRecord([
      { type: "tool-called", call: 0, at, tool: "late", input: "0" },
      { type: "tool-called", call: 1, at, tool: "echo", input: '"a"' },
      { type: "tool-returned", call: 1, at: at + 5000, ok: true, text: '"recorded"' },
      { type: "tool-called", call: 2, at: at + 6000, tool: "echo", input: '"b"' },
    ]);
    const events: ToolCallEvent[] = [];
    const code =
      "const t0 = Date.now(); const a = tools.late(0).then(() => Date.now()); const b = await tools.echo('a');" +
      "await new Promise((r) => setTimeout(r, 1000)); const c = await tools.echo('b'); const d = await tools.echo('c');" +
      "result = [b, c, d, (await a) - t0 >= 6000]";
    const result = await run(code, record, tools, { onTool: (event) => events.push(event) });
    expect(valueOf(result)).toEqual(["recorded", "b", "c", true]);
    expect(made.sort()).toEqual(["run:0 late 0", 'run:2 echo "b"', 'run:3 echo "c"']);
    expect(record.asked).toEqual(["run:0", "run:2", "run:3"]);
    expect(story(record.kept).slice(0, 4)).toEqual(story(record.entries));
    expect(record.kept.filter(({ type }) => type === "tool-called")).toHaveLength(4);
    expect(events.filter(({ callId }) => callId === "run:1")).toEqual([]);
    const third = new MemoryRecord(record.kept);
    const none = bench();
    expect(outcome(await run(code, third, none.tools))).toEqual(outcome(result));
    expect(none.made).toEqual([]);
  });

  it("goes on from the time at which its record ends, whatever time has passed since", async () => {
    const { tools } = bench();
    const at = entropy.startedAt;
    const record = new MemoryRecord([
      { type: "tool-called", call: 0, at, tool: "echo", input: "1" },
      { type: "tool-returned", call: 0, at: at + 86_400_000, ok: true, text: "1" },
    ]);
    const code =
      "const t0 = Date.now(); await tools.echo(1); await new Promise((r) => setTimeout(r, 10)); await tools.late(1); result = Date.now() - t0 - 864e5";
    const passed = valueOf(await run(code, record, tools)) as number;
    expect(passed).toBeGreaterThanOrEqual(10);
    expect(passed).toBeLessThan(60_000);
  });

  it("takes a return that the guest's end had overtaken", async () => {
    const { tools, made } = bench();
    const at = entropy.startedAt;
    const record = new MemoryRecord([
      { type: "tool-called", call: 0, at, tool: "echo", input: "1" },
      { type: "tool-returned", call: 0, at: at + 20, ok: true, text: "1" },
    ]);
    const code = "void tools.echo(1); await new Promise((r) => setTimeout(r, 10)); result = 'first'";
    const result = await run(code, record, tools);
    expect(valueOf(result)).toBe("first");
    expect(result.console.map(({ level }) => level)).toEqual(["warn"]);
    expect(made).toEqual([]);
  });

  it("has its whole time again", async () => {
    const { tools } = bench();
    const at = entropy.startedAt;
    const record = new MemoryRecord([
      { type: "tool-called", call: 0, at, tool: "echo", input: "1" },
      { type: "tool-returned", call: 0, at: at + 9_000_000, ok: true, text: "1" },
    ]);
    const result = await run("await tools.echo(1); result = await tools.late(1)", record, tools, {
      limits: { timeoutMs: 20_000 },
    });
    expect(valueOf(result)).toBe(1);
  });
});

describe("a run that does not follow its record", () => {
  const code = "const a = await tools.echo('one'); const b = await tools.echo('two'); result = [a, b]";

  const at = entropy.startedAt;
  const record = new MemoryRecord([
    { type: "tool-called", call: 0, at, tool: "echo", input: '"one"' },
    { type: "tool-returned", call: 0, at: at + 5, ok: true, text: "1" },
    { type: "tool-called", call: 1, at: at + 5, tool: "echo", input: '"two"' },
    { type: "tool-returned", call: 1, at: at + 9, ok: true, text: "2" },
  ]);

  it("is another run than the one that does", async () => {
    expect(valueOf(await run(code, record, bench().tools))).toEqual([1, 2]);
  });

  async function diverge(changed: string): Promise<{ message: string; made: string[] }> {
    const { tools, made } = bench();
    const error = errorOf(await run(changed, record, tools));
    expect(error).toMatchObject({ name: "DivergedError", failure: "diverged" });
    return { message: error.message, made };
  }

  it.each([
    [
      "another input",
      code.replace("two", "three"),
      'its call 1 is recorded as echo("two") and the code made echo("three")',
    ],
    [
      "another tool",
      code.replace("tools.echo('two')", "tools.fail('two')"),
      'recorded as echo("two") and the code made fail("two")',
    ],
    ["another time", "void tools.echo('one'); await tools.echo('two')", "ms of guest time earlier"],
    [
      "no call, and an end",
      "result = await tools.echo('one')",
      'its call 1 is recorded as echo("two") and the code ended without making it',
    ],
    ["no call at all", "result = 1", 'its call 0 is recorded as echo("one") and the code ended'],
    ["no call, and an error", "throw new Error('other')", "the code ended without making it"],
    [
      "no call, and a wait for a tool",
      "void tools.echo('one'); await new Promise(() => {})",
      'recorded as echo("two") and the code ended',
    ],
    [
      "no call, and a wait for a timer",
      "await tools.echo('one'); await new Promise((r) => setTimeout(r, 1e5)); result = 1",
      'recorded as echo("two") and the code waits without making it',
    ],
    ["what cannot be parsed", "const", 'its call 0 is recorded as echo("one") and the code ended'],
  ])("ends where it does something else: %s", async (_, changed, message) => {
    const found = await diverge(changed);
    expect(found.message).toContain(message);
    expect(found.message).toContain("only with the code, context, tools, limits and entropy");
    expect(found.made).toEqual([]);
  });

  it("is told apart by the part of a long input that differs", async () => {
    const long = (end: string): string => `result = await tools.echo('x'.repeat(5000) + '${end}')`;
    const kept = new MemoryRecord();
    valueOf(await run(long("left"), kept, bench().tools));
    const { message } = errorOf(await run(long("right"), new MemoryRecord(kept.kept), bench().tools));
    expect(message).toContain("left");
    expect(message).toContain("right");
    expect(message.length).toBeLessThan(600);
  });

  it("makes none of its new calls before it is where the record ends", async () => {
    const { tools, made } = bench();
    const more = "void tools.echo('one'); void tools.late(1); await tools.echo('two'); result = 1";
    expect(errorOf(await run(more, record, tools)).failure).toBe("diverged");
    expect(made).toEqual([]);
  });

  it("is refused where the record itself holds a return twice", async () => {
    const twice = { type: "tool-returned", call: 0, at: entropy.startedAt, ok: true, text: "1" } as const;
    await expect(run(code, new MemoryRecord([twice, twice]), bench().tools)).rejects.toThrow(
      /two returns of call 0/,
    );
  });
});

describe("a run whose calls are held back", () => {
  const code =
    "const timer = new Promise((r) => setTimeout(() => r('timer'), 5));" +
    "const [a, b, c] = await Promise.all([tools.echo('a'), tools.open('b'), tools.echo('c')]);" +
    "result = [a, b, c, await Promise.race([timer, tools.echo('d')])];";
  const holding = (tool: string, input: string) => (call: GatedCall) =>
    call.entry.tool === tool && call.value === input ? "hold" : "call";

  it("records what is under way, ends as suspended, and goes on when it is repeated", async () => {
    const { tools, made, open } = bench();
    const record = new MemoryRecord([], { verdict: holding("echo", "a") });
    const running = run(code, record, tools);
    await expect.poll(() => [open.length, story(record.kept).includes("2 returned")]).toEqual([1, true]);
    open[0]?.();
    const error = errorOf(await running);
    expect(error).toMatchObject({ name: "SuspendedError", failure: "suspended" });
    expect(error.message).toContain("echo() (run:0)");
    expect(made.sort()).toEqual(['run:1 open "b"', 'run:2 echo "c"']);
    expect(story(record.kept).sort()).toEqual([
      "0 called",
      "1 called",
      "1 returned",
      "2 called",
      "2 returned",
    ]);

    const held = bench();
    const still = new MemoryRecord(record.kept, { verdict: holding("echo", "a") });
    expect(errorOf(await run(code, still, held.tools)).failure).toBe("suspended");
    expect([still.asked, still.kept, held.made]).toEqual([["run:0"], record.kept, []]);

    const last = bench();
    const free = new MemoryRecord(still.kept);
    const result = await run(code, free, last.tools);
    expect((valueOf(result) as string[]).slice(0, 3)).toEqual(["a", "b", "c"]);
    expect(last.made).toContain('run:0 echo "a"');
    expect(last.made.filter((call) => /run:[12] /.test(call))).toEqual([]);
    expect(outcome(await run(code, new MemoryRecord(free.kept), bench().tools))).toEqual(outcome(result));
  });

  it("fires no timer and hears no return while a call is held", async () => {
    const { tools, open } = bench();
    const record = new MemoryRecord([], { verdict: holding("echo", "a") });
    const quiet =
      "setTimeout(() => console.log('timer'), 200); tools.late(2).then(() => console.log('return'));" +
      "tools.open(1); result = await tools.echo('a');";
    const running = run(quiet, record, tools);
    await expect.poll(() => [open.length, story(record.kept).includes("0 returned")]).toEqual([1, true]);
    // That nothing fires can be seen only by letting its time go by.
    await new Promise((resolve) => setTimeout(resolve, 300));
    open[0]?.();
    const result = await running;
    expect([errorOf(result).failure, result.console]).toEqual(["suspended", []]);
  });

  it("ends as suspended with each call that is held, and leaves no guest behind", async () => {
    const { tools, made } = bench();
    const record = new MemoryRecord([], { verdict: () => "hold" });
    const result = await run("result = await Promise.all([tools.echo(1), tools.fail('x')])", record, tools);
    expect(errorOf(result).message).toContain("held back: echo() (run:0), fail() (run:1)");
    expect(made).toEqual([]);
    await expect.poll(() => sandbox.stats().waiting).toBe(0);
  });
});

describe("a record that fails", () => {
  class Broken extends MemoryRecord {
    readonly #at: string;
    constructor(at: string) {
      super();
      this.#at = at;
    }
    override called(call: GatedCall): Promise<"call" | "hold"> {
      this.#check(`called ${call.entry.call}`);
      return super.called(call);
    }
    override async returned(entry: RecordedReturn): Promise<void> {
      this.#check(`returned ${entry.call}`);
      await super.returned(entry);
    }
    #check(what: string): void {
      if (what === this.#at) throw new Error(`The ledger is full (${what}).`);
    }
  }

  it.each(["called 2", "returned 2"])("ends the run, and execute throws it: %s", async (at) => {
    const { tools, made, aborted } = bench();
    const code = "void tools.open(1); await tools.echo(2); await tools.echo(3); result = 1";
    await expect(run(code, new Broken(at), tools)).rejects.toThrow(`The ledger is full (${at})`);
    expect(made).toContain("run:0 open 1");
    expect(aborted).toContain("run:0");
    await expect.poll(() => sandbox.stats().waiting).toBe(0);
  });
});

describe.each(["thread", "process"] as const)("in a %s", (isolation) => {
  it("a run is recorded and repeated", async () => {
    await using own = openSandbox({ isolates: 1, isolation });
    const code =
      "const t0 = Date.now(); const w = await Promise.race([tools.late(6), new Promise((r) => setTimeout(r, 5, 'timer'))]);" +
      "const [a, b] = await Promise.all([tools.late(2), tools.echo(1)]); result = [w, a, b, Date.now() - t0, Math.random()]";
    const record = new MemoryRecord();
    const options = { entropy, runId: "run", tools: bench().tools };
    const live = await own.execute(code, { ...options, record });
    expect(valueOf(live)).toHaveLength(5);
    const { tools, made } = bench();
    const cut = new MemoryRecord(record.kept.slice(0, 2));
    expect(valueOf(await own.execute(code, { ...options, record: cut }))).toHaveLength(5);
    const again = await own.execute(code, { ...options, tools, record: new MemoryRecord(record.kept) });
    expect(outcome(again)).toEqual(outcome(live));
    expect(made.filter((call) => !call.startsWith("run:0"))).toEqual([]);
  });
});
