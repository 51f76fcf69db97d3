// Whatever a guest waits for, in whatever order it comes: a repeat from any point of the record is the same run.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { ExecuteResult, GatedCall, GuestError, RecordedCall } from "#src/core/guest";
import { defineTool, type ToolSet } from "#src/core/tool";
import type { LocalSandbox } from "#src/sandbox/sandbox";
import { openSandbox } from "./place.ts";
import { MemoryRecord, type Entry, type MemoryRecordOptions } from "./record.ts";
import { programs } from "./record-programs.ts";

let sandbox: LocalSandbox;
beforeAll(() => {
  sandbox = openSandbox({ isolates: 2 });
});
afterAll(() => sandbox.close());

const entropy = { seed: 99, startedAt: Date.UTC(2025, 0, 1) };

interface Program {
  readonly code: string;
  readonly concurrentToolCalls: number;
}

interface Observed {
  readonly result: ExecuteResult;
  readonly kept: readonly Entry[];
  /** Inputs of the calls that were made, by call id. */
  readonly made: ReadonlyMap<string, string>;
}

/** Answers no call: a repeat is told what is recorded and nothing else. */
const never = (): Promise<"call"> => new Promise(() => {});

/** Runs a program from a record, with tools and a record that are as late as `delays` say. */
async function observe(
  { code, concurrentToolCalls }: Program,
  entries: readonly Entry[],
  delays: readonly number[],
  verdict?: MemoryRecordOptions["verdict"],
): Promise<Observed> {
  const made = new Map<string, string>();
  const pause = async (count: number): Promise<void> => {
    const ms = delays[count % delays.length] ?? 0;
    await new Promise<void>((resolve) => {
      if (ms === 0) setImmediate(resolve);
      else setTimeout(resolve, ms);
    });
  };
  const note = (callId: string, input: unknown): void => {
    if (made.has(callId)) throw new Error(`The call ${callId} was made twice.`);
    made.set(callId, JSON.stringify(input));
  };
  const tools: ToolSet = {
    late: defineTool({
      description: "Answers late.",
      input: z.object({ ms: z.number(), now: z.number(), random: z.number() }),
      execute: async (input, { callId }) => {
        note(callId, input);
        await pause(made.size + input.ms);
        return input.ms;
      },
    }),
    fail: defineTool({
      description: "Fails.",
      input: z.number(),
      execute: (input, { callId }): never => {
        note(callId, input);
        throw new RangeError(`no ${input}`);
      },
    }),
  };
  const record: MemoryRecord = new MemoryRecord(entries, {
    pause: (): Promise<void> => pause(record.kept.length),
    verdict,
  });
  const limits = { concurrentToolCalls };
  const result = await sandbox.execute(code, { tools, record, entropy, runId: "run", limits });
  return { result, kept: [...record.kept], made };
}

function outcome({ ok, console, ...rest }: ExecuteResult): unknown {
  const { value, error } = rest as { value?: unknown; error?: GuestError };
  return { ok, value, error, console };
}

/** That a run from a record did what the record says, and nothing again that had returned. */
function follows({ result, made, kept }: Observed, entries: readonly Entry[]): void {
  if (!result.ok) throw new Error(`The repeat failed: ${result.error.message}`);
  const calls = new Map(kept.flatMap((entry) => (entry.type === "tool-called" ? [[entry.call, entry]] : [])));
  expect(kept.slice(0, entries.length)).toEqual(entries);
  for (const entry of entries) {
    if (entry.type === "tool-returned") expect(made.has(`run:${entry.call}`)).toBe(false);
  }
  for (const [callId, input] of made) {
    const recorded = calls.get(Number(callId.slice(4))) as RecordedCall;
    expect(recorded.input).toBe(input);
  }
}

const delays = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 8 });
const program = fc.record({ code: programs, concurrentToolCalls: fc.integer({ min: 1, max: 3 }) });

describe("any program", () => {
  it("is the same run when it is repeated, from its whole record and from any part of it", async () => {
    await fc.assert(
      fc.asyncProperty(program, delays, delays, async (given, first, second) => {
        const live = await observe(given, [], first);
        follows(live, []);
        const whole = await observe(given, live.kept, second, never);
        follows(whole, live.kept);
        expect(outcome(whole.result)).toEqual(outcome(live.result));
        await Promise.all(
          live.kept.map(async (_, index) => {
            const entries = live.kept.slice(0, index);
            const cut = await observe(given, entries, second);
            follows(cut, entries);
            const again = await observe(given, cut.kept, first, never);
            follows(again, cut.kept);
            expect(outcome(again.result)).toEqual(outcome(cut.result));
          }),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("makes each call once, however often it is put away because calls of it are held back", async () => {
    await fc.assert(
      fc.asyncProperty(program, delays, fc.integer({ min: 2, max: 4 }), async (given, late, every) => {
        let entries: readonly Entry[] = [];
        const made: string[] = [];
        for (let attempt = 0; ; attempt += 1) {
          const verdict = ({ entry }: GatedCall): "call" | "hold" =>
            (entry.call + attempt) % every === 0 ? "hold" : "call";
          const seen = await observe(given, entries, late, verdict);
          made.push(...seen.made.keys());
          entries = seen.kept;
          if (!seen.result.ok && seen.result.error.failure === "suspended") continue;
          const again = await observe(given, entries, late, never);
          follows(again, entries);
          expect(outcome(again.result)).toEqual(outcome(seen.result));
          break;
        }
        expect(made).toEqual([...new Set(made)]);
      }),
      { numRuns: 40 },
    );
  });
});
