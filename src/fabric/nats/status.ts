// What a server says of one mesh: its streams, its queues, its dead letters, and the account that they are in.
// Invariant: it asks and makes nothing; of what has no leader it says so, and goes on with the rest.
import type { ConsumerInfo, JetStreamManager, NatsConnection, StreamInfo } from "nats";
import type { StreamNames } from "../../core/stream-names.ts";
import { isDeletion, valueOf } from "./bucket-message.ts";
import { API_ERROR, apiErrorOf, failure, isPassing } from "./failure.ts";
import { StreamReader } from "./stream-reader.ts";

/** How long one answer of the server is waited for, in milliseconds. */
const ANSWER_MS = 3_000;
/** So long is a cluster waited for that elects a leader, in milliseconds. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 250;
const NANOS_PER_MS = 1_000_000;

/** A server, its part in a cluster, and what it says of one mesh. */
export interface NatsStatus {
  readonly server: ServerStatus;
  /** Null where JetStream is off, for the server or for this account. */
  readonly jetStream: AccountStatus | null;
  readonly streams: readonly StreamStatus[];
  readonly queues: readonly QueueStatus[];
}

/** The server that a connection is to. */
export interface ServerStatus {
  /** Its own, or where it was given none, its key. */
  readonly name: string;
  /** `host:port` of the connection. */
  readonly address: string;
  readonly version: string;
  /** Null where it is a server of its own. */
  readonly cluster: string | null;
  /** Addresses of the cluster's other servers, as clients are told of them. */
  readonly others: readonly string[];
  /** Bytes. */
  readonly maxPayload: number;
  readonly roundTripMs: number;
}

/** What is used of something, and of how much; `limit` is null for no limit. */
export interface Usage {
  readonly used: number;
  readonly limit: number | null;
}

/** JetStream's account. */
export interface AccountStatus {
  readonly domain: string | null;
  /** Bytes. */
  readonly storage: Usage;
  /** Bytes. */
  readonly memory: Usage;
  readonly streams: Usage;
  readonly consumers: Usage;
}

/** One stream of the mesh. */
export interface StreamStatus {
  readonly name: string;
  /** What it is for, as in `queue` or `bucket "presence"`. */
  readonly purpose: string;
  readonly messages: number;
  readonly bytes: number;
  /** Null for no limit. */
  readonly maxBytes: number | null;
  /** How long a message is kept, in milliseconds; null where it stays. */
  readonly maxAgeMs: number | null;
  readonly replicas: number;
  /** The server that leads it; null where none does, and then the figures are not known and 0. */
  readonly leader: string | null;
  /** The other servers that have it. */
  readonly peers: readonly PeerStatus[];
}

/** A server that follows a stream's leader. */
export interface PeerStatus {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly isOffline: boolean;
  /** Operations that it is behind. */
  readonly lag: number;
}

/** One queue of the mesh. */
export interface QueueStatus {
  /** As in `task.calculator`: without the mesh's name. */
  readonly queue: string;
  readonly waiting: number;
  /** Wait for their time. */
  readonly postponed: number;
  readonly inHand: number;
  /** Of those in hand, how many were given out before. */
  readonly redelivered: number;
  /** Requests for messages that wait at the server: nodes that have room. */
  readonly asking: number;
  readonly dead: number;
}

/**
 * Asks a server for the status of a mesh.
 *
 * @throws StorageError where it does not answer, or does not permit to ask.
 */
export async function readNatsStatus(connection: NatsConnection, names: StreamNames): Promise<NatsStatus> {
  const attempt = `ask NATS for the status of the mesh "${names.mesh}"`;
  try {
    const jsm = await connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
    const server = await describeServer(connection);
    const jetStream = await patiently(() => accountOf(jsm));
    if (jetStream === null) return { server, jetStream, streams: [], queues: [] };
    const found = await patiently(() => streamNamesOf(jsm, names));
    const of = { names, server: server.name };
    const all = await Promise.all(found.map((name) => streamOf(jsm, name, of)));
    const streams = all.filter((stream) => stream !== null);
    return { server, jetStream, streams, queues: await queuesOf(jsm, names, streams) };
  } catch (thrown) {
    throw failure(attempt, thrown);
  }
}

/** The server that a connection is to. @throws NatsError where it does not answer */
export async function describeServer(connection: NatsConnection): Promise<ServerStatus> {
  const roundTripMs = await connection.rtt();
  const { info } = connection;
  return {
    name: info?.server_name ?? "",
    address: connection.getServer(),
    version: info?.version ?? "",
    cluster: info?.cluster ?? null,
    others: (info?.connect_urls ?? []).filter((url) => url !== connection.getServer()),
    maxPayload: info?.max_payload ?? 0,
    roundTripMs,
  };
}

async function accountOf(jsm: JetStreamManager): Promise<AccountStatus | null> {
  try {
    const info = await jsm.getAccountInfo();
    const { limits } = info;
    return {
      domain: info.domain ?? null,
      storage: usage(info.storage, limits.max_storage),
      memory: usage(info.memory, limits.max_memory),
      streams: usage(info.streams, limits.max_streams),
      consumers: usage(info.consumers, limits.max_consumers),
    };
  } catch (thrown) {
    if (isOff(thrown)) return null;
    throw thrown;
  }
}

/** Nobody answers for JetStream, or the account has none. */
function isOff(thrown: unknown): boolean {
  const api = apiErrorOf(thrown);
  if (api !== undefined) return api === API_ERROR.jetStreamOff || api === API_ERROR.jetStreamOffForAccount;
  return (thrown as { readonly code?: unknown } | null)?.code === "503";
}

/**
 * The values of a bucket's keys, read without a consumer: so for few keys.
 *
 * @throws StorageError
 */
export async function readBucket(
  connection: NatsConnection,
  names: StreamNames,
  bucket: string,
): Promise<readonly string[]> {
  const name = names.bucket(bucket);
  try {
    const jsm = await connection.jetstreamManager({ checkAPI: false, timeout: ANSWER_MS });
    const reader = new StreamReader(jsm);
    const subjects = await reader.subjects(`KV_${name}`, `$KV.${name}.>`);
    const found = await Promise.all(
      [...subjects.keys()].map((subject) => reader.read(`KV_${name}`, { last_by_subj: subject })),
    );
    return found.flatMap((one) =>
      one === null || isDeletion(one.header) ? [] : [valueOf(one.data, one.header)],
    );
  } catch (thrown) {
    throw failure(`read the bucket "${bucket}"`, thrown);
  }
}

/** Asks again while the servers elect who answers. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!isPassing(thrown) || Date.now() > until) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function streamNamesOf(jsm: JetStreamManager, names: StreamNames): Promise<readonly string[]> {
  const root = names.bucket("");
  const found: string[] = [];
  for await (const name of jsm.streams.names()) {
    if (name.replace(/^(?:KV|OBJ)_/, "").startsWith(root)) found.push(name);
  }
  return found.sort();
}

/** A stream; null where it belongs to a mesh whose name begins alike. */
async function streamOf(
  jsm: JetStreamManager,
  name: string,
  { names, server }: { readonly names: StreamNames; readonly server: string },
): Promise<StreamStatus | null> {
  const purposeOf = purposesOf(names);
  let info: StreamInfo;
  try {
    info = await jsm.streams.info(name);
  } catch (thrown) {
    if (apiErrorOf(thrown) === API_ERROR.streamNotFound) return null;
    if (isPassing(thrown)) return { ...UNKNOWN, name };
    throw thrown;
  }
  const { config, state, cluster } = info;
  const purpose = purposeOf(config.description ?? "");
  if (purpose === null) return null;
  return {
    name,
    purpose,
    messages: state.messages,
    bytes: state.bytes,
    maxBytes: config.max_bytes > 0 ? config.max_bytes : null,
    maxAgeMs: config.max_age > 0 ? config.max_age / NANOS_PER_MS : null,
    replicas: config.num_replicas,
    // A server of its own calls itself by its key.
    leader: cluster?.name === undefined ? server : (cluster.leader ?? null),
    peers: (cluster?.replicas ?? []).map(({ name: peer, current, offline, lag }) => ({
      name: peer,
      isCurrent: current,
      isOffline: offline ?? false,
      lag: lag ?? 0,
    })),
  };
}

/** What is said of a stream that nobody answers for. */
const UNKNOWN: Omit<StreamStatus, "name"> = {
  purpose: "",
  messages: 0,
  bytes: 0,
  maxBytes: null,
  maxAgeMs: null,
  replicas: 0,
  leader: null,
  peers: [],
};

async function queuesOf(
  jsm: JetStreamManager,
  names: StreamNames,
  streams: readonly StreamStatus[],
): Promise<readonly QueueStatus[]> {
  const has = (kind: "queue" | "dead") =>
    streams.some(({ name, leader }) => name === names.stream(kind) && leader !== null);
  const reader = new StreamReader(jsm);
  const subjectsOf = (kind: "queue" | "dead") => reader.subjects(names.stream(kind), names.subjectsOf(kind));
  const consumers = new Map<string, ConsumerInfo>();
  let stored: ReadonlyMap<string, number> = new Map();
  if (has("queue")) {
    for await (const info of jsm.consumers.list(names.stream("queue"))) {
      consumers.set(info.config.filter_subject ?? "", info);
    }
    stored = await subjectsOf("queue");
  }
  const dead = new Map<string, number>();
  if (has("dead")) {
    const root = names.subjectsOf("dead").slice(0, -1);
    for (const [subject, count] of await subjectsOf("dead")) {
      const queue = subject.slice(root.length).replace(/\.\$\..*$/, "");
      dead.set(queue, (dead.get(queue) ?? 0) + count);
    }
  }
  const root = names.subjectsOf("queue").slice(0, -1);
  const later = names.later("").slice(names.queue("").length);
  const known = [...consumers.keys(), ...stored.keys()].filter((subject) => !subject.endsWith(later));
  const queues = new Set([...known.map((subject) => subject.slice(root.length)), ...dead.keys()]);
  return [...queues].sort().map((queue): QueueStatus => {
    const subject = `${root}${queue}`;
    const info = consumers.get(subject);
    const inHand = info?.num_ack_pending ?? 0;
    return {
      queue,
      waiting: Math.max(0, (stored.get(subject) ?? 0) - inHand),
      postponed: stored.get(`${subject}${later}`) ?? 0,
      inHand,
      redelivered: info?.num_redelivered ?? 0,
      asking: info?.num_waiting ?? 0,
      dead: dead.get(queue) ?? 0,
    };
  });
}

/** Reads from a stream's description what it is for; null where it is another mesh's, or nobody of ours made it. */
function purposesOf({ mesh }: StreamNames): (description: string) => string | null {
  const root = `Fettle mesh "${mesh}": `;
  return (description) => (description.startsWith(root) ? description.slice(root.length) : null);
}

function usage(used: number, limit: number): Usage {
  return { used, limit: limit > 0 ? limit : null };
}
