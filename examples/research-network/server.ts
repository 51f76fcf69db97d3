// The NATS server of the example: the one that runs at the address, else one that is started there and ended again.
import { spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A server that can be used. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** Whether it was started here, with its data in a temporary folder. */
  readonly isOwn: boolean;
}

const NAME = "nats-server";
const START_MS = 20_000;

/** Finds the server at an address such as `nats://127.0.0.1:4222`, or starts one there. */
export async function openServer(url: string): Promise<Server> {
  const { hostname, port } = new URL(url.includes("://") ? url : `nats://${url}`);
  const place = { host: hostname, port: Number(port === "" ? 4222 : port) };
  if (await answers(place)) return { url, isOwn: false, [Symbol.asyncDispose]: async () => undefined };
  if (!["127.0.0.1", "localhost", "[::1]"].includes(hostname)) {
    throw new Error(
      `No NATS server answers at ${url} (NATS_URL), and one can be started on this machine only.`,
    );
  }
  return startServer(url, place);
}

function answers(place: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(place, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

async function startServer(
  url: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const program = find();
  const folder = await mkdtemp(join(tmpdir(), "fettle-research-network-"));
  const args = ["-js", "-a", host, "-p", String(port), "-sd", folder];
  // In a group of its own: Ctrl-C does not reach it, and this program ends it last.
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const drop = (): void => {
    child.kill("SIGKILL");
    remove();
  };
  process.once("exit", drop);
  let output = "";
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${program} ${why}:\n${output}`));
    const timer = setTimeout(() => fail("does not get ready"), START_MS);
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (!output.includes("Server is ready")) return;
      clearTimeout(timer);
      resolve();
    });
    child.once("error", reject);
    void ended.then(() => fail("has ended"));
  });
  return {
    url,
    isOwn: true,
    [Symbol.asyncDispose]: async () => {
      process.off("exit", drop);
      child.kill();
      await ended;
      remove();
    },
  };
}

function find(): string {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/sbin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
  ];
  const found = folders.map((folder) => join(folder, NAME)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(
    `This example needs ${NAME} (2.9 or newer), and there is none on PATH. Install it: "apt-get install ${NAME}" on ` +
      `Debian and Ubuntu, "brew install ${NAME}" on macOS, else from https://nats.io/download. Or start one elsewhere ` +
      "and set NATS_URL to its address.",
  );
}
