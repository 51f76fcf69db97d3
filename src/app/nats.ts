// The mesh's NATS servers: the settings that name them, and the fabric on them.
// Invariant: reading settings connects to nothing; what is secret in them is named here.
import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { silentLog, type Log } from "../core/log.ts";
import { createStreamNames } from "../core/stream-names.ts";
import type { Blobs } from "../core/ports.ts";
import type { Telemetry } from "../core/telemetry.ts";
import { openConnection } from "../fabric/nats/connection.ts";
import { createNatsFabric, type NatsFabric } from "../fabric/nats/fabric.ts";
import { probeNats } from "../fabric/nats/probe.ts";
import {
  describeServer,
  readBucket,
  readNatsStatus,
  type NatsStatus,
  type ServerStatus,
} from "../fabric/nats/status.ts";
import { PRESENCE_BUCKET, readNode, type NodeRecord } from "../presence.ts";
import type { NatsSettings } from "../fabric/nats/identity.ts";

/** The address that NATS's own tools and libraries take where none is given. */
const DEFAULT_NATS_URL = "nats://127.0.0.1:4222";

/** Where the servers are, who this is there, and how data is kept on them. */
export interface NatsConfig extends NatsSettings {
  /** On how many servers everything is kept. */
  readonly replicas: number;
  /** The most bytes that each stream may hold; undefined for no bound but the account's. */
  readonly maxBytes: number | undefined;
}

const SERVER = /^(?:(?:nats|tls):\/\/)?(?:[^\s/@]+@)?(?:\[[0-9a-fA-F:]+\]|[^\s/@:]+)(?::\d{1,5})?\/?$/;

const servers = z
  .string()
  .transform((value) => value.split(",").map((one) => one.trim()))
  .refine((all) => all.every((one) => SERVER.test(one)), {
    error: `expected addresses such as ${DEFAULT_NATS_URL}, separated by commas`,
  })
  .optional();

const text = z.string().optional();

/** The settings of NATS; their names are those of NATS's own command line, where it has them. */
export const natsSettingsSchema = z.object({
  NATS_URL: servers,
  NATS_CREDS: text,
  NATS_NKEY: text,
  NATS_TOKEN: text,
  NATS_USER: text,
  NATS_PASSWORD: text,
  NATS_CA: text,
  NATS_CERT: text,
  NATS_KEY: text,
  FETTLE_REPLICAS: z.coerce
    .number({ error: "expected a whole number from 1 to 5" })
    .int({ error: "expected a whole number from 1 to 5" })
    .min(1, { error: "expected a whole number from 1 to 5" })
    .max(5, { error: "expected a whole number from 1 to 5" })
    .default(1),
  FETTLE_NATS_MAX_BYTES: z.coerce
    .number({ error: "expected a whole number of bytes, at least 1048576" })
    .int({ error: "expected a whole number of bytes, at least 1048576" })
    .min(1_048_576, { error: "expected a whole number of bytes, at least 1048576" })
    .optional(),
});

type Settings = z.infer<typeof natsSettingsSchema>;

/** What the settings say of NATS, files as paths of the given kind; `isAsked` where they name a server. */
export function natsSettings(
  settings: Settings,
  path: (file: string) => string,
): { readonly isAsked: boolean; readonly config: NatsConfig } {
  const file = (value: string | undefined) => (value === undefined ? undefined : path(value));
  return {
    isAsked: settings.NATS_URL !== undefined,
    config: {
      servers: settings.NATS_URL ?? [DEFAULT_NATS_URL],
      creds: file(settings.NATS_CREDS),
      nkey: file(settings.NATS_NKEY),
      token: settings.NATS_TOKEN,
      user: settings.NATS_USER,
      password: settings.NATS_PASSWORD,
      tls: { ca: file(settings.NATS_CA), cert: file(settings.NATS_CERT), key: file(settings.NATS_KEY) },
      replicas: settings.FETTLE_REPLICAS,
      maxBytes: settings.FETTLE_NATS_MAX_BYTES,
    },
  };
}

/** What is wrong with the settings together, a sentence each. */
export function natsProblems(settings: Settings): readonly string[] {
  const { NATS_CREDS, NATS_NKEY, NATS_TOKEN, NATS_USER, NATS_PASSWORD, NATS_CERT, NATS_KEY } = settings;
  const problems: string[] = [];
  const identities = { NATS_CREDS, NATS_NKEY, NATS_TOKEN, NATS_USER };
  const given = Object.entries(identities).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) problems.push(`${given.join(" and ")} are set: say in one way who this is.`);
  if (NATS_PASSWORD !== undefined && NATS_USER === undefined) {
    problems.push("NATS_PASSWORD is set, and NATS_USER is not: both are needed.");
  }
  if ((NATS_CERT === undefined) !== (NATS_KEY === undefined)) {
    problems.push("Of NATS_CERT and NATS_KEY one is set: both are needed, or neither.");
  }
  return problems;
}

/** What of the configuration must never be shown or logged. */
export function secretsOfNats({ token, password, servers: all }: NatsConfig): readonly string[] {
  const inUrls = all.flatMap((server) => {
    const [, user, secret] = /^(?:\w+:\/\/)?([^:@/]+)(?::([^@/]*))?@/.exec(server) ?? [];
    return [secret ?? user].filter((one) => one !== undefined && one !== "").map((one) => one ?? "");
  });
  return [token, password, ...inUrls].filter((one) => one !== undefined);
}

/** The servers as they may be shown: without users and passwords. */
export function placesOf({ servers: all }: NatsConfig): readonly string[] {
  return all.map((server) => server.replace(/^((?:\w+:\/\/)?)[^@/]*@/, "$1"));
}

/** Connects to the servers, as the mesh of that name. @throws ConfigError, StorageError */
export async function openNats(
  config: NatsConfig,
  options: {
    readonly mesh: string;
    /** What the servers' own tools show of this connection. */
    readonly name: string;
    readonly log: Log;
    readonly inbox?: string | undefined;
    readonly clock?: Clock | undefined;
    readonly blobs?: Blobs | undefined;
    /** Told whenever the connection is back. */
    readonly telemetry?: Telemetry | undefined;
  },
): Promise<NatsFabric> {
  const { mesh, name, log, inbox, clock, blobs, telemetry } = options;
  const onReconnect = () => telemetry?.tell({ type: "nats-reconnect" });
  const connection = await openConnection(config, { name, log, inbox, onReconnect });
  try {
    return await createNatsFabric({
      connection,
      mesh,
      replicas: config.replicas,
      maxBytes: config.maxBytes,
      log,
      clock,
      blobs,
    });
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

/** What the servers say of a mesh, and the nodes that are in it. */
export interface MeshStatus extends NatsStatus {
  readonly mesh: string;
  /** Null where it cannot be known now: the bucket that tells of them has no leader. */
  readonly nodes: readonly NodeRecord[] | null;
}

/** Where the answers come: of its own, so that its user need not be let hear those to others. */
const STATUS_INBOX = "_INBOX.status";

/** Asks the servers how a mesh is; makes nothing. @throws ConfigError, StorageError */
export async function readMeshStatus(config: NatsConfig, mesh: string): Promise<MeshStatus> {
  const connection = await openConnection(config, {
    name: "fettle nats status",
    log: silentLog,
    inbox: STATUS_INBOX,
  });
  try {
    const names = createStreamNames(mesh);
    const status = await readNatsStatus(connection, names);
    const presence = status.streams.find(({ name }) => name === `KV_${names.bucket(PRESENCE_BUCKET)}`);
    if (presence === undefined) return { mesh, ...status, nodes: [] };
    if (presence.leader === null) return { mesh, ...status, nodes: null };
    const told = await readBucket(connection, names, PRESENCE_BUCKET);
    return { mesh, ...status, nodes: told.map(readNode).filter((node) => node !== null) };
  } finally {
    await connection.close();
  }
}

/** Does on the servers what a node does, and leaves nothing behind. @throws ConfigError, StorageError */
export async function probeMesh(config: NatsConfig, mesh: string): Promise<ServerStatus> {
  const connection = await openConnection(config, { name: "fettle check", log: silentLog });
  try {
    const { replicas, maxBytes = -1 } = config;
    await probeNats(connection, { names: createStreamNames(mesh), replicas, maxBytes });
    return await describeServer(connection);
  } finally {
    await connection.close();
  }
}
