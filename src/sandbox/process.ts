// An isolate as a process of its own: an empty environment, messages as lines of JSON on its standard streams.
// Invariant: SIGKILL ends it whatever it is doing, on Node and on Deno alike.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/errors.ts";
import type { Launch } from "./link.ts";
import type { FromIsolate, ToIsolate } from "./protocol.ts";

/** A line longer than this is no message of ours. */
const MAX_LINE = 1024 * 1024 * 1024;

/** Starts processes that run the worker at `url`. */
export function processes(url: URL): Launch {
  const file = fileURLToPath(url);
  const args = "Deno" in globalThis ? denoArguments(file) : nodeArguments(file);
  return (events) => {
    const child = spawn(process.execPath, args, { env: {}, stdio: ["pipe", "pipe", "ignore"], cwd: "/" });
    let over = false;
    const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const end = (reason: string): void => {
      if (over) return;
      over = true;
      child.kill("SIGKILL");
      events.lost(reason);
    };
    child.on("error", (error) => end(`its process failed: ${messageOf(error)}`));
    child.on("exit", (code, signal) => end(`its process ended with ${signal ?? `code ${String(code)}`}`));
    child.stdin.on("error", (error) => end(`its process does not listen: ${messageOf(error)}`));
    child.stdout.setEncoding("utf8");
    let parts: string[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: string) => {
      const lines = chunk.split("\n");
      for (const [index, line] of lines.entries()) {
        if (over) return;
        parts.push(line);
        size += line.length;
        if (size > MAX_LINE) {
          end("its message is too long");
          return;
        }
        if (index === lines.length - 1) return;
        const text = parts.join("");
        parts = [];
        size = 0;
        const message = parse(text);
        if (message === null) {
          end("its message is not readable");
          return;
        }
        events.message(message);
      }
    });
    const hold = (alive: boolean): void => {
      for (const handle of [child, child.stdin, child.stdout] as readonly unknown[] as readonly Handle[]) {
        if (alive) handle.ref();
        else handle.unref();
      }
    };
    return {
      shares: false,
      post: (message) => void child.stdin.write(`${JSON.stringify(writable(message))}\n`),
      hold,
      kill: async () => {
        over = true;
        hold(true);
        child.kill("SIGKILL");
        await gone;
      },
    };
  };
}

/** No file but the worker itself can be read, no process or thread be started; the main thread's stack is 8 MiB. */
function nodeArguments(file: string): readonly string[] {
  const major = Number(process.versions.node.split(".")[0]);
  return [
    major >= 24 ? "--permission" : "--experimental-permission",
    `--allow-fs-read=${file}`,
    "--disallow-code-generation-from-strings",
    "--max-old-space-size=512",
    "--stack-size=3900",
    file,
  ];
}

/** No permission at all. */
function denoArguments(file: string): readonly string[] {
  const closed = ["--no-prompt", "--no-config", "--no-lock", "--no-remote", "--no-npm", "--quiet"];
  return ["run", ...closed, "--v8-flags=--stack-size=3900,--max-old-space-size=512", file];
}

/** What can keep this process alive; the pipes of a child are sockets, though not typed as such. */
interface Handle {
  ref(): void;
  unref(): void;
}

function parse(line: string): FromIsolate | null {
  try {
    return JSON.parse(line) as FromIsolate;
  } catch {
    return null;
  }
}

/** The engine's bytes cross as base64. */
function writable(message: ToIsolate): unknown {
  if (message.type !== "open") return message;
  const bytes = message.engine as Uint8Array;
  return { ...message, engine: Buffer.from(bytes).toString("base64") };
}
