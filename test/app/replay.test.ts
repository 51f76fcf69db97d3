// `fettle replay`: what it says of a journal that holds, and of one that was tampered with.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Fabric } from "fettle";
import type { Replay } from "#actors/replay";
import { createSubjects } from "#src/core/subjects";
import { TaskList } from "#src/task-list";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";
import { accepted, calculator, fenced, MESH, meshOn, openData, writeJournal } from "./stored-tasks.ts";

let folder = "";
let fabric: Fabric;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-replay-"));
  fabric = openData(folder);
  const model = [
    fenced("result = nothing"),
    fenced("result = [await tools.dice({ sides: 6 }), Math.random()]"),
  ];
  await using mesh = await meshOn(fabric, [calculator], { model });
  await mesh.execute("calculator", { id: "t1", task: "Roll" });
  const entries = await new TaskList(fabric.ledger, { subjects: createSubjects("test") }).read("t1");
  const tampered = entries.map((entry) =>
    entry.type === "tool-returned" ? { ...entry, text: '"\\u001b[31m7"' } : entry,
  );
  await writeJournal(fabric, "t2", tampered);
  await writeJournal(fabric, "t3", [accepted("t3", Date.now())]);
});
afterAll(async () => {
  await fabric.close();
  await rm(folder, { recursive: true, force: true });
});

const fettle = (...args: string[]) => callFettle(["replay", ...args], { cwd: folder, env: MESH });

it("ticks off each state, each run and the outcome, and exits with 0", async () => {
  const [text, json] = await Promise.all([
    runFettle(["replay", "t1"], { cwd: folder, env: MESH }),
    fettle("t1", "--json"),
  ]);
  expect(text).toEqual({
    code: 0,
    stderr: "",
    stdout: [
      "t1  6 states, 2 runs",
      "✓ state 1  queued",
      "✓ state 2  generating",
      "✓ state 3  executing",
      "✓ state 4  repairing",
      "✓ state 5  executing",
      "✓ state 6  settling",
      "✓ run 1",
      "✓ run 2",
      "✓ outcome",
      "The same.\n",
    ].join("\n"),
  });
  expect(JSON.parse(json.stdout) as Replay).toMatchObject({ taskId: "t1", verdict: "same", isEnded: true });
});

it("shows what differs, and exits with 1", async () => {
  const { code, stdout, stderr } = await fettle("t2");
  expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  expect(stdout).toMatch(
    /^✗ run 2 {2}.*\n {4}value\n {4}recorded: \[ \d, 0\.\d+ \]\n {4}now: {6}\[ '.*31m7', 0\.\d+ \]$/m,
  );
  expect(stdout).not.toContain("\u001b");
  expect(stdout).toMatch(/^1 difference: /m);
});

it("says that there is nothing to replay, or no such task", async () => {
  const [nothing, unknown] = await Promise.all([fettle("t3"), fettle("t4")]);
  expect(nothing).toMatchObject({ code: 0, stderr: "" });
  expect(nothing.stdout).toContain("It was never taken up: there is nothing to replay.");
  expect(unknown).toMatchObject({ code: 1, stdout: "" });
  expect(unknown.stderr).toMatch(/no journal of a task "t4" in this mesh\. Did you mean t\d\?/);
});
