// A run between its hosts: what happens to it while it has none.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "#src/core/tool";
import { defer } from "#src/core/deferred";
import type { Host } from "#src/sandbox/isolate";
import { plan } from "./plan.ts";
import { MemoryRecord } from "./record.ts";

const usage = { cpuMs: 0, memoryBytes: 0, toolCalls: 1 };
const call = { call: 0, tool: 0, text: "1", at: 5 };

/** A host whose guest the test plays itself. */
function hostOf(posted: unknown[]): Host {
  return { board: () => undefined, drop: () => undefined, post: (message) => posted.push(message) };
}

describe("a recorded run whose host was lost", () => {
  it("keeps a return that comes before it has another, and plays it to the next guest", async () => {
    const made = defer<undefined>();
    const answer = defer<number>();
    const step = defineTool({
      description: "A step.",
      input: z.number(),
      execute: () => {
        made.resolve(undefined);
        return answer.promise;
      },
    });
    const record = new MemoryRecord();
    const run = plan("result = await tools.step(1)", { tools: { step }, record });
    const first: unknown[] = [];
    run.start(hostOf(first), 1);
    run.hear({ type: "turn", run: 1, calls: [call], lines: [], wakeAt: null, usage });
    await made.promise;

    run.reset();
    answer.resolve(10);
    await expect.poll(() => record.kept.length).toBe(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(run.over).toBe(false);

    const second: unknown[] = [];
    run.start(hostOf(second), 1);
    run.hear({ type: "turn", run: 1, calls: [], lines: [], wakeAt: 5, usage });
    expect(second).toEqual([{ type: "wake", run: 1, at: 5 }]);
    run.hear({ type: "turn", run: 1, calls: [call], lines: [], wakeAt: null, usage });
    expect(second.at(-1)).toMatchObject({ type: "return", call: 0, ok: true, text: "10" });
    const end = { type: "value", text: "10" } as const;
    run.hear({ type: "end", run: 1, end, calls: [], lines: [], pending: 0, usage });
    expect(await run.result).toMatchObject({ ok: true, value: 10 });
    expect(first).toEqual([]);
  });
});
