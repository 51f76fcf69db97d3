// `fettle tasks`: what is listed, what may be deleted, and what that leaves.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Fabric } from "fettle";
import { nodeName } from "#src/app/node-name";
import { createSubjects } from "#src/core/subjects";
import { TaskList, type TaskSummary } from "#src/task-list";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";
import { accepted, calculator, fenced, MESH, meshOn, openData, writeJournal } from "./stored-tasks.ts";

const TERMS = {
  kind: "prompt",
  maxRepairs: 3,
  deadlineMs: 1000,
  approval: "never",
  recalls: false,
  routes: false,
  profile: null,
} as const;

let folder = "";
let fabric: Fabric;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-tasks-"));
  fabric = openData(folder);
});
afterAll(async () => {
  await fabric.close();
  await rm(folder, { recursive: true, force: true });
});

const fettle = (...args: string[]) => callFettle(args, { cwd: folder, env: MESH });
const listed = async (...args: string[]) => {
  const { stdout } = await fettle("tasks", "--json", ...args);
  return JSON.parse(stdout) as { readonly tasks: readonly TaskSummary[]; readonly more: number };
};

it("says that there are none, and makes no folder to say so", async () => {
  const empty = await mkdtemp(join(tmpdir(), "fettle-none-"));
  const run = await runFettle(["tasks"], { cwd: empty });
  expect(run).toMatchObject({ code: 0, stderr: "" });
  expect(run.stdout).toBe(`No tasks in the mesh "default" in ${join(empty, ".fettle")}.\n`);
  expect(await readdir(empty)).toEqual([]);
  await rm(empty, { recursive: true });
});

it("lists the newest first with what they took and cost, by role and status, while a mesh has the data open", async () => {
  const model = [fenced("result = nothing"), fenced("result = 42")];
  const mesh = await meshOn(fabric, [calculator], { model });
  const result = await mesh.execute("calculator", { id: "done", task: "The answer?\u001b[31m" });
  expect(result).toMatchObject({ status: "success", repairs: 1 });
  const now = Date.now();
  const here = nodeName();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const gone = here.replace(`-${process.pid}-`, `-${pid}-`);
  await writeJournal(fabric, "killed", [
    accepted("killed", now - 60_000, "writer"),
    { at: now - 59_000, type: "claimed", node: gone, terms: TERMS },
  ]);
  await writeJournal(fabric, "alive", [
    accepted("alive", now - 120_000, "writer"),
    { at: now - 110_000, type: "claimed", node: here, terms: TERMS },
  ]);
  await writeJournal(fabric, "queued", [accepted("queued", now - 180_000, "writer")]);

  const { code, stdout, stderr } = await runFettle(["tasks"], { cwd: folder, env: MESH });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  expect(lines.map((line) => line.split(/\s+/, 3).join(" "))).toEqual([
    "id role status",
    "done calculator success",
    "killed writer interrupted",
    "alive writer running",
    "queued writer waiting",
  ]);
  expect(lines[1]).toContain("The answer?\\x1b[31m");
  expect(lines[2]).toContain('(interrupted: it goes on when a mesh with the role "writer" starts)');

  const all = await listed();
  expect(all.tasks.map(({ status, interrupted }) => [status, interrupted])).toEqual([
    ["success", false],
    ["waiting", true],
    ["running", false],
    ["waiting", false],
  ]);
  expect(all.tasks[0]).toMatchObject({ repairs: 1, tokens: result.tokens, costUsd: result.costUsd });
  const ids = async (...args: string[]) => (await listed(...args)).tasks.map(({ taskId }) => taskId);
  expect(await ids("--role", "writer", "--status", "waiting")).toEqual(["killed", "queued"]);
  expect(await listed("--limit", "1")).toMatchObject({ tasks: [{ taskId: "done" }], more: 3 });
  await mesh.stop();
});

it("deletes what has ended, and refuses what has not or whose id the queue still knows", async () => {
  const long = Date.now() - 40 * 86_400_000;
  const open = await fettle("tasks", "delete", "queued", "done", "quued");
  expect(open.code).toBe(1);
  expect(open.stdout).toBe("0 journals deleted. What the tasks stored is still there.\n");
  expect(open.stderr).toMatch(/Cannot delete the journal of the task "queued": it has not ended \(waiting\)/);
  expect(open.stderr).toMatch(/"done" yet: it ended less than two minutes ago.* Try again in \d+ s\./);
  expect(open.stderr).toMatch(/no journal of a task "quued" in this mesh\. Did you mean queued\?/);

  const result = { ...(await endOf("done")), taskId: "old" };
  await writeJournal(fabric, "old", [accepted("old", long)], [{ at: long + 5, type: "finished", result }]);
  const aged = await fettle("tasks", "delete", "--older-than", "30d", "--json");
  expect(aged).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(aged.stdout)).toMatchObject({
    deleted: [{ taskId: "old", status: "success" }],
    refused: [],
  });
  expect(await fabric.ledger.names("test.task.old")).toEqual([]);
  expect((await listed()).tasks.map(({ taskId }) => taskId)).toEqual(["done", "killed", "alive", "queued"]);
});

it("lists dead letters with the reason", async () => {
  const consumer = await fabric.queue.consume("test.task.writer", { ackWaitMs: 1000, maxDeliveries: 3 });
  await fabric.queue.publish("test.task.writer", "queued", { id: "queued" });
  await (await consumer.take())?.reject("nobody can do this");
  await consumer.close();
  const { stdout, code } = await fettle("tasks", "--dead");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^queued {2}writer .* 1 +nobody can do this$/m);
  const { dead } = JSON.parse((await fettle("tasks", "--dead", "--json")).stdout) as { dead: unknown };
  expect(dead).toMatchObject([{ payload: "queued", role: "writer", reason: "nobody can do this" }]);
});

it("explains options that it cannot use", async () => {
  const runs = await Promise.all([
    fettle("tasks", "--status", "dead"),
    fettle("tasks", "--limit", "0"),
    fettle("tasks", "delete"),
    fettle("tasks", "delete", "--older-than", "soon"),
    fettle("tasks", "delte", "t1"),
  ]);
  for (const { code, stdout } of runs) expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(runs.map(({ stderr }) => stderr.split("\n")[0])).toEqual([
    expect.stringContaining(
      "Allowed choices are waiting, running, awaiting-approval, success, failure, cancelled.",
    ),
    expect.stringContaining("It takes a whole number from 1."),
    "error: name the tasks by their ids, or say --older-than: one of the two.",
    expect.stringContaining("It takes a number with s, m, h or d, such as 30d."),
    expect.stringContaining("too many arguments"),
  ]);
});

async function endOf(taskId: string) {
  const tasks = new TaskList(fabric.ledger, { subjects: createSubjects("test") });
  const finished = (await tasks.read(taskId)).find((entry) => entry.type === "finished");
  if (finished === undefined) throw new Error(`The task ${taskId} has not ended.`);
  return finished.result;
}
