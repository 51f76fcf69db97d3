// The inspector over a data folder that a mesh works on, or has left; and how it is opened by the command.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineAgent, Mesh } from "fettle";
import { createScriptedModel } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { inspectStored } from "#src/app/inspector/inspected";
import type { ApprovalPage, MeshOverview, TaskDetail } from "#src/app/inspector/shapes";
import { openStoredMesh } from "#src/app/stored-mesh";
import { silentLog } from "#src/core/log";
import { fenced, lookAt } from "./looking.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fettle-inspect-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const careful = defineAgent({
  role: "careful",
  capabilities: ["asking"],
  systemPrompt: "You ask first.",
  approval: "code",
});

it("shows what a mesh stores while it works, answers its approvals, and says what cannot be done from there", async () => {
  const config = loadConfig({
    env: {
      FETTLE_DATA_DIRECTORY: join(folder, "data"),
      LOG_DIRECTORY: join(folder, "logs"),
      FETTLE_SANDBOX_ISOLATES: "1",
    },
    envFile: null,
  });
  const model = createScriptedModel([fenced("result = 42")]);
  await using mesh = new Mesh({ config, log: silentLog, model });
  mesh.add(careful);
  await mesh.start();
  const result = mesh.execute("careful", { id: "t1", task: "Say 42." });
  await using stored = await openStoredMesh(config);
  await using looking = await lookAt(inspectStored(stored));
  await using events = await looking.events("?task=t1");
  const first = await events.next("mesh");
  expect(first.mesh).toMatchObject({ mode: "stored", can: { cancel: false, pause: false, approve: true } });
  const waiting = async () => (await looking.get<ApprovalPage>("api/approvals")).body.approvals[0];
  await expect.poll(waiting, { timeout: 20_000 }).toMatchObject({ taskId: "t1" });
  expect((await looking.post("api/approvals/t1-a1/approve")).status).toBe(200);
  expect(await result).toMatchObject({ status: "success", output: 42 });
  await events.next("task", ({ task }) => task.status === "success");
  const { mesh: seen } = await events.next("mesh", (event) => event.mesh.totals.success === 1);
  expect(seen.agents).toMatchObject([{ role: "careful", success: 1 }]);
  const { body } = await looking.get<TaskDetail>("api/tasks/t1");
  const [prompt] = body.moments.flatMap((moment) => moment.prompt ?? []);
  expect(prompt?.note).toContain('no node has an agent of the role "careful"');
  expect(prompt?.messages[0]?.text).toContain("Say 42.");
  expect((await looking.post("api/tasks/t1/cancel")).status).toBe(404);
  expect((await looking.post("api/agents/careful/pause")).status).toBe(404);
  expect((await looking.get<MeshOverview>("api/mesh")).body.nodes).toEqual([]);
});
