// The inspector's page as a whole, in a real browser: among many actors, behind a token, while its server is away.
import { expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { hindrancesOf } from "../harness/browser.ts";
import { browserForTests, inspect, look } from "./stage.ts";

const stage = browserForTests();

const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => ("task" in message ? message.task : message.body),
});

/** A busy machine is no failure. */
const WITH_PATIENCE = { timeout: 30_000 };

it("scrolls and searches among a thousand actors, drawing only those that are seen", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  for (let one = 1; one < 1000; one += 1) await mesh.spawn(echo);
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "actors" });
  const { page, faults } = seen;
  await page.getByText("1,000 actors").waitFor();
  await page.evaluate(`{
    globalThis.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
    }).observe({ type: "longtask" });
  }`);
  expect(await page.locator("[data-row]").count()).toBeLessThan(60);
  const last = page.locator("[aria-posinset='1000']");
  await expect
    .poll(async () => {
      await page.evaluate("document.querySelector('main').scrollTo(0, 1e6)");
      return last.count();
    }, WITH_PATIENCE)
    .toBe(1);
  expect(await page.locator("[data-row]").count()).toBeLessThan(60);
  await page.keyboard.press("/");
  await page.keyboard.type("echo.77");
  await page.getByText(/^\d+ actors$/).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator(".split-detail .lit[data-state='agent.serving.accepting']").waitFor();
  mesh.pause("echo");
  await page.locator(".split-detail .lit[data-state='agent.serving.paused']").waitFor();
  // Where all thousand change at once, nothing holds the page up for long, even on a busy machine.
  expect(await page.evaluate("longest")).toBeLessThan(2_000);
  expect(faults).toEqual([]);
});

it("asks for the token, keeps it to itself, and pauses an agent", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  await using service = await inspect(mesh, "secret-token-of-this-test");
  await using seen = await look(stage.browser, service);
  const { page } = seen;
  const field = page.getByLabel("Token");
  await field.waitFor();
  expect(await page.evaluate("document.activeElement.id")).toBe("token");
  expect(await hindrancesOf(page)).toEqual([]);
  await field.fill("another-token-of-this-test");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("That was not the right token.").waitFor();
  await field.fill("secret-token-of-this-test");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Pause echo" }).click();
  await page.getByRole("button", { name: "Resume echo" }).waitFor();
  expect(page.url()).not.toContain("secret-token");
  await page.goto(`${service.url}#token=secret-token-of-this-test`);
  await page.reload();
  await page.getByRole("button", { name: "Resume echo" }).click();
  await page.getByRole("button", { name: "Pause echo" }).waitFor();
});

it("says that its server is away, and catches up once it is back", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  const first = await inspect(mesh);
  await using seen = await look(stage.browser, first, { at: "tasks" });
  const { page } = seen;
  await page.getByText("No tasks yet.").waitFor();
  await first.close();
  await page.getByText("The server is away.").waitFor();
  await mesh.execute("echo", { id: "t1", task: "Hello again." });
  await using _ = await inspect(mesh, undefined, first.port);
  await page.getByText("Hello again.").waitFor();
  await page.locator(".banner").waitFor({ state: "detached" });
  await mesh.execute("echo", { id: "t2", task: "And live." });
  await page.getByText("And live.").waitFor();
});
