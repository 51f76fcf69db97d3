// A task on the inspector's page, in a real browser: followed, walked through, approved, cancelled.
import type { Locator, Page } from "playwright-core";
import { expect, it } from "vitest";
import { defineAgent } from "fettle";
import { createScriptedModel, TestMesh } from "fettle/testing";
import { defer } from "#src/core/deferred";
import { browserForTests, fenced, inspect, look } from "./stage.ts";

const stage = browserForTests();

const worker = defineAgent({ role: "worker", capabilities: ["adding"], systemPrompt: "You add numbers." });
const careful = defineAgent({
  role: "careful",
  capabilities: ["asking"],
  systemPrompt: "You ask first.",
  approval: "code",
});

/** A busy machine is no failure. */
const WITH_PATIENCE = { timeout: 30_000 };

const BROKEN = fenced("console.warn('careful');\nconst a = missing;\nresult = a;");
const MENDED = fenced(
  "console.warn('careful');\nresult = { sum: 3, markup: '<img src=x onerror=alert(1)>' };",
);

/** Notes the leaf states that are lit, in turn, from now on. */
async function noteLit(page: Page): Promise<void> {
  await page.evaluate(`{
    globalThis.seen = [];
    const note = () => {
      const name = [...document.querySelectorAll(".task-chart [data-state].lit")].at(-1)?.dataset.state;
      if (name !== undefined && name !== seen.at(-1)) seen.push(name);
    };
    note();
    new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ["class"], childList: true });
  }`);
}

const litSoFar = (page: Page): Promise<readonly string[]> =>
  page.evaluate("seen.map((id) => id.split('.').at(-1))");

/** How far down the window something reaches, in pixels. */
async function bottomOf(element: Locator): Promise<number> {
  const box = await element.boundingBox();
  return box === null ? Number.POSITIVE_INFINITY : box.y + box.height;
}

it("lights each state in turn as a task goes through a repair, and shows what was changed", async () => {
  const answers = [BROKEN, MENDED];
  const gate = defer<undefined>();
  await using mesh = new TestMesh({
    model: async () => {
      await gate.promise;
      return answers.shift() ?? "";
    },
  });
  mesh.add(worker);
  await mesh.start();
  await using service = await inspect(mesh);
  const result = mesh.execute("worker", { id: "t1", task: "Add <b>1</b> and 2." });
  await using seen = await look(stage.browser, service, { at: "tasks/t1", moves: true });
  const { page, faults } = seen;
  await page.locator(".lit[data-state='task.working.generating']").waitFor();
  await noteLit(page);
  gate.resolve(undefined);
  await result;
  await page.locator(".lit[data-state='task.done']").waitFor();
  expect(await litSoFar(page)).toEqual([
    "generating",
    "executing",
    "repairing",
    "executing",
    "settling",
    "done",
  ]);
  expect(await page.locator(".taken").count()).toBeGreaterThan(0);
  expect(await page.locator("h1").textContent()).toBe("Add <b>1</b> and 2.");
  expect(await page.locator(".line.removed").allTextContents()).toEqual([
    expect.stringContaining("const a = missing;"),
    expect.stringContaining("result = a;"),
  ]);
  expect(await page.locator(".line.added").textContent()).toContain("result = { sum: 3");
  expect(await page.locator(".excerpt .line.failed").textContent()).toContain("const a = missing;");
  expect(await page.locator(".console-line").first().textContent()).toContain("warn: careful");
  expect(await page.locator("section.result").textContent()).toContain("<img src=x onerror=alert(1)>");
  expect(await page.locator("main img").count()).toBe(0);
  expect(faults).toEqual([]);
});

it("shows the answer of a model as it is written, and then the code that it was", async () => {
  const [half, whole] = [defer<undefined>(), defer<undefined>()];
  const model = createScriptedModel([MENDED]);
  await using mesh = new TestMesh({
    model: {
      ...model,
      ask: async (request, call = {}) => {
        await half.promise;
        call.onText?.("```js\nconst part = ");
        await whole.promise;
        return model.ask(request, { signal: call.signal });
      },
    },
  });
  mesh.add(worker);
  await mesh.start();
  await using service = await inspect(mesh);
  const result = mesh.execute("worker", { id: "t1", task: "Add." });
  await using seen = await look(stage.browser, service, { at: "tasks/t1" });
  const { page, faults } = seen;
  await page.locator(".writing").getByText("The model is writing").waitFor();
  half.resolve(undefined);
  await page.locator(".writing pre").getByText("const part =").waitFor();
  whole.resolve(undefined);
  await result;
  await page.locator("[data-moment='model-answered'] .line").first().waitFor();
  expect(await page.locator(".writing").count()).toBe(0);
  expect(faults).toEqual([]);
});

it("walks back through a task that has ended, by its scrubber and by keys", async () => {
  await using mesh = new TestMesh({ model: [BROKEN, MENDED] });
  mesh.add(worker);
  await mesh.start();
  await using service = await inspect(mesh);
  await mesh.execute("worker", { id: "t1", task: "Add." });
  await using seen = await look(stage.browser, service, { at: "tasks/t1" });
  const { page, faults } = seen;
  const lit = page.locator(".task-chart .lit:not(.around)");
  const slider = page.getByRole("slider", { name: "Moment" });
  await page.locator(".lit[data-state='task.done']").waitFor();
  await slider.focus();
  await page.keyboard.press("Home");
  const walked: (string | null)[] = [];
  const last = Number(await slider.getAttribute("max"));
  for (let moment = 0; moment <= last; moment += 1) {
    await expect.poll(() => slider.inputValue(), WITH_PATIENCE).toBe(String(moment));
    // The browser moves the slider itself, before the page has drawn that moment.
    await expect.poll(() => page.locator(".moment.ahead").count(), WITH_PATIENCE).toBe(last - moment);
    const state = (await lit.count()) === 0 ? null : await lit.getAttribute("data-state");
    if (state !== walked.at(-1)) walked.push(state);
    await page.keyboard.press("ArrowRight");
  }
  expect(walked.map((id) => id?.split(".").at(-1) ?? null)).toEqual([
    null,
    "queued",
    "generating",
    "executing",
    "repairing",
    "executing",
    "settling",
    "done",
  ]);
  await page.locator("h1").click();
  await page.keyboard.press("ArrowLeft");
  await expect.poll(() => slider.inputValue(), WITH_PATIENCE).toBe(String(last - 1));
  expect(await page.locator("[aria-current='step']").count()).toBe(1);
  expect(await page.locator(".moment.ahead").count()).toBe(1);
  await page.keyboard.press("End");
  await expect.poll(() => page.locator(".moment.ahead").count(), WITH_PATIENCE).toBe(0);
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  expect(faults).toEqual([]);
});

it("tells of an approval wherever one is, shows the code, and gives the answer with its note", async () => {
  await using mesh = new TestMesh({ model: [MENDED] });
  mesh.add(careful);
  await mesh.start();
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service);
  const { page, faults } = seen;
  await page.getByRole("heading", { name: "careful" }).waitFor();
  const result = mesh.execute("careful", { id: "t1", task: "Add." });
  await page.locator(".badge").waitFor();
  expect(await page.getByRole("status").allTextContents()).toContain("1 approval waits for an answer.");
  // Whoever opens the task has its question in sight.
  await page.goto(`${service.url}#/tasks/t1`);
  const approve = page.getByRole("button", { name: "Approve" });
  await expect.poll(() => bottomOf(approve), WITH_PATIENCE).toBeLessThan(800);
  await page.keyboard.press("5");
  const card = page.locator("[data-approval='t1-a1']");
  expect(await card.locator("pre").textContent()).toContain("result = { sum: 3");
  await card.getByLabel("Note on t1-a1").fill("go on");
  await card.getByRole("button", { name: "Approve" }).click();
  expect(await result).toMatchObject({ status: "success" });
  await page.getByText("Nothing waits for you.").waitFor();
  await page.keyboard.press("Escape");
  await page
    .getByRole("link", { name: /^Tasks/ })
    .first()
    .click();
  await page.getByText("Add.", { exact: true }).click();
  await page.locator("[data-moment='approval-answered']").getByText("“go on”").waitFor();
  expect(faults).toEqual([]);
});

it("cancels a task once one has said so twice", async () => {
  await using mesh = new TestMesh({ model: () => new Promise<string>(() => undefined) });
  mesh.add(worker);
  await mesh.start();
  await using service = await inspect(mesh);
  const result = mesh.execute("worker", { id: "t1", task: "Add." });
  await using seen = await look(stage.browser, service, { at: "tasks/t1" });
  const { page, faults } = seen;
  await page.getByRole("button", { name: "Cancel task" }).click();
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  expect(await result).toMatchObject({ status: "cancelled" });
  await page.locator(".lit[data-state='task.cancelled']").waitFor();
  expect(await page.getByRole("button", { name: "Cancel task" }).count()).toBe(0);
  expect(faults).toEqual([]);
});
