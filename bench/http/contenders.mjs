// The HTTP service of a mesh on the embedded fabric, and its clients in a process of their own.
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { defineAgent } from "fettle";
import { createHttpApp, openHttpServer } from "fettle/http";
import { makeFolder } from "../durable/disk.mjs";
import { openFettle } from "../durable/fettle.mjs";
import { RUNTIME_ARGS } from "../machine.mjs";

const execute = promisify(execFile);
const LOAD = new URL("load.mjs", import.meta.url).pathname;

/** The agent whose tasks all wait until they are let go. */
export const HELD = "held";

/** Opens a mesh and its service on loopback. */
export async function openContenders() {
  const { directory, remove } = await makeFolder();
  const fettle = await openFettle(directory);
  const holding = new Set();
  await fettle.mesh.spawn(
    defineAgent({
      role: HELD,
      capabilities: ["x"],
      concurrency: 10_000,
      mailboxSize: 100_000,
      handle: () => new Promise((resolve) => holding.add(resolve)),
    }),
  );
  const app = createHttpApp(fettle.mesh, { maxWaitS: 120 });
  const server = await openHttpServer(app.fetch, { host: "127.0.0.1", port: 0 });
  const load = async ({ connections, requests, agent }) => {
    const args = [...RUNTIME_ARGS, LOAD, server.url, String(connections), String(requests), agent];
    const { stdout } = await execute(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
    return JSON.parse(stdout);
  };
  const close = async () => {
    await server.close();
    await fettle.close();
    await remove();
  };
  return { contenders: [{ ...fettle, holding, load }], absent: [], close };
}
