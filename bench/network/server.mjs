// A nats-server for the benchmark: on a free port of loopback, its store in a folder that goes with it.
// Invariant: nothing is installed; where there is no nats-server on PATH, the lines that need one are not measured.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { makeFolder } from "../durable/disk.mjs";

/** Starts a server with JetStream; `close` ends it and removes its store. @throws Error where there is none. */
export async function startServer() {
  const { directory, remove } = await makeFolder();
  const port = await freePort();
  const args = ["-js", "-a", "127.0.0.1", "-p", String(port), "-sd", join(directory, "store")];
  const child = spawn("nats-server", args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "exit");
  try {
    await ready(child);
  } catch (error) {
    await remove();
    throw error;
  }
  // What waits for a server that ended by itself waits for ever.
  const watch = () => {
    console.error(`nats-server ended by itself (${child.exitCode ?? child.signalCode}).`);
    process.exit(1);
  };
  child.once("exit", watch);
  const close = async () => {
    child.off("exit", watch);
    child.kill();
    await ended;
    await remove();
  };
  return { url: `nats://127.0.0.1:${port}`, close };
}

async function ready(child) {
  await once(child, "spawn").catch((error) => {
    throw new Error(`there is no nats-server on PATH (${error.message})`);
  });
  for await (const line of createInterface({ input: child.stderr })) {
    if (line.includes("Server is ready")) {
      child.stderr.resume();
      return;
    }
  }
  throw new Error("nats-server ended before it was ready");
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
