// The inspector's page as a whole, in a real browser: all of its pages, at both widths, in light and dark.
import { describe, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { hindrancesOf, WIDTHS } from "../harness/browser.ts";
import { browserForTests, fenced, inspect, look } from "./stage.ts";

const stage = browserForTests();

const careful = defineAgent({
  role: "careful",
  capabilities: ["asking"],
  systemPrompt: "You ask first.",
  approval: "code",
});
const worker = defineAgent({ role: "worker", capabilities: ["adding"], systemPrompt: "You add numbers." });
const echo = defineAgent({
  role: "echo",
  capabilities: ["echoing"],
  handle: (message) => ("task" in message ? message.task : message.body),
});

/** A busy machine is no failure. */
const WITH_PATIENCE = { timeout: 30_000 };

const PLACES = [
  "",
  "tasks",
  "tasks/t1",
  "tasks/t2",
  "actors",
  "workflows",
  "workflows/w1",
  "approvals",
  "charts",
  "charts/agent",
] as const;

/** A mesh in which each page has something to show. */
async function busyMesh(): Promise<TestMesh> {
  const answers = [
    fenced("const a = missing;\nresult = a;"),
    fenced("result = 3;"),
    fenced("result = 'sent';"),
  ];
  const mesh = new TestMesh({ model: () => answers.shift() ?? "" });
  for (const agent of [worker, careful, echo]) mesh.add(agent);
  await mesh.start();
  await mesh.execute("worker", { id: "t1", task: "Add 1 and 2." });
  mesh.execute("careful", { id: "t2", task: "Send it." }).catch(() => undefined); // The mesh stops before it ends.
  await expect.poll(() => mesh.pending(), WITH_PATIENCE).toHaveLength(1);
  await mesh.workflow("w1", [
    { id: "first", agent: "echo", task: "one" },
    { id: "second", agent: "echo", task: "two", dependsOn: ["first"] },
  ]);
  return mesh;
}

describe.each(WIDTHS)("at %i px", (width) => {
  it.each(["light", "dark"] as const)(
    "shows every page %s, without a fault and to everybody",
    async (theme) => {
      await using mesh = await busyMesh();
      await using service = await inspect(mesh);
      await using seen = await look(stage.browser, service, { width, theme });
      const { page, faults } = seen;
      for (const place of PLACES) {
        await page.goto(`${service.url}#/${place}`);
        await page.locator("main h1").waitFor();
        await page.locator(".waiting").waitFor({ state: "detached" });
        expect(await hindrancesOf(page), place).toEqual([]);
        const widths: readonly (readonly number[])[] = await page.evaluate(
          "[document.documentElement, document.querySelector('main')].map((one) => [one.scrollWidth, one.clientWidth])",
        );
        for (const [whole, shown] of widths) expect(whole, place).toBe(shown);
      }
      expect(faults).toEqual([]);
      await mesh.stop({ mode: "cancel" });
    },
  );
});

it("scrolls and searches among a thousand actors, drawing only those that are seen", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  for (let one = 1; one < 1000; one += 1) await mesh.spawn(echo);
  await using service = await inspect(mesh);
  await using seen = await look(stage.browser, service, { at: "actors" });
  const { page, faults } = seen;
  await page.getByText("1,000 actors").waitFor();
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
  expect(faults).toEqual([]);
});

it("asks for the token, keeps it to itself, and pauses an agent", async () => {
  await using mesh = new TestMesh();
  mesh.add(echo);
  await mesh.start();
  await using service = await inspect(mesh, "secret-token-of-this-test");
  await using seen = await look(stage.browser, service);
  const { page } = seen;
  await page.getByLabel("Token").fill("secret-token-of-this-test");
  await page.getByRole("button", { name: "Open" }).click();
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
});
