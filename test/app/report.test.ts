// The report of a result: what a person is told, in each way that a task can end.
import { expect, it } from "vitest";
import type { TaskResult } from "fettle";
import { reportResult } from "#src/app/report";

const USAGE = { entropy: null, usage: null, console: [], model: "openai/m" };

const success: TaskResult = {
  status: "success",
  output: { total: 42 },
  code: "result = { total: 42 }",
  repairs: 0,
  executionTime: 1.234,
  tokens: { input: 10, output: 5, cacheRead: 0, cacheWrite: 0 },
  costUsd: 0.00123,
  resultId: "r1",
  functionId: "calculator-1",
  error: null,
  taskId: "t1",
  role: "calculator",
  attempts: [{ code: "result = { total: 42 }", error: null, ...USAGE }],
  model: "openai/m",
  replayed: false,
  reused: false,
  profile: null,
};

const report = (result: Partial<TaskResult>, states?: readonly string[]) =>
  reportResult(
    { ...success, ...result },
    { colour: false, logDirectory: "/logs", ...(states === undefined ? {} : { states }) },
  ).split("\n");

it("tells of a success in a line for each of its parts", () => {
  expect(report({}, ["generating", "done"])).toEqual([
    "  status    success",
    "  states    generating → done",
    "  code      result = { total: 42 }",
    "  output    { total: 42 }",
    "  repairs   0",
    "  time      1.23 s",
    "  tokens    10 in, 5 out",
    "  cost      $0.001230",
    "  model     openai/m",
    "  stored    /logs/calculator/r1.json",
  ]);
});

it("tells of a failure with each try and where it failed", () => {
  const error = { name: "TypeError", message: "no\nmore", category: "runtime", line: 3, column: 7 } as const;
  const attempt = { code: "a", error, ...USAGE };
  const lines = report({ status: "failure", output: null, error, repairs: 1, attempts: [attempt, attempt] });
  expect(lines).toContain("  try 1     TypeError: no (line 3, column 7)");
  expect(lines.slice(3, 6)).toEqual(["  error", "    TypeError: no", "    more"]);
  expect(lines.join("\n")).not.toContain("output");
});

it.each([
  [{ replayed: true }, "nothing now: the answers were played back"],
  [{ costUsd: null }, "unknown (no price for this model)"],
  [{ model: null, costUsd: 0 }, "nothing: no model was asked"],
])("tells what %j cost", (result, told) => {
  expect(report(result)).toContain(`  cost      ${told}`);
});

it("shows text as it is, in lines below its label, and cached tokens where there are some", () => {
  const lines = report({
    output: "# Title\n\nText",
    tokens: { input: 1, output: 2, cacheRead: 3, cacheWrite: 4 },
  });
  const at = lines.indexOf("  output");
  expect(lines.slice(at, at + 4)).toEqual(["  output", "    # Title", "", "    Text"]);
  expect(lines).toContain("  tokens    1 in, 2 out, cache 3 read, 4 written");
  expect(report({ output: "" })).toContain("  output    ''");
});

it("lets no control character of a model's text through", () => {
  const lines = report({ code: "result = '\u001b[2J'", output: "\u001b]0;title\u0007" }).join("\n");
  expect(lines).not.toContain("\u001b");
  expect(lines).toContain("result = '\\x1b[2J'");
  expect(lines).toContain("\\x1b]0;title\\x07");
});
