// The page on which the HTTP service is tried, in a real browser: it works, and for everybody.
import { createHttpApp, openHttpServer } from "fettle/http";
import { TestMesh } from "fettle/testing";
import { describe, expect, it } from "vitest";
import { hindrancesOf, openPage, WIDTHS } from "../../harness/browser.ts";
import { browserForTests } from "../../inspector/stage.ts";
import { testAgents } from "./service.ts";

const stage = browserForTests();

describe.each(WIDTHS)("at %i px", (width) => {
  it.each(["light", "dark"] as const)("is read and tried by everybody, %s", async (theme) => {
    await using mesh = new TestMesh();
    for (const agent of testAgents().agents) mesh.add(agent);
    await mesh.start();
    await using server = await openHttpServer(createHttpApp(mesh).fetch, { host: "127.0.0.1", port: 0 });
    await using seen = await openPage(stage.browser, `${server.url}/docs`, { width, theme });
    const { page, faults } = seen;
    await page.locator("#operations[aria-busy='false']").waitFor();
    expect(await hindrancesOf(page)).toEqual([]);
    const operation = page.locator("details", { hasText: "GET/v1/agents" }).first();
    await operation.locator("summary").press("Enter");
    await operation.getByRole("button", { name: "Send" }).click();
    await operation.getByRole("status").getByText("200").waitFor();
    await operation.locator(".answer").getByText('"echo"').first().waitFor();
    const submit = page.locator("details", { hasText: "POST/v1/tasks" }).first();
    await submit.locator("summary").press("Enter");
    await submit.getByLabel("Body: JSON").fill('{ "agent": "nobody", "task": "go" }');
    await submit.getByRole("button", { name: "Send" }).click();
    await submit
      .getByRole("status")
      .getByText(/^4\d\d/)
      .waitFor();
    expect(await hindrancesOf(page)).toEqual([]);
    const [whole, shown] = await page.evaluate<readonly [number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(whole).toBe(shown);
    // The browser itself tells of the answer that is an error.
    expect(faults.filter((fault) => !/status of 4\d\d/.test(fault))).toEqual([]);
  });
});
