// A queue's message as it is on the wire: what its headers say, and what the server tells in the subject of its reply.
// Invariant: any client's message can be read, also one without headers; its id is a key, and the same each time.
import { createHash } from "node:crypto";
import type { Msg } from "nats";
import { isKey } from "../../core/grammar.ts";

/** The headers of a queue's messages and dead letters. */
export const HEADER = {
  /** The id of a message that was put in again: JetStream's own is another then. */
  id: "Fettle-Id",
  /** How many deliveries it had before it was put in again; of a dead letter, how many in all. */
  deliveries: "Fettle-Deliveries",
  /** When it is to be given out, in milliseconds since 1970. */
  due: "Fettle-Due",
  /** When it was put in first, of one that was put in again, in milliseconds since 1970. */
  since: "Fettle-Since",
  /** Why it is a dead letter, percent-encoded as `encodeURIComponent` does. */
  reason: "Fettle-Reason",
  /** When it became a dead letter, in milliseconds since 1970. */
  at: "Fettle-At",
} as const;

const MESSAGE_ID = "Nats-Msg-Id";
/** So many bytes of a publisher's own headers go with a message that is put in again; the rest is left behind. */
const MAX_OTHERS = 2_048;
const OWN = new Set<string>(Object.values(HEADER).map((name) => name.toLowerCase()));

/** A message that the server gave out. */
export interface QueuedMessage {
  readonly id: string;
  readonly data: Uint8Array;
  /** The how manieth delivery this is, over all times that it was put in; 1 for the first. */
  readonly deliveries: number;
  /** How many of them were before it was last put in. */
  readonly deliveriesBefore: number;
  /** Says which stored message it is, for ever. */
  readonly place: string;
  /** Where the server is told what became of it. */
  readonly reply: string;
  /** When it is due, in milliseconds since 1970; 0 where nothing is said. */
  readonly due: number;
  /** When it was put in first, in milliseconds since 1970. */
  readonly at: number;
  /** What else its publisher said. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The id under which JetStream knows a message of a queue; of two queues, never the same. */
export function messageIdOf(subject: string, id: string): string {
  return `${subject}:${id}`;
}

/** Reads a message of a queue; `subject` is the queue's. */
export function readMessage(message: Msg, subject: string): QueuedMessage {
  const { reply = "" } = message;
  // $JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<delivery's sequence>.<time>.<pending>[.<random>]
  const tokens = reply.split(".");
  const [count = "1", sequence = "0", , time = "0"] = tokens.slice(tokens.length > 9 ? 6 : 4);
  const place = `${sequence}-${time}`;
  const headers = headersOf(message);
  const deliveriesBefore = numberOf(headers.get(HEADER.deliveries));
  return {
    id: idOf(headers, subject, place),
    data: message.data,
    deliveries: Number(count) + deliveriesBefore,
    deliveriesBefore,
    place,
    reply,
    due: numberOf(headers.get(HEADER.due)),
    at: numberOf(headers.get(HEADER.since)) || Math.floor(Number(time) / 1e6),
    get headers() {
      return othersOf(headers);
    },
  };
}

/** The first value of each header. */
function headersOf({ headers }: Msg): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const [name, [value = ""]] of headers ?? []) first.set(name, value);
  return first;
}

/** What is behind a header with a number in it; 0 where there is none. */
export function numberOf(text: string | undefined): number {
  const value = Number(text ?? "");
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function idOf(headers: ReadonlyMap<string, string>, subject: string, place: string): string {
  const own = headers.get(HEADER.id) ?? "";
  if (isKey(own)) return own;
  const given = headers.get(MESSAGE_ID) ?? "";
  const start = messageIdOf(subject, "");
  const id = given.startsWith(start) ? given.slice(start.length) : given;
  if (id === "") return place;
  if (isKey(id)) return id;
  const readable = id.replace(/[^A-Za-z0-9_=/-]+/g, "_").slice(0, 64);
  return `${readable}-${createHash("sha256").update(id).digest("hex").slice(0, 16)}`;
}

function othersOf(headers: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const others: Record<string, string> = {};
  let room = MAX_OTHERS;
  const own = ([name]: readonly [string, string]) => /^nats-/i.test(name) || OWN.has(name.toLowerCase());
  const sizeOf = ([name, value]: readonly [string, string]) => Buffer.byteLength(name + value) + 4;
  // The short ones first: what says how a task is to be done is short.
  const sized = [...headers].filter((one) => !own(one)).map((one) => ({ one, bytes: sizeOf(one) }));
  for (const { one, bytes } of sized.sort((a, b) => a.bytes - b.bytes)) {
    room -= bytes;
    if (room < 0) break;
    others[one[0]] = one[1];
  }
  return others;
}
