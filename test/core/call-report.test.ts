// The lines that tell a model what the tools of its failed try did.
import { describe, expect, it } from "vitest";
import { callReport, type PastCall } from "#src/core/call-report";
import { encode } from "#src/core/codec";

const returned = (tool: string, input: unknown, output: unknown): PastCall => ({
  tool,
  input: encode(input),
  end: "returned",
  text: encode(output),
});

describe("a report of tool calls", () => {
  it("tells of each what it was asked and how it ended", () => {
    const input = encode({ to: "ann" });
    const report = callReport([
      returned("bank.pay", { amount: 90 }, { receipt: 7, at: new Date(0), total: 1n }),
      returned("log", {}, undefined),
      { tool: "mail", input, end: "failed", text: JSON.stringify(["RangeError", "no such box", null]) },
      { tool: "mail", input, end: "unanswered", text: "" },
      { tool: "mail", input, end: "refused", text: "" },
    ]);
    expect(report.split("\n")).toEqual([
      '1. bank.pay({"amount":90}) returned {"receipt":7,"at":"1970-01-01T00:00:00.000Z","total":"1"}',
      "2. log({}) returned undefined",
      '3. mail({"to":"ann"}) failed: RangeError: no such box',
      '4. mail({"to":"ann"}) was not answered before the try ended: it may have happened',
      '5. mail({"to":"ann"}) was refused: it was not made',
    ]);
  });

  it("keeps each call on its line, shows no key, and shows what it cannot read as it is", () => {
    const key = `sk-${"a1".repeat(12)}`;
    const report = callReport([
      { tool: "a", input: "{\n", end: "failed", text: "torn\n9. pay() returned" },
      { tool: "b", input: "{}", end: "failed", text: JSON.stringify(["Error", `one\ntwo\u2028${key}`]) },
      returned("c", { key }, [key]),
    ]);
    expect(report.split(/[\r\n\u2028\u2029]/)).toHaveLength(3);
    expect(report).not.toContain("sk-");
    expect(report).toContain("b({}) failed: Error: one two [redacted]");
  });

  it("has at most 4,000 characters: the longest values are cut first", () => {
    const report = callReport([
      returned("short", { id: 1 }, "kept whole"),
      returned("long", { text: "i".repeat(1_000_000) }, "o".repeat(9_000)),
      returned("middle", {}, "m".repeat(500)),
    ]);
    expect(report.length).toBeLessThanOrEqual(4_000);
    expect(report.length).toBeGreaterThan(3_900);
    expect(report).toContain('short({"id":1}) returned "kept whole"');
    expect(report).toContain("m".repeat(500));
    expect(report).toMatch(/i{1000}…\) returned "o{1000}/);
  });

  it("says how many calls it leaves out, and of which tools", () => {
    const calls = Array.from({ length: 256 }, (_, index) =>
      returned(index % 4 === 0 ? "bank.pay" : "stock", { index }, "x".repeat(index)),
    );
    const report = callReport(calls);
    expect(report.length).toBeLessThanOrEqual(4_000);
    const lines = report.split("\n");
    const left = calls.slice(lines.length - 1);
    const pays = left.filter(({ tool }) => tool === "bank.pay").length;
    expect(lines.length).toBeGreaterThan(30);
    const counts = new Map([
      ["bank.pay", pays],
      ["stock", left.length - pays],
    ]);
    const order = [...new Set(left.map(({ tool }) => tool))];
    const told = order.map((tool) => `${counts.get(tool) ?? 0} of ${tool}`).join(", ");
    expect(lines.at(-1)).toBe(`… (${left.length} more calls: ${told})`);
    expect(lines.at(-2)).toMatch(new RegExp(`^${lines.length - 1}\\. `));
  });

  it("cuts no character in two", () => {
    const report = callReport([returned("a", {}, "😀".repeat(5_000)), returned("b", {}, "x")]);
    expect(() => encodeURIComponent(report)).not.toThrow();
  });
});
