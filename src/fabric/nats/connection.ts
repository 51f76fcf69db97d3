// Opens a connection to NATS that lasts: it comes back by itself however long the server is away, and says so in the log.
// Invariant: no secret is in an error or in the log; what cannot work (a refused user, an unreadable file) fails at once.
import { readFileSync } from "node:fs";
import {
  connect,
  credsAuthenticator,
  Events,
  DebugEvents,
  nkeyAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from "nats";
import { ConfigError, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** Who connects, and where to. Files are paths; of the ways to say who one is, at most one is given. */
export interface NatsSettings {
  /** As in `nats://host:4222`; any of them will do, and a user and password may be in them. */
  readonly servers: readonly string[];
  /** A credentials file, as `nsc` makes it. */
  readonly creds?: string | undefined;
  /** A file with an NKey's seed. */
  readonly nkey?: string | undefined;
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Certificates: whom to trust, and who one is. */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

/** How a connection is opened. */
export interface ConnectOptions {
  /** What the server's own tools show of it. */
  readonly name: string;
  readonly log: Log;
  /** How long the first connection may take, in milliseconds; default 10,000. */
  readonly timeoutMs?: number | undefined;
}

const RECONNECT_MS = 500;
const PING_MS = 10_000;
const TIMEOUT_MS = 10_000;

/**
 * Connects to NATS.
 *
 * @throws ConfigError where no server answers, or none takes this user.
 */
export async function openConnection(
  settings: NatsSettings,
  options: ConnectOptions,
): Promise<NatsConnection> {
  const { name, log, timeoutMs = TIMEOUT_MS } = options;
  const servers = settings.servers.map(withoutUser);
  const where = servers.join(", ");
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers,
      name,
      timeout: timeoutMs,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      // The errors that are made for each request cost more than the request.
      noAsyncTraces: true,
      ...identityOf(settings),
      ...tlsOf(settings),
    });
  } catch (thrown) {
    if (thrown instanceof ConfigError) throw thrown;
    throw new ConfigError(
      `Cannot connect to NATS at ${where}: ${messageOf(thrown)}. ` +
        "Is the server running (nats-server -js), are NATS_URL and the settings of the user right?",
      { cause: thrown, retryable: true },
    );
  }
  void watch(connection, log);
  return connection;
}

/** Says in the log what becomes of a connection. */
async function watch(connection: NatsConnection, log: Log): Promise<void> {
  let lostAt: number | null = null;
  for await (const { type, data: told } of connection.status()) {
    const data = typeof told === "string" ? told : JSON.stringify(told);
    switch (type) {
      case Events.Disconnect:
        lostAt ??= Date.now();
        log.warn({ server: data }, "the connection to NATS was lost: waiting for it");
        break;
      case Events.Reconnect:
        log.info(
          { server: data, awayMs: lostAt === null ? 0 : Date.now() - lostAt },
          "connected to NATS again",
        );
        lostAt = null;
        break;
      case Events.Error:
        log.error({ error: data }, "NATS refused something");
        break;
      case Events.LDM:
        log.info({ server: data }, "this NATS server is about to stop: moving to another");
        break;
      case Events.Update:
        log.debug({ servers: data }, "the servers of the NATS cluster have changed");
        break;
      case DebugEvents.StaleConnection:
        log.warn({}, "NATS does not answer: connecting anew");
        break;
      default:
    }
  }
}

function identityOf(settings: NatsSettings): ConnectionOptions {
  const { creds, nkey, token } = settings;
  const [user, password] = userOf(settings);
  if (creds !== undefined) return { authenticator: credsAuthenticator(fileOf(creds, "NATS_CREDS")) };
  if (nkey !== undefined) return { authenticator: nkeyAuthenticator(trimmed(fileOf(nkey, "NATS_NKEY"))) };
  if (token !== undefined) return { token };
  if (user === undefined) return {};
  return password === undefined ? { token: user } : { user, pass: password };
}

/** The user of the settings, or of the first address that has one; a lone name there is a token, as in NATS's own tools. */
function userOf({ user, password, servers }: NatsSettings): readonly [string?, string?] {
  if (user !== undefined) return [user, password ?? ""];
  const found = servers.map(urlOf).find(({ username }) => username !== "");
  if (found === undefined) return [];
  const name = decodeURIComponent(found.username);
  return found.password === "" ? [name] : [name, decodeURIComponent(found.password)];
}

function tlsOf({ tls, servers }: NatsSettings): ConnectionOptions {
  const { ca, cert, key } = tls ?? {};
  const isAsked = servers.some((server) => urlOf(server).protocol === "tls:");
  if (!isAsked && ca === undefined && cert === undefined && key === undefined) return {};
  return {
    tls: {
      ...(ca === undefined ? {} : { caFile: ca }),
      ...(cert === undefined ? {} : { certFile: cert }),
      ...(key === undefined ? {} : { keyFile: key }),
    },
  };
}

function urlOf(server: string): URL {
  return new URL(server.includes("://") ? server : `nats://${server}`);
}

function withoutUser(server: string): string {
  const { hostname, port } = urlOf(server);
  return `${hostname}:${port === "" ? "4222" : port}`;
}

function fileOf(path: string, setting: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw new ConfigError(`Cannot read the file of ${setting}: ${messageOf(thrown)}.`, { cause: thrown });
  }
}

function trimmed(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(new TextDecoder().decode(bytes).trim());
}
