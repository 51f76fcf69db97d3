// What NATS and JetStream say when something fails, in words that help; and whether waiting may mend it.
// Invariant: NATS's own error is always kept as the cause; only what a server's restart, a lost connection or an
// election explains counts as passing.
import { ErrorCode, type NatsError } from "nats";
import { messageOf, StorageError } from "../../core/errors.ts";

/** The numbers of JetStream's errors that are told apart here; see `server/errors.json` of nats-server. */
export const API_ERROR = {
  consumerNotFound: 10014,
  consumerExists: 10148,
  noMessage: 10037,
  noPeers: 10005,
  jetStreamOff: 10076,
  jetStreamOffForAccount: 10039,
  streamNameTaken: 10058,
  streamNotFound: 10059,
  subjectsOverlap: 10065,
  wrongSequence: 10071,
  wrongLastMessage: 10070,
  sequenceNotFound: 10043,
  deleteFailed: 10057,
  storageExhausted: 10047,
  maxMessages: 10077,
} as const;

const PASSING: ReadonlySet<string> = new Set([
  ErrorCode.Timeout,
  ErrorCode.NoResponders,
  ErrorCode.Disconnect,
  ErrorCode.ConnectionTimeout,
  ErrorCode.ConnectionRefused,
]);

/**
 * The API errors that a cluster gives while it elects a leader or a server starts; and those of servers from 2.11 on while
 * another message of the same subject, or of the same id, is on its way to their disks: only then is known who was first.
 */
const PASSING_API: ReadonlySet<number> = new Set([10008, 10009, 10118, 10158, 10163, 10164, 10167]);

const REMEDIES: Readonly<Record<number, string>> = {
  [API_ERROR.jetStreamOff]: "Start the server with JetStream: nats-server -js.",
  [API_ERROR.jetStreamOffForAccount]:
    "Enable JetStream for this account on the server, or start it as: nats-server -js.",
  [API_ERROR.storageExhausted]:
    "The server has no storage left for it: raise its max_file_store, or the account's limit.",
  [API_ERROR.noPeers]:
    "FETTLE_REPLICAS is larger than the number of servers of the cluster that are up: lower it, or add servers.",
  10074: "FETTLE_REPLICAS is above 1, which needs a cluster: lower it, or add servers.",
  10077: "The stream is full: raise FETTLE_NATS_MAX_BYTES, or remove what is no longer needed.",
  10023: "The server has too little memory or storage for it, or too few servers for FETTLE_REPLICAS.",
};

/** The number of JetStream's error; undefined where it is none. */
export function apiErrorOf(thrown: unknown): number | undefined {
  return (thrown as NatsError | undefined)?.api_error?.err_code;
}

/** NATS's own name of an error; undefined where it is none. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}

/** Whether the same call may succeed a moment later: the server restarts, the connection is down, or there is no leader. */
export function isPassing(thrown: unknown): boolean {
  const api = apiErrorOf(thrown);
  if (api !== undefined) return PASSING_API.has(api);
  const code = codeOf(thrown);
  return code !== undefined && PASSING.has(code);
}

/** A StorageError that says what was attempted, what the server said, and what to do about it. */
export function failure(attempt: string, thrown: unknown): StorageError {
  if (thrown instanceof StorageError) return thrown;
  const api = apiErrorOf(thrown);
  const remedy = api === undefined ? remedyOf(thrown) : (REMEDIES[api] ?? "");
  const reason = reasonOf(thrown);
  return new StorageError(
    "STORAGE_FAILED",
    `Cannot ${attempt}: NATS: ${reason}.${remedy === "" ? "" : ` ${remedy}`}`,
    { cause: thrown, retryable: isPassing(thrown) },
  );
}

/** What NATS says, without a full stop; of some of JetStream's errors the library's message has the number alone. */
export function reasonOf(thrown: unknown): string {
  const { description } = (thrown as NatsError | undefined)?.api_error ?? {};
  return (description ?? messageOf(thrown)).replace(/\.$/, "");
}

/** The StorageError of a fabric that was closed. */
export function closedFailure(attempt: string): StorageError {
  return new StorageError("STORAGE_FAILED", `Cannot ${attempt}: the fabric is closed.`);
}

function remedyOf(thrown: unknown): string {
  switch (codeOf(thrown)) {
    case ErrorCode.PermissionsViolation:
      return "The server does not permit it to this user: docs/nats-servers.md lists what each kind of user needs.";
    case ErrorCode.MaxPayloadExceeded:
      return "Raise the server's max_payload.";
    case ErrorCode.Timeout:
    case ErrorCode.NoResponders:
    case ErrorCode.Disconnect:
      return "Is the server up, and does it run with JetStream (nats-server -js)?";
    default:
      return "";
  }
}
