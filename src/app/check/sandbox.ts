// Proves the sandbox by using it: code runs, an endless loop is stopped, and the host cannot be reached.
// Invariant: each proof runs real code in a guest; nothing here trusts what the sandbox says of itself.
import { messageOf } from "../../core/errors.ts";
import type { ExecuteResult, Sandbox } from "../../core/guest.ts";

import { findingsOf, type Finding } from "./finding.ts";

const LOOP_MS = 200;

/** What a program on the host could use, and a guest must not have. */
const HOST_NAMES = ["fetch", "process", "require", "Deno", "XMLHttpRequest", "WebSocket", "WebAssembly"];

/** Both by name and by way of the Function constructor, which escapes many sandboxes. */
const REACH = `
  const names = context.names;
  const make = (() => {}).constructor;
  result = names.filter((name) => typeof globalThis[name] !== "undefined" || make("return typeof " + name)() !== "undefined");
`;

/** Whether a sandbox runs code, stops it and holds it; `place` says where its code runs. */
export async function checkSandbox(place: string, open: () => Promise<Sandbox>): Promise<Finding> {
  const { ok, failed } = findingsOf("Sandbox");
  try {
    const sandbox = await open();
    try {
      const problems = [await proveRun(sandbox), await proveStop(sandbox), await proveHold(sandbox)].filter(
        (problem) => problem !== null,
      );
      if (problems.length > 0) return failed(problems.join("\n"));
    } finally {
      await sandbox.close();
    }
  } catch (thrown) {
    return failed(messageOf(thrown));
  }
  return ok(`code runs ${place}, an endless loop is stopped, the host cannot be reached`);
}

async function proveRun(sandbox: Sandbox): Promise<string | null> {
  const outcome = await sandbox.execute("result = context.a * 7", { context: { a: 6 } });
  return outcome.ok && outcome.value === 42 ? null : `6 * 7 gave ${describe(outcome)} in place of 42.`;
}

async function proveStop(sandbox: Sandbox): Promise<string | null> {
  const outcome = await sandbox.execute("for (;;) {}", { limits: { cpuMs: LOOP_MS } });
  const stopped = !outcome.ok && outcome.error.limit === "cpuMs";
  return stopped ? null : `An endless loop was not stopped by its limit: it gave ${describe(outcome)}.`;
}

async function proveHold(sandbox: Sandbox): Promise<string | null> {
  const outcome = await sandbox.execute(REACH, { context: { names: HOST_NAMES } });
  const held = outcome.ok && Array.isArray(outcome.value) && outcome.value.length === 0;
  return held ? null : `A guest reached the host: ${describe(outcome)}.`;
}

function describe(outcome: ExecuteResult): string {
  return outcome.ok ? JSON.stringify(outcome.value) : `${outcome.error.name}: ${outcome.error.message}`;
}
