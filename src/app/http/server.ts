// A server of fetch handlers on node:http, for Node and Deno: it listens, and it closes in order.
// Invariant: what is not on loopback has a token; once it closes, whoever was being answered is answered, until the time
// that is given for that is over.
import type { IncomingMessage, Server } from "node:http";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import { createAdaptorServer } from "@hono/node-server";
import { ConfigError, messageOf } from "../../core/errors.ts";
import { withHeaders } from "./answer.ts";
import { LOOPBACK_HOSTS } from "./guard.ts";

/** Where a server listens and whom it answers. */
export interface HttpPlace {
  /** The address to listen on: `127.0.0.1` for this machine alone. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** What clients must send; undefined for nothing, which only a loopback address may ask. */
  readonly token: string | undefined;
  /** For `guard`: the names that are answered; undefined for any. */
  readonly hosts: readonly string[] | undefined;
  /** What the names of its settings begin with, as errors name them. */
  readonly settings: SettingsOf;
}

/** What the names of a server's settings begin with. */
export type SettingsOf = "FETTLE_HTTP" | "FETTLE_INSPECT" | "FETTLE_STATELY";

/** Answers requests; a Hono app's `fetch`. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;

/** Answers a request for another protocol, such as a WebSocket's. */
export type Upgrade = (request: IncomingMessage, connection: Duplex, head: Buffer) => void;

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:8080`, without a slash at its end. */
  readonly url: string;
  /** The port that it listens on. */
  readonly port: number;
  /**
   * Takes no more connections; resolves once all are closed. Those that are not within that time are broken off: a later
   * call may make it shorter.
   */
  readonly close: (options?: { readonly graceMs?: number }) => Promise<void>;
}

const SHORTEST_TOKEN = 16;
/** How often connections that have become idle are closed while the server closes, in milliseconds. */
const IDLE_MS = 100;

/**
 * Where to listen, checked.
 *
 * @throws ConfigError where others could reach it and no token is set, or the token can be guessed.
 */
export function httpPlace(
  place: Pick<HttpPlace, "host" | "port" | "token">,
  options: { readonly settings?: SettingsOf } = {},
): HttpPlace {
  const { host, port, token } = place;
  const { settings = "FETTLE_HTTP" } = options;
  if (token !== undefined && (token.length < SHORTEST_TOKEN || !/^[\x21-\x7e]+$/.test(token))) {
    throw new ConfigError(
      `Cannot serve: ${settings}_TOKEN must have at least ${SHORTEST_TOKEN} characters, none of them white space; make ` +
        'one with "openssl rand -hex 32".',
    );
  }
  const isLoopback = host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
  if (!isLoopback && token === undefined) {
    throw new ConfigError(
      `Cannot serve on ${host}: others can reach that, and whoever reaches it has code written and run. Set ` +
        `${settings}_TOKEN (or --token-file) to what clients must send, or listen on 127.0.0.1.`,
    );
  }
  // A page that has this machine called by a name of its own has no token.
  const hosts = token === undefined ? [...LOOPBACK_HOSTS, bracketed(host)] : undefined;
  return { host, port, token, hosts, settings };
}

/**
 * Listens, and hands each request to `fetch`, and those for another protocol to `upgrade`.
 *
 * @throws ConfigError where it cannot listen there.
 */
export async function openHttpServer(
  fetch: FetchHandler,
  {
    host,
    port,
    settings = "FETTLE_HTTP",
    upgrade,
  }: Pick<HttpPlace, "host" | "port"> & Partial<HttpPlace> & { readonly upgrade?: Upgrade },
): Promise<HttpServer> {
  let isClosing = false;
  const answer: FetchHandler = async (request) => {
    const response = await fetch(request);
    return isClosing ? withHeaders(response, { Connection: "close" }) : response;
  };
  const server = createAdaptorServer({ fetch: answer, overrideGlobalObjects: false }) as Server;
  if (upgrade !== undefined) server.on("upgrade", upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(cannotListen(error, { host, port, settings })),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  let closed: Promise<void> | null = null;
  const close = async ({ graceMs = 0 } = {}): Promise<void> => {
    isClosing = true;
    closed ??= closeServer(server);
    const over = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(over);
  };
  return {
    url: `http://${bracketed(host)}:${bound}`,
    port: bound,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that is kept alive holds the server open once its answer is out.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
  await closed;
  clearInterval(idle);
}

function cannotListen(
  error: NodeJS.ErrnoException,
  { host, port, settings }: { host: string; port: number; settings: SettingsOf },
): ConfigError {
  const why =
    error.code === "EADDRINUSE"
      ? `another program listens there. Choose another port: ${portSettings(settings)}, 0 for any that is free`
      : error.code === "EACCES"
        ? "this user may not use that port. Choose one above 1023"
        : messageOf(error);
  return new ConfigError(`Cannot listen on ${bracketed(host)}:${port}: ${why}.`, { cause: error });
}

function portSettings(settings: SettingsOf): string {
  return settings === "FETTLE_STATELY" ? `${settings}_PORT` : `--port, ${settings}_PORT`;
}

function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
