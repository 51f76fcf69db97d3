// Takes the pictures of the inspector under docs/pictures: a mesh with a scripted model, looked at in a browser.
// Invariant: what is seen is the real page over a real mesh; two widths, light and dark. Run after `npm run build`.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { z } from "zod";
import { defineAgent, defineTool } from "fettle";
import { createScriptedModel, TestMesh } from "fettle/testing";
import { silentLog } from "#src/core/log";
import { openInspectorService } from "#src/app/inspector/inspector-service";

const target = new URL("../docs/pictures/", import.meta.url);
const fenced = (code) => `\`\`\`js\n${code}\n\`\`\``;
const first = `// Average order value per month
const months = new Map();
for (const { date, total } of context.orders) {
  const month = date.slice(0, 7);
  const entry = months.get(month) ?? { sum: 0, count: 0 };
  entry.sum += total.amount.toFixed(2);
  entry.count += 1;
  months.set(month, entry);
}
result = [...months].map(([month, { sum, count }]) => ({ month, average: sum / count }));`;
const second = first
  .replace(
    "  entry.sum += total.amount.toFixed(2);",
    "  // Some orders carry a bare number\n  entry.sum += total.amount ?? total;",
  )
  .replace("result =", "console.log(`${months.size} months`);\nresult =");
const sending = `const overdue = await tools.invoices({ overdueDays: 30 });
result = await tools.remind({ ids: overdue.map(({ id }) => id), tone: "kind" });`;

/** Answers as a model would, by what it is asked. */
async function answer({ messages }) {
  const [{ content }] = messages;
  await new Promise((resolve) => setTimeout(resolve, 400));
  if (content.includes("Average")) return fenced(messages.length > 1 ? second : first);
  if (content.includes("reminder")) return fenced(sending);
  if (content.includes("slowest") || content.includes("Say what they mean"))
    return new Promise(() => undefined);
  return fenced("result = `${context.input ?? 'It'} is done.`;");
}

const tokens = { input: 1180, output: 312, cacheRead: 0, cacheWrite: 0 };
const model = createScriptedModel(answer, {
  answer: { tokens, costUsd: 0.0082, provider: "anthropic", model: "claude-sonnet-4-5" },
});
/** A mesh in memory that calls its node as people would. */
class Acme extends TestMesh {
  async open() {
    return { ...(await super.open()), node: "studio", version: process.env.npm_package_version ?? "0.1.0" };
  }
}
const mesh = new Acme({ name: "acme", model, concurrency: 4 });
const tools = {
  invoices: defineTool({
    description: "Lists invoices.",
    input: z.object({ overdueDays: z.number() }),
    execute: () => [{ id: "A-17" }, { id: "A-23" }],
  }),
  remind: defineTool({
    description: "Sends reminders.",
    input: z.object({ ids: z.array(z.string()), tone: z.string() }),
    execute: ({ ids }) => ids.length,
  }),
};
mesh.add(
  defineAgent({ role: "analyst", capabilities: ["statistics"], systemPrompt: "You are a careful analyst." }),
);
mesh.add(
  defineAgent({
    role: "clerk",
    capabilities: ["invoices"],
    systemPrompt: "You keep the books.",
    tools,
    approval: "tools",
  }),
);
mesh.add(defineAgent({ role: "writer", capabilities: ["reports"], systemPrompt: "You write reports." }));
const archive = defineAgent({ role: "archive", capabilities: ["files"], handle: () => "filed" });
mesh.add(archive);
await mesh.start();
for (let one = 1; one < 60; one += 1) await mesh.spawn(archive);
for (const month of ["July", "August", "September", "October"]) {
  await mesh.execute("writer", { task: `Summarise the customer interviews of ${month}` });
}
const orders = [
  { date: "2026-09-04", total: { amount: 61 } },
  { date: "2026-09-19", total: 47.5 },
  { date: "2026-10-02", total: { amount: 80 } },
];
const left = (promise) => void promise.catch(() => undefined);
const report = mesh.workflow("monthly-report", [
  { id: "fetch", agent: "archive", task: "Fetch the orders of October" },
  { id: "clean", agent: "writer", task: "Clean the orders", dependsOn: ["fetch"] },
  { id: "figures", agent: "writer", task: "Work out the figures", dependsOn: ["clean"] },
  { id: "words", agent: "writer", task: "Say what they mean", dependsOn: ["clean"] },
  { id: "report", agent: "writer", task: "Write the report", dependsOn: ["figures", "words"] },
]);
left(report);
await mesh.execute("analyst", {
  id: "orders",
  task: "Average order value per month, as a table",
  context: { orders },
});
left(
  mesh.execute("clerk", {
    id: "reminders",
    task: "Send a kind reminder for every invoice overdue by 30 days",
  }),
);
left(
  mesh.execute("analyst", { id: "slow", task: "Find the three slowest queries and say why they are slow" }),
);
const isUnderWay = async () => {
  const { steps } = await mesh.view.workflows.find("monthly-report");
  return steps.filter(({ status }) => status === "success").length === 3;
};
while ((await mesh.pending()).length === 0 || !(await isUnderWay()))
  await new Promise((resolve) => setTimeout(resolve, 50));

const place = { host: "127.0.0.1", port: 0, token: undefined };
const service = await openInspectorService(mesh, { ...place, log: silentLog, secrets: [] });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
mkdirSync(target, { recursive: true });

/** What is seen, at which moment of a task it stands where it is one. */
const sights = [
  ["mesh", ""],
  ["task", "tasks/orders", "run 1 failed"],
  ["tasks", "tasks"],
  ["approvals", "approvals"],
  ["workflow", "workflows/monthly-report"],
  ["actors", "actors/analyst.1"],
];
for (const [width, height] of [
  [1280, 800],
  [375, 740],
]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    for (const [name, path, moment] of sights) {
      await page.goto(`${service.url}#/${path}`);
      await page.locator("main :is(h1, h2):visible").first().waitFor();
      await page.locator(".waiting").first().waitFor({ state: "detached" });
      if (moment !== undefined)
        await page
          .getByRole("button", { name: `Go to ${moment}` })
          .first()
          .click();
      await page.mouse.move(width - 2, 70);
      await page.evaluate("document.activeElement.blur()");
      await page.waitForTimeout(400);
      await page.screenshot({ path: new URL(`${name}-${width}-${colorScheme}.png`, target).pathname });
    }
    await context.close();
  }
}
await browser.close();
await service.close();
await mesh.stop({ mode: "cancel" });
