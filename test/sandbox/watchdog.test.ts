// The second wall, proven: an isolate whose polls do nothing gets stuck, and is killed from outside.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "#src/core/tool";
import { readPool } from "#src/observe/measured-sandbox";
import { createMetrics } from "#src/observe/metrics";
import { ENGINE_URL, WORKER_URL, type Launch } from "#src/sandbox/link";
import { Pool } from "#src/sandbox/pool";
import { processes } from "#src/sandbox/process";
import { nodeThreads } from "#src/sandbox/thread-node";
import { Module } from "#src/sandbox/worker/webassembly";
import { Exposition } from "../harness/exposition.ts";
import { errorOf, valueOf } from "./outcome.ts";
import { plan } from "./plan.ts";

const bytes = readFileSync(ENGINE_URL);
const engine = { bytes, module: new Module(bytes) };

const folder = mkdtempSync(join(tmpdir(), "fettle-deaf-"));
const deaf = join(folder, "worker.mjs");
writeFileSync(deaf, deafened(readFileSync(WORKER_URL, "utf8")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The worker with polls that never end anything. */
function deafened(worker: string): string {
  const parts = worker.split("\n  poll() {\n");
  if (parts.length !== 2) throw new Error("The worker's poll was not found.");
  return parts.join("\n  poll() {\n    return;\n");
}

// Deno's terminate() does not stop a thread that computes: there, only a process can be killed.
const launches: Readonly<Record<string, Launch>> = {
  process: processes(pathToFileURL(deaf)),
  ...("Deno" in globalThis ? {} : { thread: nodeThreads(pathToFileURL(deaf)) }),
};

const STUCK = "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);";

describe.each(Object.entries(launches))("an isolate as a %s that does not hear its polls", (_, launch) => {
  it("is killed when a guest gets stuck; who waited there goes on elsewhere or is told", async () => {
    const pool = new Pool({ launch, engine, isolates: 1, guestsPerIsolate: 10, maxQueued: 10, spares: 0 });
    let called = (): void => undefined;
    const acted = new Promise<void>((resolve) => (called = resolve));
    const tool = defineTool({
      description: "Never returns.",
      input: z.unknown(),
      execute: () => {
        called();
        return new Promise(() => {});
      },
    });
    const actor = pool.submit(plan("await tools.tool()", { tools: { tool } }));
    await acted;
    const bystander = pool.submit(plan("await new Promise((r) => setTimeout(r, 400)); return 'unharmed'"));
    const culprit = pool.submit(plan(STUCK, { limits: { cpuMs: 100 } }));
    expect(errorOf(await culprit)).toMatchObject({ failure: "limit", limit: "cpuMs" });
    expect(errorOf(await actor)).toMatchObject({ failure: "crash" });
    expect(valueOf(await bystander)).toBe("unharmed");
    expect(pool.stats()).toMatchObject({ kills: 1 });
    const metrics = createMetrics({ process: false });
    readPool(pool, metrics);
    expect(Exposition.parse(await metrics.text()).sum("fettle_sandbox_isolate_kills_total")).toBe(1);
    await pool.close();
  });
});
