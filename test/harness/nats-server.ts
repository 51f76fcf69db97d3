// Real nats-servers for tests: each on a free port of loopback with a store of its own, which its restarts keep.
// Invariant: what was started is stopped with `close`; where there is no nats-server, tests fail and say what to install.
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A server that runs, or is down for a while. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly pid: number | undefined;
  /** The folder that its streams and consumers are in. */
  readonly store: string;
  /** Ends it: at once with SIGKILL, else as an operator would. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, with its port and its store. */
  start(): Promise<void>;
  /** Sends it a signal, as SIGSTOP and SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it and removes its store. */
  close(): Promise<void>;
}

/** How a server is started. */
export interface NatsServerOptions {
  /** Lines of its configuration file, beyond address and store. */
  readonly config?: string;
  readonly port?: number;
}

const NAME = "nats-server";
const START_MS = 20_000;
/** So much of what a server said last is told, in characters. */
const MAX_OUTPUT = 4_000;

/** Starts a server with JetStream. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = findServer();
  const folder = mkdtempSync(join(tmpdir(), "fettle-nats-"));
  const port = options.port ?? (await freePort());
  const file = join(folder, "server.conf");
  const store = join(folder, "store");
  const config = [
    `listen: "127.0.0.1:${port}"`,
    `jetstream { store_dir: ${JSON.stringify(store)} }`,
    options.config ?? "",
  ];
  mkdirSync(store);
  writeFileSync(file, config.join("\n"));
  let child: ChildProcess | null = null;
  let output = "";
  const start = async (): Promise<void> => {
    if (child !== null) return;
    output = "";
    const started = spawn(binary, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
    child = started;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${NAME} is not ready:\n${output}`)), START_MS);
      started.stderr?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("Server is ready")) {
          clearTimeout(timer);
          resolve();
        }
      });
      started.on("exit", (code) => {
        clearTimeout(timer);
        const error = new Error(`${NAME} ended with ${code}:\n${output.slice(-MAX_OUTPUT)}`);
        reject(error);
        // What waits for a server that ended by itself would only say that it waited.
        if (child === started) console.error(error.message);
      });
      started.on("error", reject);
    });
  };
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    const running = child;
    child = null;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    // Of a child's own `kill`, Deno delivers the first signal only.
    process.kill(running.pid, "SIGCONT");
    process.kill(running.pid, signal);
    await ended;
  };
  const close = async (): Promise<void> => {
    await stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child?.pid;
    },
    store,
    start,
    stop,
    signal: (signal) => {
      if (child?.pid !== undefined) process.kill(child.pid, signal);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Starts servers that are one cluster; resolves once it has a leader. */
export async function startNatsCluster(size = 3): Promise<readonly NatsServer[]> {
  const ports = await Promise.all(Array.from({ length: size * 2 }, freePort));
  const routes = ports.slice(size);
  const config = (index: number) =>
    [
      `server_name: "n${index}"`,
      "cluster {",
      '  name: "fettle"',
      `  listen: "127.0.0.1:${routes[index] ?? 0}"`,
      `  routes: [${routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")}]`,
      "}",
    ].join("\n");
  const starting = ports
    .slice(0, size)
    .map((port, index) => startNatsServer({ port, config: config(index) }));
  return Promise.all(starting);
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** The server's program: as NATS_SERVER says, on PATH, or installed by Debian's packages. */
export function findServer(): string {
  const given = process.env["NATS_SERVER"];
  if (given !== undefined) return given;
  const found = onPath();
  if (found !== undefined) return found;
  const isRoot = process.getuid?.() === 0;
  let reason = "this user may install nothing";
  if (isRoot) {
    try {
      execFileSync("apt-get", ["install", "-y", NAME], { stdio: ["ignore", "ignore", "pipe"] });
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  const installed = onPath();
  if (installed !== undefined) return installed;
  throw new Error(
    `These tests need a ${NAME} (2.9 or newer) and there is none on PATH (${reason}). Install it: ` +
      `"apt-get install ${NAME}" on Debian and Ubuntu, "brew install ${NAME}" on macOS, else from https://nats.io/download; ` +
      "or set NATS_SERVER to its path.",
  );
}

function onPath(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin"];
  return folders.map((folder) => join(folder, NAME)).find((path) => existsSync(path));
}
