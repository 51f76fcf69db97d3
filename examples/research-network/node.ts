// One node of the network: a process of its own, `fettle node agents.ts --role …`, and what it says.
import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** What a node tells: a line of its log, or a call that one of its tools makes. */
export type Told =
  | { readonly type: "log"; readonly msg: string; readonly taskId?: string; readonly node?: string }
  | { readonly type: "call"; readonly tool: string; readonly what: string; readonly callId: string };

/** A node that runs. */
export interface Node {
  readonly name: string;
  readonly pid: number;
  /** What the mesh calls it. */
  readonly id: string;
  /** Ends it: in order, or with SIGKILL at once. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** The command `fettle` on the runtime that this program runs on. */
export const FETTLE: readonly string[] = [
  ...("Deno" in globalThis ? ["run", "--allow-all", "--config", path("../../deno.json")] : []),
  // In a clone, or where a project has it installed.
  join(dirname(createRequire(import.meta.url).resolve("fettle/package.json")), "bin/fettle.js"),
];

/** Starts a node with one agent; resolves once it serves. */
export async function startNode(
  name: string,
  options: {
    readonly role: string;
    readonly env: Readonly<Record<string, string>>;
    readonly onTold: (told: Told, node: string) => void;
  },
): Promise<Node> {
  const { role, env, onTold } = options;
  const child = spawn(process.execPath, [...FETTLE, "node", path("agents.ts"), "--role", role, "--json"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const id = await new Promise<string>((resolve, reject) => {
    let errors = "";
    lines(child, "stderr", (line) => {
      const log = parse(line);
      if (log === null) errors += `${line}\n`;
      else onTold({ ...log, type: "log" } as Told, name);
    });
    lines(child, "stdout", (line) => {
      const told = parse(line);
      if (told?.["type"] === "started") resolve(String(told["node"]));
      else if (told !== null) onTold({ ...told, type: "call" } as Told, name);
    });
    child.once("error", reject);
    void ended.then(() => reject(new Error(`The node "${name}" has ended:\n${errors}`)));
  });
  return {
    name,
    pid: child.pid ?? 0,
    id,
    end: async (signal) => {
      process.off("exit", kill);
      // Of a child's own `kill`, Deno delivers the first signal only.
      if (child.exitCode === null && child.signalCode === null) process.kill(child.pid ?? 0, signal);
      await ended;
    },
  };
}

function lines(child: ChildProcess, from: "stdout" | "stderr", onLine: (line: string) => void): void {
  const input = child[from];
  if (input !== null) createInterface({ input }).on("line", onLine);
}

function parse(line: string): Readonly<Record<string, unknown>> | null {
  return line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : null;
}
