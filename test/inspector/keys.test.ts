// The inspector's page by keys alone, in a real browser: where the focus goes, that it is seen, and that it comes back.
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { browserForTests, inspect, look } from "./stage.ts";

const stage = browserForTests();

const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => ("task" in message ? message.task : message.body),
});
const idle = defineAgent({
  role: "idle",
  capabilities: ["idling"],
  handle: () => new Promise(() => undefined),
});

/** A busy machine is no failure. */
const WITH_PATIENCE = { timeout: 30_000 };

/** What has the focus: its words, and whether one sees that it has it. */
interface Focus {
  readonly name: string;
  readonly isSeen: boolean;
}

function focus(page: Page): Promise<Focus> {
  return page.evaluate(`(() => {
    const { activeElement } = document;
    const { outlineStyle, outlineWidth } = getComputedStyle(activeElement);
    return {
      name: (activeElement.getAttribute("aria-label") ?? activeElement.textContent).trim(),
      isSeen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    };
  })()`);
}

async function focusNext(page: Page): Promise<Focus> {
  await page.keyboard.press("Tab");
  return focus(page);
}

it("takes the focus through all that can be pressed, in reading order, and shows where it is", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service);
  const { page, faults } = seen;
  await page.getByRole("button", { name: "Pause echo" }).waitFor();
  const way: Focus[] = [];
  for (let step = 0; step < 14; step += 1) way.push(await focusNext(page));
  expect(way.map(({ name }) => name)).toEqual([
    "To the content",
    "Fettletest",
    "Mesh",
    "Tasks",
    "Actors",
    "Workflows",
    "Approvals",
    "Charts",
    "Show the page dark",
    "Keys",
    "to approve",
    "echo",
    "Pause echo",
    "Tasks of echo",
  ]);
  expect(way.filter(({ isSeen }) => !isSeen)).toEqual([]);
  await page.goto(`${service.url}#/`);
  await page.reload();
  await page.getByRole("button", { name: "Pause echo" }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(await focusNext(page)).toMatchObject({ name: "to approve" });
  expect(faults).toEqual([]);
});

it("opens the list of keys as a dialog that keeps keys to itself, and gives the focus back", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service);
  const { page, faults } = seen;
  const opener = page.getByRole("button", { name: "Keys" });
  const dialog = page.getByRole("dialog", { name: "Keys" });
  await opener.focus();
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  expect(await focus(page)).toMatchObject({ name: "Close", isSeen: true });
  await page.keyboard.press("2");
  await page.keyboard.press("/");
  expect(await dialog.isVisible()).toBe(true);
  expect(new URL(page.url()).hash).toBe("#/");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  expect((await focus(page)).name).toBe("Keys");
  await page.keyboard.press("?");
  await dialog.waitFor();
  await page.keyboard.press("?");
  await dialog.waitFor({ state: "hidden" });
  expect((await focus(page)).name).toBe("Keys");
  await page.keyboard.press("2");
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  expect(faults).toEqual([]);
});

it("goes from a list to a task and back to the row that was left, the list still narrowed down", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  for (let one = 0; one < 60; one += 1) await mesh.execute("echo", { id: `t${one}`, task: `Say ${one}.` });
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "tasks" });
  const { page, faults } = seen;
  await page.getByText("60 tasks").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("say");
  await page.waitForURL(/query=say/);
  await page.keyboard.press("Escape");
  await page.locator("[aria-posinset='1'] [data-row]").waitFor();
  for (let row = 0; row < 16; row += 1) await page.keyboard.press("j");
  await page.keyboard.press("k");
  const left = await focus(page);
  expect(left.isSeen).toBe(true);
  const [task = ""] = /Say \d+\./.exec(left.name) ?? [];
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: task }).waitFor();
  await expect.poll(() => page.evaluate("document.activeElement.id"), WITH_PATIENCE).toBe("main");
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await focus(page)).name, WITH_PATIENCE).toContain(task);
  expect(page.url()).toContain("query=say");
  expect(faults).toEqual([]);
});

it("takes Escape for a no where it asks once more, and stays", async () => {
  await using mesh = new TestMesh();
  mesh.add(idle);
  await mesh.start();
  await using service = await inspect(mesh);
  mesh.execute("idle", { id: "t1", task: "Wait." }).catch(() => undefined); // It is cancelled at the end of the test.
  await using seen = await look(stage.browser, service, { at: "tasks/t1" });
  const { page, faults } = seen;
  const cancel = page.getByRole("button", { name: "Cancel task" });
  await cancel.focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => focus(page), WITH_PATIENCE).toEqual({ name: "Yes, cancel it", isSeen: true });
  expect(await focusNext(page)).toEqual({ name: "No", isSeen: true });
  // The page counts the task's seconds meanwhile: the focus stays where it was taken.
  const seconds = page.locator(".task-facts").getByText(/^for /);
  const before = await seconds.textContent();
  await expect.poll(() => seconds.textContent(), WITH_PATIENCE).not.toBe(before);
  expect((await focus(page)).name).toBe("No");
  await page.keyboard.press("Escape");
  await expect.poll(() => focus(page), WITH_PATIENCE).toEqual({ name: "Cancel task", isSeen: true });
  expect(page.url()).toContain("tasks/t1");
  expect(faults).toEqual([]);
  await mesh.stop({ mode: "cancel" });
});
