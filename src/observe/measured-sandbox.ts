// A sandbox whose runs are counted, and whose isolates can be asked for.
// Invariant: it gives what the sandbox gives.
import type { ExecuteOptions, ExecuteResult, Sandbox } from "../core/guest.ts";
import { noTelemetry, type Telemetry } from "../core/telemetry.ts";

/** What a sandbox of this machine says of itself. */
export interface SandboxFigures {
  readonly isolates: number;
  readonly busy: number;
  readonly waiting: number;
  readonly spares: number;
  readonly queued: number;
  readonly kills: number;
}

const OK = ["success", null] as const;

/** Counts a sandbox's runs; one that tells of its isolates is on this machine. */
export function measureSandbox(sandbox: Sandbox, { telemetry }: { readonly telemetry: Telemetry }): Sandbox {
  if (telemetry === noTelemetry) return sandbox;
  const place = isLocal(sandbox) ? "local" : "remote";
  return {
    execute: async (code: string, options?: ExecuteOptions): Promise<ExecuteResult> => {
      const ended = await sandbox.execute(code, options);
      const [outcome, limit] = ended.ok ? OK : [ended.error.failure, ended.error.limit ?? null];
      telemetry.tell({ type: "sandbox-run", place, outcome, limit, usage: ended.usage });
      return ended;
    },
    close: () => sandbox.close(),
  };
}

function isLocal(sandbox: Sandbox): sandbox is Sandbox & { stats(): SandboxFigures } {
  return "stats" in sandbox && typeof sandbox.stats === "function";
}

/** Has the figures of a sandbox asked for, where it is on this machine; gives how to end that. */
export function readSandbox(sandbox: Sandbox, telemetry: Telemetry): () => void {
  return isLocal(sandbox) ? readPool(sandbox, telemetry) : () => undefined;
}

/** Has the figures of isolates asked for; gives how to end that. */
export function readPool(pool: { readonly stats: () => SandboxFigures }, telemetry: Telemetry): () => void {
  const stats = () => pool.stats();
  const ends = [
    telemetry.read("isolates", () => [
      { labels: { state: "up" }, value: stats().isolates },
      { labels: { state: "busy" }, value: stats().busy },
    ]),
    telemetry.read("isolate-spares", () => [{ labels: {}, value: stats().spares }]),
    telemetry.read("guests-waiting", () => [
      { labels: { for: "isolate" }, value: stats().queued },
      { labels: { for: "answer" }, value: stats().waiting },
    ]),
    telemetry.read("isolate-kills", () => [{ labels: {}, value: stats().kills }]),
  ];
  return () => {
    for (const end of ends) end();
  };
}
