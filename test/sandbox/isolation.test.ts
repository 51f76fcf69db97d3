// Both kinds of isolates, from the outside: cancelling, closing, what a guest can see of its host.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineTool } from "#src/core/tool";
import { createSandbox, type LocalSandbox, type SandboxOptions } from "#src/sandbox/sandbox";
import { errorOf, valueOf } from "./outcome.ts";

const kinds: NonNullable<SandboxOptions["isolation"]>[] = ["thread", "process"];

describe.each(kinds)("an isolate as a %s", (isolation) => {
  let sandbox: LocalSandbox;
  beforeAll(() => {
    sandbox = createSandbox({ isolation, isolates: 1 });
  });
  afterAll(() => sandbox.close());

  it("gives values, tools, timers and errors", async () => {
    const double = defineTool({ description: "Doubles.", input: z.number(), execute: (n) => n * 2 });
    const code =
      "await new Promise((r) => setTimeout(r, 5)); console.log('€', '\\n'); result = await tools.double(context.n)";
    const result = await sandbox.execute(code, { tools: { double }, context: { n: 21 } });
    expect(valueOf(result)).toBe(42);
    expect(result.console).toEqual([{ level: "log", text: "€ \n" }]);
    expect(errorOf(await sandbox.execute("\nmissing()"))).toMatchObject({ name: "ReferenceError", line: 2 });
  });

  it("stops what computes, grows or nests without end, and stays", async () => {
    const endings: Record<string, string> = {
      "for (;;);": "cpuMs",
      "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)": "cpuMs",
      "const a = []; for (;;) a.push(new ArrayBuffer(1e6));": "memoryBytes",
      "(function f() { f(); })()": "stackBytes",
    };
    for (const [code, limit] of Object.entries(endings)) {
      const limits = { cpuMs: limit === "cpuMs" ? 100 : 10_000, memoryBytes: 16 * 2 ** 20 };
      expect(errorOf(await sandbox.execute(code, { limits }))).toMatchObject({ limit });
    }
    expect(sandbox.stats()).toMatchObject({ isolates: 1, kills: 0 });
  });

  it("shows a guest nothing of its host", async () => {
    const names = [
      "process",
      "require",
      "module",
      "Deno",
      "Bun",
      "fetch",
      "XMLHttpRequest",
      "WebSocket",
      "Worker",
      "postMessage",
      "self",
      "window",
      "global",
      "Buffer",
      "WebAssembly",
      "SharedArrayBuffer.x",
      "navigator",
      "performance",
      "print",
      "std",
      "os",
      "scriptArgs",
    ];
    const code = `result = ${JSON.stringify(names)}.filter((name) => { try { return typeof eval(name) !== "undefined"; } catch { return false; } })`;
    expect(valueOf(await sandbox.execute(code))).toEqual([]);
  });

  it("ends a run that is cancelled while it computes", async () => {
    const control = new AbortController();
    const running = sandbox.execute("console.log('x'); for (;;);", {
      signal: control.signal,
      limits: { cpuMs: 20_000 },
    });
    while (sandbox.stats().busy === 0) await new Promise((resolve) => setImmediate(resolve));
    control.abort(new Error("enough"));
    const error = errorOf(await running);
    expect(error).toMatchObject({ name: "CancelledError", failure: "cancelled" });
    expect(error.message).toContain("enough");
    expect(valueOf(await sandbox.execute("result = 'next'"))).toBe("next");
  });

  it("ends a run that is cancelled while it waits, and aborts its tools", async () => {
    const control = new AbortController();
    let aborted = false;
    const wait = defineTool({
      description: "Waits.",
      input: z.unknown(),
      execute: (_, { signal }) => {
        signal.addEventListener("abort", () => (aborted = true));
        control.abort();
        return new Promise(() => {});
      },
    });
    const result = await sandbox.execute("await tools.wait()", { tools: { wait }, signal: control.signal });
    expect(errorOf(result)).toMatchObject({ failure: "cancelled" });
    expect(aborted).toBe(true);
  });

  it("does not start a run that is cancelled before", async () => {
    const result = await sandbox.execute("result = 1", { signal: AbortSignal.abort() });
    expect(errorOf(result)).toMatchObject({ failure: "cancelled" });
  });

  it("ends all runs when it is closed, and takes no more", async () => {
    const closing = createSandbox({ isolation, isolates: 1 });
    const wait = defineTool({
      description: "Waits.",
      input: z.unknown(),
      execute: () => new Promise(() => {}),
    });
    let called = (): void => undefined;
    const under = new Promise<void>((resolve) => (called = resolve));
    const running = closing.execute("await tools.wait()", { tools: { wait }, onTool: () => called() });
    await under;
    await closing.close();
    expect(errorOf(await running)).toMatchObject({ failure: "cancelled" });
    await expect(closing.execute("result = 1")).rejects.toMatchObject({ code: "SANDBOX_CLOSED" });
    await closing.close();
  });

  it("lets its process end by itself, closed or idle", () => {
    const url = new URL("../../dist/src/sandbox/sandbox.js", import.meta.url).href;
    const script = (last: string): string =>
      `import { createSandbox } from ${JSON.stringify(url)};` +
      `const sandbox = createSandbox({ isolation: "${isolation}", isolates: 1 });` +
      `const outcome = await sandbox.execute("result = 42"); ${last} console.log(outcome.value);`;
    // An idle Deno worker keeps its process alive: there, a sandbox must be closed.
    const idle = "Deno" in globalThis && isolation === "thread" ? [] : [""];
    for (const last of ["await sandbox.close();", ...idle]) {
      expect(runScript(script(last))).toEqual({ status: 0, stdout: "42\n", stderr: "" });
    }
  });
});

function runScript(script: string): { status: number | null; stdout: string; stderr: string } {
  const args = "Deno" in globalThis ? ["eval", "--quiet", script] : ["--input-type=module", "-e", script];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    cwd,
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

describe("createSandbox", () => {
  it("refuses the remote mode, and says where it comes from", () => {
    expect(() => createSandbox({ mode: "remote" })).toThrow(/sandbox nodes over NATS.*fettle sandbox/);
    expect(() => createSandbox({ mode: "cloud" as "local" })).toThrow(/"local" or "remote"/);
  });

  it("refuses unknown and wrong options by name", () => {
    expect(() => createSandbox({ isolate: 1 } as object)).toThrow(/Unknown sandbox option "isolate"/);
    expect(() => createSandbox({ isolates: 0 })).toThrow(/isolates is 0/);
    expect(() => createSandbox({ isolation: "vm" as "thread" })).toThrow(/"thread" or "process"/);
    expect(() => createSandbox({ limits: { cpu: 1 } as object })).toThrow(/Unknown limit "cpu"/);
  });

  it("ends the process and names the flag where Deno may not make workers without permissions", () => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const url = new URL("../../dist/src/sandbox/sandbox.js", import.meta.url).href;
    const script = `import { createSandbox } from ${JSON.stringify(url)}; createSandbox(); console.log("made");`;
    const flags = ["--no-config", "--node-modules-dir=manual", "--quiet", "--ext=js", "-"];
    const { status, stdout, stderr } = spawnSync(`${root}node_modules/.bin/deno`, ["run", "-A", ...flags], {
      encoding: "utf8",
      cwd: root,
      input: script,
      timeout: 20_000,
    });
    expect(status).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain("--unstable-worker-options");
  });

  it("throws what the caller's own observers throw", async () => {
    await using sandbox = createSandbox({ isolates: 1 });
    const broken = (): never => {
      throw new Error("observer");
    };
    await expect(sandbox.execute("console.log(1); result = 1", { onConsole: broken })).rejects.toThrow(
      "observer",
    );
    expect(valueOf(await sandbox.execute("result = 1"))).toBe(1);
  });
});
