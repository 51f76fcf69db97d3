// Progress: lines where it is piped, one changing line on a terminal, and nothing that moves the cursor elsewhere.
import type { WriteStream } from "node:tty";
import { expect, it } from "vitest";
import type { MeshEvent } from "fettle";
import { Progress, type ProgressOptions } from "#src/app/progress";

const task = { taskId: "t1", role: "calculator" };
const ESCAPE = "\u001b";

/** Shows events on a stream of this kind; gives what was written. */
function show(events: readonly MeshEvent[], isTTY: boolean, options: ProgressOptions = {}): string {
  let written = "";
  const stream = {
    isTTY,
    columns: 40,
    on: () => stream,
    write: (text: string) => {
      written += text;
      return true;
    },
  } as unknown as WriteStream;
  const progress = new Progress({ stream, ...options });
  events.forEach(progress.show);
  progress.end();
  return written;
}

const EVENTS: readonly MeshEvent[] = [
  { type: "actor-started", address: "calculator.a1" },
  { type: "state", ...task, state: "generating" },
  { type: "text", ...task, text: "12345" },
  { type: "text", ...task, text: "678" },
  { type: "code", ...task, code: "result = 1" },
  { type: "state", ...task, state: "executing" },
  { type: "tool", ...task, tool: "search", phase: "called" },
  { type: "console", ...task, entry: { level: "log", text: "hello" } },
  { type: "error", ...task, error: { name: "TypeError", message: "no\nsecond line", category: "runtime" } },
  { type: "text-void", ...task, reason: "it broke" },
  { type: "state", ...task, state: "done" },
];

it("is a line for each step where it is piped", () => {
  expect(show(EVENTS, false).split("\n")).toEqual([
    "calculator: the model writes code",
    "calculator: the code runs",
    "calculator: tool search called",
    "calculator: console.log: hello",
    "calculator: the code failed: TypeError: no",
    "calculator: the answer broke off and begins anew: it broke",
    "",
  ]);
});

it("is nothing where it is piped and only wanted live", () => {
  expect(show(EVENTS, false, { liveOnly: true })).toBe("");
});

it("is one line on a terminal that counts the characters and is cleared at the end", () => {
  const written = show(EVENTS, true, { liveOnly: true });
  expect(written).toContain("calculator: the model writes code (8 ch");
  expect(written).not.toContain("\n");
  expect(written.endsWith(`${ESCAPE}[1G${ESCAPE}[2K`)).toBe(true);
});

it("counts the answers of parallel tasks apart", () => {
  const other = { taskId: "t2", role: "writer" };
  const events: readonly MeshEvent[] = [
    { type: "text", ...task, text: "12345" },
    { type: "text", ...other, text: "12" },
  ];
  expect(show(events, true)).toMatch(/calculator: .*\(5 ch.*writer: .*\(2 char/s);
});

it("does not let a guest's text move the cursor", () => {
  const text = `${ESCAPE}[2Jgone\r\u009b1A`;
  const entry = { level: "log", text } as const;
  expect(show([{ type: "console", ...task, entry }], false)).toBe(
    "calculator: console.log: \\x1b[2Jgone\\x0d\\x9b1A\n",
  );
});
