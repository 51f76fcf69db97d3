// Opens a connection to NATS that lasts: it comes back by itself however long the server is away, and says so in the log.
// Invariant: no secret is in an error or in the log; what cannot work (a refused user, an unreadable file) fails at once.
import { connect, DebugEvents, ErrorCode, Events, type NatsConnection } from "nats";
import { ConfigError, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import { codeOf } from "./failure.ts";
import { wantsCertificate } from "./greeting.ts";
import { identityOf, type Identity, type NatsSettings } from "./identity.ts";
import { guardSockets } from "./socket-guard.ts";

/** How a connection is opened. */
export interface ConnectOptions {
  /** What the server's own tools show of it. */
  readonly name: string;
  readonly log: Log;
  /** What the subjects begin with at which answers arrive, so that permissions can tell users apart; default `_INBOX`. */
  readonly inbox?: string | undefined;
  /** Told whenever the connection is back. */
  readonly onReconnect?: (() => void) | undefined;
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
  const { name, log, inbox, timeoutMs = TIMEOUT_MS } = options;
  const identity = identityOf(settings);
  const { servers, isEncrypted, isCertified } = identity;
  if (isEncrypted && !isCertified && (await wantsCertificate(servers, timeoutMs))) {
    throw refused(identity, "it wants a certificate of whoever connects: set NATS_CERT and NATS_KEY");
  }
  guardSockets();
  let connection: NatsConnection;
  try {
    connection = await connect({
      servers: [...servers],
      name,
      timeout: timeoutMs,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      pingInterval: PING_MS,
      maxPingOut: 2,
      // Users are changed on a server while it runs: who is refused now may be taken in a moment.
      ignoreAuthErrorAbort: true,
      // The errors that are made for each request cost more than the request.
      noAsyncTraces: true,
      ...(inbox === undefined ? {} : { inboxPrefix: inbox }),
      ...identity.options,
    });
  } catch (thrown) {
    throw explained(thrown, identity);
  }
  void watch(connection, { log, onReconnect: options.onReconnect });
  return connection;
}

/** Says in the log what becomes of a connection. */
async function watch(
  connection: NatsConnection,
  { log, onReconnect }: Pick<ConnectOptions, "log" | "onReconnect">,
): Promise<void> {
  let lostAt: number | null = null;
  for await (const { type, data: told } of connection.status()) {
    const data = typeof told === "string" ? told : JSON.stringify(told);
    switch (type) {
      case Events.Disconnect:
        lostAt ??= Date.now();
        log.warn({ server: data }, "the connection to NATS was lost: waiting for it");
        break;
      case Events.Reconnect:
        onReconnect?.();
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

/** Why no connection could be made, and which setting to look at. */
function explained(thrown: unknown, identity: Identity): ConfigError {
  const { who, isEncrypted } = identity;
  const code = codeOf(thrown);
  switch (code) {
    case ErrorCode.AuthorizationViolation:
    case ErrorCode.AuthenticationExpired:
    case ErrorCode.BadAuthentication:
      return refused(
        identity,
        who === null
          ? "it takes known users only: set NATS_CREDS, NATS_NKEY, NATS_TOKEN, or NATS_USER and NATS_PASSWORD"
          : `it does not take ${who}`,
        thrown,
      );
    case ErrorCode.ServerOptionNotAvailable:
      return refused(
        identity,
        "it speaks no TLS, which NATS_URL (tls://), NATS_CA, NATS_CERT and NATS_KEY ask for",
        thrown,
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return refused(identity, "its certificate is for another name than NATS_URL has", thrown);
    default:
  }
  if (code !== undefined && UNTRUSTED.test(code)) {
    const mended = "set NATS_CA to the certificate of the authority that signed it";
    return refused(
      identity,
      `its certificate is not to be trusted (${messageOf(thrown)}): ${mended}`,
      thrown,
    );
  }
  const tls = isEncrypted ? "" : " If it wants TLS and a certificate, set NATS_CERT, NATS_KEY and NATS_CA.";
  return new ConfigError(
    `Cannot connect to NATS at ${identity.servers.join(", ")}: ${messageOf(thrown)}. ` +
      `Is the server running (nats-server -js), and is NATS_URL right?${tls}`,
    { cause: thrown, retryable: true },
  );
}

/** The codes of TLS for certificates that nobody known vouches for, or no more. */
const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_)/;

function refused({ servers }: Identity, reason: string, cause?: unknown): ConfigError {
  return new ConfigError(`Cannot connect to NATS at ${servers.join(", ")}: ${reason}.`, { cause });
}
