// The sandbox that the settings choose: on this machine, or on the sandbox nodes of the mesh.
// Invariant: where SANDBOX_MODE is remote, nothing runs here: without NATS that is an error.
import type { Clock } from "../core/clock.ts";
import type { Sandbox } from "../core/guest.ts";
import { silentLog, type Log } from "../core/log.ts";
import type { Messages } from "../core/ports.ts";
import { createSubjects } from "../core/subjects.ts";
import type { Telemetry } from "../core/telemetry.ts";
import { createRemoteSandbox } from "../sandbox/remote/remote-sandbox.ts";
import { createSandbox } from "../sandbox/sandbox.ts";
import type { Config } from "./config.ts";
import { openNats } from "./nats.ts";

/** What a sandbox on other nodes is reached by. */
export interface Reach {
  /** Null where no other process hears them. */
  readonly messages: Messages | null;
  /** The mesh's name. */
  readonly mesh: string;
  readonly clock?: Clock | undefined;
  readonly log?: Log | undefined;
  /** Whose traces its runs belong to; none where absent. */
  readonly telemetry?: Telemetry | undefined;
}

/** Makes it. @throws SandboxError `SANDBOX_REMOTE` for a remote one that nothing reaches. */
export function openSandbox(config: Config, { messages, mesh, clock, log, telemetry }: Reach): Sandbox {
  if (config.sandbox.mode === "local" || messages === null) return createSandbox(config.sandbox);
  const subjects = createSubjects(mesh);
  const trace = () => telemetry?.activeTrace();
  return createRemoteSandbox({ messages, subjects, patienceMs: config.sandboxWaitMs, clock, log, trace });
}

/** The same for a command that has no mesh open; closing it closes what it stands on. @throws ConfigError as well */
export async function openLoneSandbox(config: Config): Promise<Sandbox & AsyncDisposable> {
  const { mode, mesh } = config;
  if (config.sandbox.mode === "local" || mode !== "distributed") {
    return createSandbox({ ...config.sandbox, isolates: 1 });
  }
  const fabric = await openNats(config.nats, { mesh, name: "fettle command", log: silentLog });
  const sandbox = openSandbox(config, { messages: fabric.messages, mesh });
  const close = async (): Promise<void> => {
    await sandbox.close();
    await fabric.close();
  };
  return { execute: (code, options) => sandbox.execute(code, options), close, [Symbol.asyncDispose]: close };
}
