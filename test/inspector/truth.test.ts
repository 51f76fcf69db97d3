// What the inspector's page says of where its figures come from, in a real browser: recordings, and stored data.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineAgent, Mesh } from "fettle";
import { createScriptedModel, TestMesh } from "fettle/testing";
import { loadConfig } from "#src/app/config";
import { defer } from "#src/core/deferred";
import { silentLog } from "#src/core/log";
import { createReplayModel } from "#src/model/replay";
import { runFettle } from "../harness/program.ts";
import { browserForTests, fenced, inspect, look } from "./stage.ts";

const stage = browserForTests();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fettle-pages-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const worker = defineAgent({ role: "worker", capabilities: ["adding"], systemPrompt: "You add numbers." });
const careful = defineAgent({
  role: "careful",
  capabilities: ["asking"],
  systemPrompt: "You ask first.",
  approval: "code",
});

it("marks a mesh whose model is a recording everywhere, and each answer that was played back", async () => {
  await using mesh = new TestMesh({
    model: createReplayModel([{ match: { task: "Add" }, answers: [{ text: fenced("result = 3") }] }]),
  });
  mesh.add(worker);
  await mesh.start();
  await mesh.execute("worker", { id: "t1", task: "Add 1 and 2." });
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service);
  const { page, faults } = seen;
  const banner = page.locator(".banner").getByText("No model is asked: answers are played back");
  for (const key of ["1", "2", "3", "4", "5", "6"]) {
    await page.keyboard.press(key);
    await banner.waitFor();
  }
  await page.goto(`${service.url}#/tasks/t1`);
  await page.locator(".task-head").getByText("replayed from a recording").waitFor();
  await page.locator("[data-moment='model-answered']").getByText("replayed", { exact: true }).waitFor();
  expect(faults).toEqual([]);
});

/** The address that `fettle inspect --json` prints. */
async function addressOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("its output is not read");
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { readonly type: string; readonly url: string };
    if (said.type === "listening") return said.url;
  }
  throw new Error("it ended before it listened");
}

it("shows what a data folder holds while no program runs, says so, and offers only what can be done from there", async () => {
  const env = { FETTLE_DATA_DIRECTORY: join(folder, "data"), LOG_DIRECTORY: join(folder, "logs") };
  const config = loadConfig({ env: { ...env, FETTLE_SANDBOX_ISOLATES: "1" }, envFile: null });
  const model = createScriptedModel([
    fenced("result = missing;"),
    fenced("result = 3;"),
    fenced("result = 4;"),
  ]);
  await using mesh = new Mesh({ config, log: silentLog, model });
  mesh.add(worker);
  mesh.add(careful);
  await mesh.start();
  await mesh.execute("worker", { id: "t1", task: "Add 1 and 2." });
  mesh.execute("careful", { id: "t2", task: "Send it." }).catch(() => undefined); // Its program ends before it does.
  await expect.poll(() => mesh.pending(), { timeout: 30_000 }).toHaveLength(1);
  await mesh.stop({ mode: "suspend" });

  const started = defer<ChildProcess>();
  const run = runFettle(["inspect", "--port", "0", "--json"], { cwd: folder, env, onStart: started.resolve });
  const child = await started.promise;
  const url = await addressOf(child);
  await using seen = await look(stage.browser, { url });
  const { page, faults } = seen;
  await page.locator(".banner").getByText("No program of this mesh is asked").waitFor();
  await page.getByRole("heading", { name: "worker" }).waitFor();
  expect(await page.getByRole("button", { name: /^Pause/ }).count()).toBe(0);
  await page.getByText("What is seen here is what the data folder holds").waitFor();
  await page.keyboard.press("2");
  await page.getByText("Add 1 and 2.").click();
  await page.locator(".lit[data-state='task.done']").waitFor();
  expect(await page.locator(".line.added").textContent()).toContain("result = 3;");
  await page.goto(`${url}#/tasks/t2`);
  await page.locator("h1").getByText("Send it.").waitFor();
  expect(await page.getByRole("button", { name: "Cancel task" }).count()).toBe(0);
  await page.keyboard.press("5");
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("Nothing waits for you.").waitFor();
  expect(faults).toEqual([]);
  child.kill("SIGTERM");
  expect((await run).code).toBe(0);
});
