// Nodes of a mesh over NATS in processes of their own: told what to do over standard input, and ended, stopped and woken
// by the test.
// Invariant: what was started is ended with `kill`, `leave` or `close`, whatever became of it before.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { projectRoot, RUNTIME_ARGS } from "./program.ts";

const PROGRAM = fileURLToPath(new URL("../nodes/node.mjs", import.meta.url));

/** What a node is started with. */
export interface NodeOptions {
  /** As the witness knows it. */
  readonly name: string;
  readonly mesh: string;
  /** Where the NATS servers are, with commas between them. */
  readonly nats: string;
  /** The witness's address. */
  readonly witness: string;
  /** Agents by their names in test/nodes/agents.mjs; none where absent. */
  readonly agents?: readonly string[];
  /** Tasks of each agent at once. */
  readonly concurrency?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a node answered that could not do what it was told. */
export interface RemoteFailure {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
}

/** A line of a node's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
}

/** A node that runs. */
export interface NodeProcess extends AsyncDisposable {
  readonly pid: number;
  /** Calls a method of its mesh; rejects with a {@link RemoteError}, also where the process ends before it answers. */
  call(method: string, ...args: readonly unknown[]): Promise<unknown>;
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it by SIGKILL; resolves once it is no more. */
  kill(): Promise<void>;
  /** Stops its mesh and lets the process end; gives its exit code. */
  leave(options?: { readonly mode?: string }): Promise<number | string | null>;
}

/** That a node could not do what it was told. */
export class RemoteError extends Error {
  readonly code: string | undefined;
  constructor({ name, code, message }: RemoteFailure) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

/** Starts a node; resolves once its mesh has started. */
export async function startNode(options: NodeOptions): Promise<NodeProcess> {
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const child = spawn(process.execPath, [...RUNTIME_ARGS, PROGRAM, JSON.stringify(options)], {
    cwd: projectRoot,
    env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const log: LogLine[] = [];
  let stderr = "";
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.startsWith("{")) log.push(JSON.parse(line) as LogLine);
    else stderr += `${line}\n`;
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const ended = new Promise<number | string | null>((resolve) => {
    child.once("close", (code, signal) => {
      resolve(code ?? signal);
      const message = `the node "${options.name}" ended with ${code ?? signal ?? "nothing"}. ${stderr}`;
      for (const { reject } of waiting.values()) reject(new RemoteError({ name: "NodeEnded", message }));
      waiting.clear();
    });
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { id, value, error } = JSON.parse(line) as { id: number; value?: unknown; error?: RemoteFailure };
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new RemoteError(error));
    waiting.delete(id);
  });
  // What is written to a process that was killed goes nowhere.
  child.stdin.on("error", () => undefined);
  let calls = 0;
  const call = (method: string, ...args: readonly unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      waiting.set((calls += 1), { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id: calls, method, args })}\n`);
    });
  const signal = (name: NodeJS.Signals) => {
    // Of a child's own `kill`, Deno delivers the first signal only.
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      process.kill(child.pid, name);
    }
  };
  const kill = async () => {
    signal("SIGKILL");
    await ended;
  };
  try {
    await call("started");
  } catch (thrown) {
    await kill();
    throw thrown;
  }
  return {
    pid: child.pid ?? 0,
    call,
    log,
    signal,
    kill,
    leave: async (given = {}) => {
      await call("stop", given);
      child.stdin.end();
      return ended;
    },
    [Symbol.asyncDispose]: kill,
  };
}
