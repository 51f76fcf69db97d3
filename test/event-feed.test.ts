// Events as they are told outside: few messages, in order, and read back by other nodes.
import { describe, expect, it } from "vitest";
import type { TaskEvent } from "fettle";
import { TestClock } from "fettle/testing";
import { EventFeed } from "#src/event-feed";
import { openTaskEvent } from "#src/told-event";

const AT = "2026-01-31T12:00:00.000Z";
const about = { taskId: "t1", role: "coder" };

function feedWithClock() {
  const clock = new TestClock(Date.parse(AT));
  const texts: string[] = [];
  const feed = new EventFeed({ node: "n1", clock, send: (_, text) => texts.push(text) });
  const told = () => texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  return { clock, feed, texts, told };
}

describe("events", () => {
  it("are JSON that says who told them, when, and of which task", () => {
    const { feed, told } = feedWithClock();
    feed.tell({ type: "state", ...about, state: "executing" });
    expect(told()).toEqual([
      { v: 1, type: "state", node: "n1", at: AT, taskId: "t1", role: "coder", state: "executing" },
    ]);
  });

  it("of text come together for 50 ms, and before what follows them", () => {
    const { clock, feed, told } = feedWithClock();
    for (const text of ["a", "b", "c"]) feed.tell({ type: "text", ...about, text });
    expect(told()).toEqual([]);
    clock.advance(50);
    expect(told()).toMatchObject([{ type: "text", text: "abc" }]);
    feed.tell({ type: "text", ...about, text: "d" });
    feed.tell({ type: "text", ...about, taskId: "t2", text: "other" });
    feed.tell({ type: "code", ...about, code: "result = 1" });
    expect(told().slice(1)).toMatchObject([
      { type: "text", text: "d" },
      { type: "code", code: "result = 1" },
    ]);
    feed.close();
    expect(told().at(-1)).toMatchObject({ type: "text", taskId: "t2", text: "other" });
    clock.advance(1_000);
    expect(told()).toHaveLength(4);
  });

  it("of much text do not wait for more of it", () => {
    const { feed, told } = feedWithClock();
    for (let at = 0; at < 40; at += 1) feed.tell({ type: "text", ...about, text: "x".repeat(1_000) });
    expect(told().length).toBeGreaterThanOrEqual(2);
    for (const { cut } of told()) expect(cut).toBeUndefined();
  });

  it("with long texts are cut and say so; those that are too large all the same say what they are of", () => {
    const { feed, told, texts } = feedWithClock();
    feed.tell({ type: "code", ...about, code: "y".repeat(100_000) });
    expect(told()[0]).toMatchObject({ cut: true });
    expect(told()[0]?.["code"]).toMatch(/^y{32768}… \(cut: 100000 characters in all\)$/);
    const calls = Array.from({ length: 10 }, (_, at) => ({
      callId: `c${at}`,
      tool: "t",
      input: "z".repeat(30_000),
    }));
    feed.tell({ type: "approval", ...about, approvalId: "t1-a1", subject: { type: "tools", calls } });
    expect(told()[1]).toEqual({ v: 1, type: "approval", node: "n1", at: AT, ...about, cut: true });
    for (const text of texts) expect(Buffer.byteLength(text)).toBeLessThanOrEqual(131_072);
  });
});

describe("an event that was told", () => {
  it("is read back as it was, with the node that told it", () => {
    const { feed, texts } = feedWithClock();
    const events: TaskEvent[] = [
      { type: "state", ...about, state: "generating" },
      { type: "text-void", ...about, reason: "lost" },
      { type: "code", ...about, code: "result = 1" },
      { type: "error", ...about, error: { name: "TypeError", message: "no", category: "runtime", line: 2 } },
      { type: "console", ...about, entry: { level: "warn", text: "hm" } },
      { type: "tool", ...about, tool: "dice", phase: "called" },
      { type: "approval", ...about, approvalId: "t1-a1", subject: { type: "code", code: "x" } },
    ];
    for (const event of events) feed.tell({ ...event, workflowId: "w1" });
    expect(texts.map(openTaskEvent)).toEqual(events.map((event) => ({ node: "n1", event })));
  });

  it("by a later version, or is none of a task, is passed over", () => {
    const later = { v: 2, type: "dream", node: "n1", ...about };
    expect(openTaskEvent(JSON.stringify(later))).toBeNull();
    expect(openTaskEvent(JSON.stringify({ ...later, type: "state", state: "x", more: 1 }))).toMatchObject({
      event: { type: "state", state: "x" },
    });
    for (const text of [
      "",
      "null",
      "[]",
      '{"type":"state"}',
      '{"v":1,"type":"workflow-finished","workflowId":"w"}',
    ])
      expect(openTaskEvent(text)).toBeNull();
  });
});
