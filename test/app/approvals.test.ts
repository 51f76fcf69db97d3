// `fettle approvals`: what waits, answered beside a running mesh and without one.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Fabric, ModelRequest } from "fettle";
import type { TestMesh } from "fettle/testing";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";
import { clerk, fenced, MESH, meshOn, openData } from "./stored-tasks.ts";

let folder = "";
let fabric: Fabric;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fettle-approvals-"));
  fabric = openData(folder);
});
afterAll(async () => {
  await fabric.close();
  await rm(folder, { recursive: true, force: true });
});

const fettle = (...args: string[]) => callFettle(["approvals", ...args], { cwd: folder, env: MESH });
/** The same in a process of its own. */
const elsewhere = (...args: string[]) => runFettle(["approvals", ...args], { cwd: folder, env: MESH });
const model = ({ purpose }: ModelRequest) =>
  fenced(purpose === "repair" ? "result = 'not sent'" : 'result = await tools.send({ to: "boss" })');

/** Gives a task; resolves once it waits for a person. */
async function give(mesh: TestMesh, id: string) {
  const asked = new Promise<void>((resolve) => {
    mesh.subscribe((event) => {
      if (event.type === "approval") resolve();
    });
  });
  const result = mesh.execute("clerk", { id, task: "Write to the boss" });
  result.catch(() => undefined);
  await asked;
  return { result };
}

it("lists nothing where nothing waits, and refuses to answer it", async () => {
  const [text, json, answer] = await Promise.all([fettle(), fettle("--json"), fettle("approve", "t1-a1")]);
  expect(text).toEqual({ code: 0, stdout: 'Nothing waits to be allowed in the mesh "test".\n', stderr: "" });
  expect(JSON.parse(json.stdout)).toEqual({ mesh: "test", pending: [] });
  expect(answer).toMatchObject({ code: 1, stdout: "" });
  expect(answer.stderr).toContain('No approval "t1-a1" is waited for');
});

it("shows what is asked, and the answer reaches a mesh that runs in another process", async () => {
  await using mesh = await meshOn(fabric, [clerk], { model });
  const { result } = await give(mesh, "t1");
  const shown = await elsewhere();
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toMatch(/^t1-a1 {2}1 tool call {2}since \d{4}-/);
  expect(shown.stdout).toContain("clerk, task t1: Write to the boss");
  expect(shown.stdout).toContain("send({ to: 'boss' })  t1-1:0");
  const { stdout, code } = await elsewhere("approve", "t1-a1", "--note", "as agreed", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    approvalId: "t1-a1",
    status: "approved",
    by: userInfo().username,
    note: "as agreed",
  });
  expect(await result).toMatchObject({ status: "success", output: "sent to boss" });
  const again = await fettle("approve", "t1-a1");
  expect(again).toMatchObject({ code: 1, stdout: "" });
  expect(again.stderr).toContain('No approval "t1-a1" is waited for: it is answered already');
});

it("answers while no mesh runs: the task goes on at the next start, told by whom and why", async () => {
  const first = await meshOn(fabric, [clerk], { model });
  await give(first, "t2");
  await first.stop({ mode: "suspend" });
  const wordless = await fettle("reject", "t2-a1");
  expect(wordless).toMatchObject({ code: 2, stdout: "" });
  expect(wordless.stderr).toContain("required option '--note <text>' not specified");
  const rejected = await elsewhere("reject", "t2-a1", "--by", "ann", "--note", "he is away");
  expect(rejected).toEqual({
    code: 0,
    stdout: "t2-a1 rejected by ann: to make this tool call.\n",
    stderr: "",
  });
  const twice = await fettle("approve", "t2-a1");
  expect(twice).toMatchObject({ code: 1, stdout: "" });
  expect(twice.stderr).toContain('The approval "t2-a1" was rejected by ann already.');
  const tasks = await callFettle(["tasks", "--status", "awaiting-approval"], { cwd: folder, env: MESH });
  expect(tasks.stdout).toContain('(answered: it goes on when a mesh with the role "clerk" starts)');

  await using second = await meshOn(fabric, [clerk], { model });
  const result = await second.execute("clerk", { id: "t2", task: "Write to the boss" });
  expect(result).toMatchObject({ status: "success", output: "not sent", repairs: 1 });
  expect(result.attempts[0]?.error?.message).toContain("refused by ann");
});
