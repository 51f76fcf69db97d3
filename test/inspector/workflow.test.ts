// A workflow on the inspector's page, in a real browser: its graph is moved, zoomed and followed to its tasks.
import type { Locator } from "playwright-core";
import { expect, it } from "vitest";
import { defineAgent, type WorkflowStep } from "fettle";
import { TestMesh } from "fettle/testing";
import { browserForTests, inspect, look } from "./stage.ts";

const stage = browserForTests();

const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => ("task" in message ? message.task : message.body),
});

async function meshWith(steps: readonly WorkflowStep[]): Promise<TestMesh> {
  const mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  await mesh.workflow("w1", steps);
  return mesh;
}

/** A busy machine is no failure. */
const WITH_PATIENCE = { timeout: 30_000 };

/** Where an element is, in pixels. */
async function boxOf(element: Locator) {
  const box = await element.boundingBox();
  if (box === null) throw new Error("it is not seen");
  return box;
}

it("leads from a step in the graph to its task, and to the list where a step has several", async () => {
  await using mesh = await meshWith([
    { id: "first", agent: "echo", task: "Fetch the orders." },
    { id: "each", agent: "echo", task: "Clean one.", dependsOn: ["first"], forEach: ["a", "b"] },
  ]);
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "workflows/w1" });
  const { page, faults } = seen;
  await page.locator("[data-state='w1.each']").click();
  expect(page.url()).toContain("workflows/w1");
  await page.locator("[data-step='each'] summary").click();
  expect(await page.locator("[data-step='each'] .task-links a").count()).toBe(2);
  await page.locator("[data-state='w1.first']").click();
  await page.getByRole("heading", { name: "Fetch the orders." }).waitFor();
  await page.getByRole("link", { name: "step first" }).click();
  await page.getByRole("heading", { name: "w1", exact: true }).waitFor();
  await page.locator("[data-step='first'] a").click();
  await page.getByRole("heading", { name: "Fetch the orders." }).waitFor();
  expect(faults).toEqual([]);
});

it("zooms a graph at the pointer and by keys, shows it as a whole, and drags it without opening a step", async () => {
  await using mesh = await meshWith(
    Array.from({ length: 12 }, (_, index) => ({
      id: `s${index}`,
      agent: "echo",
      task: `Step ${index}.`,
      dependsOn: index === 0 ? [] : [index - 1],
    })),
  );
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "workflows/w1" });
  const { page, faults } = seen;
  const view = page.locator(".chart-view");
  const drawing = view.locator("svg");
  const frame = await boxOf(view);
  const natural = await boxOf(drawing);
  // As wide as its place it could not be read.
  expect(natural.width).toBeGreaterThan(frame.width);

  await view.focus();
  await page.keyboard.press("0");
  await expect.poll(async () => (await boxOf(drawing)).width, WITH_PATIENCE).toBeLessThanOrEqual(frame.width);
  const whole = await boxOf(drawing);
  await page.keyboard.press("+");
  await expect
    .poll(async () => (await boxOf(drawing)).width / whole.width, WITH_PATIENCE)
    .toBeCloseTo(1.25, 2);
  await page.keyboard.press("-");
  await expect.poll(async () => (await boxOf(drawing)).width, WITH_PATIENCE).toBeCloseTo(whole.width, 0);

  const step = view.locator("[data-state='w1.s9'] .box");
  const at = await boxOf(step);
  await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
  await page.keyboard.down("Control");
  for (let turn = 0; turn < 6; turn += 1) await page.mouse.wheel(0, -100);
  await page.keyboard.up("Control");
  await expect.poll(async () => (await boxOf(step)).width, WITH_PATIENCE).toBeGreaterThan(at.width * 3);
  const near = await boxOf(step);
  expect(near.x).toBeLessThan(at.x + at.width / 2);
  expect(near.x + near.width).toBeGreaterThan(at.x + at.width / 2);

  await page.mouse.down();
  await page.mouse.move(at.x - 60, at.y, { steps: 4 });
  await page.mouse.up();
  expect((await boxOf(step)).x).toBeLessThan(near.x - 40);
  expect(page.url()).toContain("workflows/w1");
  await view.locator("[data-state='w1.s9']").click();
  await page.getByRole("heading", { name: "Step 9." }).waitFor();
  expect(faults).toEqual([]);
});

it("lists the steps of a workflow that is too large for a graph, and says so", async () => {
  await using mesh = await meshWith(
    Array.from({ length: 121 }, (_, index) => ({
      id: `s${index}`,
      agent: "echo",
      task: `Step ${index}.`,
      dependsOn: index === 0 ? [] : [0],
    })),
  );
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "workflows/w1" });
  const { page, faults } = seen;
  await page.getByText("This workflow has 121 steps; graphs are drawn of up to 120.").waitFor();
  expect(await page.locator(".chart").count()).toBe(0);
  expect(await page.locator("[data-step]").count()).toBe(121);
  expect(await page.locator("[data-step='s120']").textContent()).toContain("after s0");
  await page.getByText("121 success").waitFor();
  await page.getByRole("link", { name: "s120", exact: true }).click();
  await page.getByRole("heading", { name: "Step 120." }).waitFor();
  expect(faults).toEqual([]);
});
