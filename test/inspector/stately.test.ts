// The page around Stately's inspector, in a real browser: an inspector of the test's own, made with Stately's receiver, stands
// for theirs, on another origin.
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { defineAgent } from "fettle";
import { TestMesh } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { LiveActors } from "#src/app/stately/live-actors";
import { openStately } from "#src/app/stately/stately";
import { openPage, hindrancesOf } from "../harness/browser.ts";
import { browserForTests, fenced } from "./stage.ts";

const stage = browserForTests();

/** Lists what it is given, and what it is. */
const INSPECTOR = `
import { createBrowserReceiver } from "@statelyai/inspect";
const list = document.querySelector("ol");
const names = new Map();
createBrowserReceiver().subscribe((event) => {
  if (event.type === "@xstate.actor") names.set(event.sessionId, event.name);
  if (event.type !== "@xstate.snapshot") return;
  const line = document.createElement("li");
  line.textContent = names.get(event.sessionId) + " " + JSON.stringify(event.snapshot.value ?? null);
  list.append(line);
});
`;

const asked: IncomingHttpHeaders[] = [];
const elsewhere = createServer((request, response) => {
  asked.push(request.headers);
  const isScript = request.url === "/inspect.js";
  response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
  response.end(
    isScript ? script : '<!doctype html><title>Inspector</title><ol></ol><script src="/inspect.js"></script>',
  );
});
let script = "";
let inspector: URL;
beforeAll(async () => {
  const stdin = { contents: INSPECTOR, resolveDir: process.cwd() };
  const built = await build({ stdin, bundle: true, format: "iife", platform: "browser", write: false });
  script = built.outputFiles[0]?.text ?? "";
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  inspector = new URL(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/inspect`);
});
afterAll(() => elsewhere.close());

it("hands what the charts do to the inspector inside it, says whose that is, and tells it no address", async () => {
  const live = new LiveActors();
  await using mesh = new TestMesh({ model: [fenced("result = 42;")], inspect: live.hear });
  mesh.add(defineAgent({ role: "worker", capabilities: ["working"], systemPrompt: "You work." }));
  await mesh.start();
  await using stately = await openStately(mesh, live, { port: 0, log: silentLog, secrets: [], inspector });
  const { url } = stately.place;
  await using seen = await openPage(stage.browser, url, { width: 1280, theme: "light" });
  const { page, faults } = seen;
  await page.getByRole("status").getByText("Live.").waitFor();
  expect(await page.locator("p").innerText()).toContain(
    `is a page from ${inspector.origin}, and is given all that is shown`,
  );
  await mesh.execute("worker", { id: "t1", task: "Say 42." });
  const lines = page.frameLocator("iframe").getByRole("listitem");
  await lines.getByText('task-t1 "done"').waitFor();
  const states = (await lines.allInnerTexts()).filter((line) => line.startsWith("task-t1 "));
  expect([...new Set(states)]).toEqual([
    'task-t1 "queued"',
    'task-t1 {"working":"generating"}',
    'task-t1 {"working":"executing"}',
    'task-t1 "settling"',
    'task-t1 "done"',
  ]);
  await stately.close();
  await page.getByRole("status").getByText("The program has ended, or cannot be reached.").waitFor();
  expect(faults).toEqual([]);
  // After the faults: axe speaks to the frame as if it were of this page's origin, which is one.
  expect(await hindrancesOf(page)).toEqual([]);
  expect(asked.length).toBeGreaterThanOrEqual(2);
  expect(JSON.stringify(asked)).not.toContain(new URL(url).pathname);
});
