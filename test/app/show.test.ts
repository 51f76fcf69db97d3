// `fettle show`: a journal as a timeline, and ids that there are not.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fabric } from "fettle";
import { timeline } from "#src/app/timeline";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";
import { accepted, calculator, fenced, MESH, meshOn, openData } from "./stored-tasks.ts";

describe("fettle show", () => {
  let folder = "";
  let fabric: Fabric;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-show-"));
    fabric = openData(folder);
    const code =
      "console.log('rolls'); const n = await tools.dice({ sides: 6 }); result = { n, text: 'x'.repeat(2000) };";
    const model = [fenced("result = nothing"), fenced(code)];
    await using mesh = await meshOn(fabric, [calculator], { model });
    await mesh.execute("calculator", { id: "roll-1", task: "Roll", context: { a: 1 } });
  });
  afterAll(async () => {
    await fabric.close();
    await rm(folder, { recursive: true, force: true });
  });
  const fettle = (...args: string[]) => callFettle(args, { cwd: folder, env: MESH });

  it("tells in order what happened, with the times, the code and the values", async () => {
    const { code, stdout, stderr } = await runFettle(["show", "roll-1"], { cwd: folder, env: MESH });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const told = stdout
      .split("\n")
      .filter((line) => /^ *\+/.test(line))
      .map((line) =>
        line.replace(/^ *\+[\d.]+ \w+ {2}/, "").replace(/\d+ tokens in, \d+ out|seed \d+|[\d.]+ m?s\b/g, "…"),
      );
    expect(told).toEqual([
      "accepted for calculator",
      "taken up by test",
      "queued: waits for its turn",
      "generating: the model writes code",
      "model asked for a first draft (roll-1-model-0)",
      expect.stringMatching(/ answered: /),
      "executing: the code runs",
      "run roll-1-1 started (…)",
      "run 1 finished with an error (line 1, column 10) (… computed)",
      "repairing: the model mends its code",
      "model asked for repair 1 (roll-1-model-1)",
      expect.stringMatching(/ answered: /),
      "executing: the code runs",
      "run roll-1-2 started (…)",
      "tool dice called (roll-1-2:0)",
      "tool dice returned (roll-1-2:0)",
      "run 2 finished (… computed)",
      "settling: stores the result",
      expect.stringMatching(/^finished: success \(…, 1 repair, /),
    ]);
    expect(stdout).toContain("context: { a: 1 }");
    expect(stdout).toContain("ReferenceError: ");
    expect(stdout).toContain("{ sides: 6 }");
    expect(stdout).toContain("console.log: rolls");
    expect(stdout).toMatch(/\[[\d,]+ characters more: --full shows all\]/);
  });

  it("shows all with --full, and gives the journal itself with --json", async () => {
    const [full, json] = await Promise.all([
      fettle("show", "roll-1", "--full"),
      fettle("show", "roll-1", "--json"),
    ]);
    expect(full.stdout).toContain("x".repeat(2000));
    expect(full.stdout).not.toContain("--full shows all");
    const { task, entries } = JSON.parse(json.stdout) as { task: object; entries: { type: string }[] };
    expect(task).toMatchObject({ taskId: "roll-1", status: "success" });
    expect(entries.map(({ type }) => type)).toContain("tool-returned");
  });

  it("suggests the ids that are near one that there is not", async () => {
    const [near, begun, far] = await Promise.all([
      fettle("show", "rol-1"),
      fettle("show", "roll"),
      fettle("show", "something else"),
    ]);
    for (const one of [near, begun, far]) expect(one).toMatchObject({ code: 1, stdout: "" });
    expect(near.stderr).toContain('no journal of a task "rol-1" in this mesh. Did you mean roll-1?');
    expect(begun.stderr).toContain("Did you mean roll-1?");
    expect(far.stderr).toContain('"fettle tasks" lists those of the mesh "test" in ');
  });
});

describe("the timeline", () => {
  const at = 1000;
  const told = (...entries: Parameters<typeof timeline>[0]) =>
    timeline([accepted("t1", 900), ...entries]).slice(1);

  it("makes control characters harmless, wherever they come from", () => {
    const events = told(
      { at, type: "left", node: "n", reason: "a\u001b]0;title\u0007" },
      {
        at,
        type: "approval-answered",
        approvalId: "t1-a1",
        decision: "rejected",
        by: "\u001b[2J",
        note: "no\nway",
      },
      { at, type: "tool-called", runId: "t1-1", call: 0, guestAt: 0, tool: "send", input: '"\u009b31m"' },
      {
        at,
        type: "tool-returned",
        runId: "t1-1",
        call: 0,
        guestAt: 0,
        ok: false,
        text: '["Error","\\u001b[1m",null]',
      },
    );
    expect(JSON.stringify(events.map(({ text, details }) => [text, details]))).not.toMatch(
      /\\u00[019]|[\u007f-\u009f]/,
    );
    expect(events.map(({ text }) => text)).toEqual([
      "left by n: a\\x1b]0;title\\x07",
      "approval t1-a1 rejected by \\x1b[2J: no way",
      "tool send called (t1-1:0)",
      "tool send failed (t1-1:0)",
    ]);
    expect(events[3]?.details).toEqual(["Error: \\x1b[1m"]);
  });

  it("words approvals, cancels, budgets and the end of the time", () => {
    const calls = [{ callId: "t1-1:0", tool: "send", input: '{"to":"boss"}' }];
    const events = told(
      { at, type: "approval-asked", approvalId: "t1-a1", taskId: "t1", subject: { type: "tools", calls } },
      {
        at,
        type: "approval-answered",
        approvalId: "t1-a1",
        decision: "approved",
        by: "ann",
        note: "as agreed",
      },
      {
        at,
        type: "approval-asked",
        approvalId: "t1-a2",
        taskId: "t1",
        subject: { type: "budget", budget: "task:t1", measure: "usd", wanted: 1, message: "Too dear." },
      },
      { at, type: "cancelled", reason: "no more" },
      { at, type: "overdue" },
    );
    expect(events.map(({ text, good, after }) => [text, good, after])).toEqual([
      ["approval t1-a1 asked: to make this tool call", null, 100],
      ["approval t1-a1 approved by ann: as agreed", true, 100],
      ["approval t1-a2 asked: to go past the budget task:t1 (usd)", null, 100],
      ["cancelled: no more", false, 100],
      ["its time was over", false, 100],
    ]);
    expect(events[0]?.details).toEqual(["send({ to: 'boss' })  t1-1:0"]);
  });
});
