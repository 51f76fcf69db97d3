// All of the inspector's pages, in a real browser: at both widths, in light and dark, for everybody.
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
  "tasks/unknown",
  "actors",
  "actors/echo.1",
  "workflows",
  "workflows/w1",
  "workflows/large",
  "approvals",
  "charts",
  "charts/agent",
] as const;

/** A mesh in which each page has something to show. */
async function busyMesh(): Promise<TestMesh> {
  const answers = [
    fenced("console.log('one');\nconst a = missing;\nresult = a;"),
    fenced("result = 3;"),
    fenced("result = 'sent';"),
  ];
  const mesh = new TestMesh({ model: () => answers.shift() ?? "" });
  for (const agent of [worker, careful, echo]) mesh.add(agent);
  await mesh.start();
  await mesh.execute("worker", { id: "t1", task: "Add 1 and 2." });
  mesh.execute("careful", { id: "t2", task: "Send it." }).catch(() => undefined); // The mesh stops before it ends.
  await vi.waitUntil(async () => (await mesh.pending()).length === 1, WITH_PATIENCE);
  await mesh.workflow("w1", [
    { id: "first", agent: "echo", task: "one" },
    { id: "second", agent: "echo", task: "two", dependsOn: ["first"] },
  ]);
  await mesh.workflow(
    "large",
    Array.from({ length: 121 }, (_, index) => ({ id: `s${index}`, agent: "echo", task: "go" })),
  );
  return mesh;
}

/** What the page looks like when one has done something to it. */
const DEEDS: Partial<Record<(typeof PLACES)[number], (page: Page) => Promise<void>>> = {
  "tasks/t1": async (page) => {
    await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true;");
    await page.keyboard.press("Home");
    await page.locator(".moment.ahead").first().waitFor();
  },
  "": async (page) => {
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
  },
};

let mesh: TestMesh;

beforeAll(async () => {
  mesh = await busyMesh();
});

afterAll(() => mesh.stop({ mode: "cancel" }));

describe.each(WIDTHS)("at %i px", (width) => {
  it.each(["light", "dark"] as const)(
    "shows every page %s, without a fault and to everybody",
    async (theme) => {
      await using service = await inspect(mesh);
      await using seen = await look(stage.browser, service, { width, theme });
      const { page, faults } = seen;
      for (const place of PLACES) {
        await page.goto(`${service.url}#/${place}`);
        await page.locator("main :is(h1, h2, .empty):visible").first().waitFor();
        await page.locator(".waiting").first().waitFor({ state: "detached" });
        expect(await hindrancesOf(page), place).toEqual([]);
        const widths: readonly (readonly number[])[] = await page.evaluate(
          "[document.documentElement, document.querySelector('main')].map((one) => [one.scrollWidth, one.clientWidth])",
        );
        for (const [whole, shown] of widths) expect(whole, place).toBe(shown);
        const deed = DEEDS[place];
        if (deed === undefined) continue;
        await deed(page);
        expect(await hindrancesOf(page), `${place}, later`).toEqual([]);
        await page.keyboard.press("Escape");
      }
      // The browser itself tells of the task that is not there.
      expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
    },
  );
});
