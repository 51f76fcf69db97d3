// How queues lie in the state file, and the moves of their messages; all within one transaction of the caller's.
// A message has a number; its payload is written once, and a small record of it is in one place at a time: ready,
// later (by when it is due), in hand (of a holder) or dead (by its id).
// Invariant: every message whose payload is there has its record in exactly one of these places, and one in hand has
// a reminder at or before the time when it is to be given out again.
import type { ConsumerOptions, DeadLetter } from "../../core/ports.ts";
import { DUPLICATE_WINDOW_MS, givenUp, timedOut } from "../queue-rules.ts";
import type { StateDatabase, StateKey } from "./shared-database.ts";
import { next } from "./state-file.ts";

/** At most so many messages are moved in one transaction, so that others get their turn. */
const AT_ONCE = 1000;

/** A message's record while it waits. */
interface Waiting {
  readonly id: string;
  readonly deliveries: number;
  /** What its publisher said beside the payload; absent where that is nothing. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A message's record while it is in hand; its version is the time when it is to be given out again. */
interface InHand extends Waiting, ConsumerOptions {
  /** The time of its reminder. */
  readonly reminder: number;
}

interface Dead extends Waiting {
  readonly number: number;
  readonly reason: string;
  readonly at: number;
}

/** Which delivery of which message is meant: of another one of the same message, `deliveries` differs. */
export interface Claim {
  readonly queue: string;
  readonly number: number;
  readonly holder: string;
  readonly deliveries: number;
}

/** A message as it was given out. */
export interface Given {
  readonly claim: Claim;
  readonly id: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
  /** When it was put in, in milliseconds since 1970. */
  readonly at: number;
}

const LAST = Number.MAX_SAFE_INTEGER;
const HIGHEST = "\u{10ffff}";

const place = {
  payload: (queue: string, number: number): StateKey => ["queue-payload", queue, number],
  ready: (queue: string, number: number): StateKey => ["queue-ready", queue, number],
  later: (queue: string, due: number, number: number): StateKey => ["queue-later", queue, due, number],
  hand: (holder: string, queue: string, number: number): StateKey => ["queue-hand", holder, queue, number],
  reminder: (queue: string, at: number, holder: string, number: number): StateKey => [
    "queue-reminder",
    queue,
    at,
    holder,
    number,
  ],
  dead: (queue: string, id: string): StateKey => ["queue-dead", queue, id],
  /** Ids of messages that wait or are in hand. */
  active: (queue: string, id: string): StateKey => ["queue-active", queue, id],
  /** Ids that were given by publishers of late; their version says when. */
  recent: (queue: string, id: string): StateKey => ["queue-recent", queue, id],
  recentAt: (at: number, queue: string, id: string): StateKey => ["queue-recent-at", at, queue, id],
  holder: (holder: string): StateKey => ["queue-holder", holder],
};

/** Puts a message in, under an id that its publisher gave or a `fresh` one; false where it is a duplicate. */
export function add(
  database: StateDatabase,
  queue: string,
  message: {
    readonly id: string;
    readonly fresh: boolean;
    readonly payload: string;
    readonly now: number;
    readonly delayMs: number;
    readonly headers: Readonly<Record<string, string>>;
  },
): boolean {
  const { id, now } = message;
  forgetIds(database, now);
  if (!message.fresh) {
    const published = database.getEntry(place.recent(queue, id))?.version ?? -Infinity;
    if (now - published < DUPLICATE_WINDOW_MS || database.doesExist(place.active(queue, id))) return false;
    void database.put(place.recent(queue, id), "", now);
    void database.put(place.recentAt(now, queue, id), "", 0);
  }
  const number = next(database);
  void database.put(place.active(queue, id), "", number);
  void database.put(place.payload(queue, number), message.payload, now);
  const due = message.delayMs > 0 ? now + message.delayMs : now;
  const said = Object.keys(message.headers).length === 0 ? {} : { headers: message.headers };
  park(database, queue, { number, due, now, record: { id, deliveries: 0, ...said } });
  return true;
}

/** Milliseconds until a message of a queue can be given out or must be looked at: 0 for now, Infinity for unknown. */
export function timeUntilDue(database: StateDatabase, queue: string, now: number): number {
  const ranges = [
    { start: place.later(queue, 0, 0), end: place.later(queue, LAST, 0), limit: 1 },
    { start: place.reminder(queue, 0, "", 0), end: place.reminder(queue, LAST, "", 0), limit: 1 },
  ];
  if ([...database.getKeys({ ...readyRange(queue), limit: 1 })].length > 0) return 0;
  const times = ranges.flatMap((range) => [...database.getKeys(range)].map((key) => Number(key[2])));
  return Math.max(0, Math.min(Infinity, ...times) - now);
}

/** Gives out up to `count` messages, oldest first, after those that are due again have been put back. */
export function give(
  database: StateDatabase,
  queue: string,
  taker: {
    readonly holder: string;
    readonly count: number;
    readonly now: number;
    readonly options: ConsumerOptions;
  },
): readonly Given[] {
  const { holder, now, options } = taker;
  bringBack(database, queue, now);
  if (taker.count === 0) return [];
  const keys = [...database.getKeys({ ...readyRange(queue), limit: taker.count })];
  return keys.map((key) => {
    const number = Number(key[2]);
    const waiting = recordAt<Waiting>(database, key);
    const reminder = now + options.ackWaitMs;
    const deliveries = waiting.deliveries + 1;
    const record: InHand = { ...waiting, deliveries, ...options, reminder };
    void database.remove(key);
    void database.put(place.hand(holder, queue, number), JSON.stringify(record), reminder);
    void database.put(place.reminder(queue, reminder, holder, number), "", 0);
    const { value: payload = "", version: at = 0 } = database.getEntry(place.payload(queue, number)) ?? {};
    const { id, headers = {} } = waiting;
    return { claim: { queue, number, holder, deliveries }, id, payload, headers, at };
  });
}

/** Takes a message that is done out of the queue; does nothing where the claim is no longer good. */
export function remove(database: StateDatabase, claim: Claim): void {
  const record = inHand(database, claim);
  if (record === undefined) return;
  letGo(database, claim, record);
  void database.remove(place.active(claim.queue, record.id));
  void database.remove(place.payload(claim.queue, claim.number));
}

/** Puts a message back, or among the dead where it has had all its deliveries; `last` says how this one ended. */
export function putBack(
  database: StateDatabase,
  claim: Claim,
  how: { readonly now: number; readonly delayMs: number; readonly last: string },
): void {
  const record = inHand(database, claim);
  if (record === undefined) return;
  const { id, deliveries, headers } = record;
  if (deliveries >= record.maxDeliveries) {
    kill(database, claim, { now: how.now, reason: givenUp(deliveries, how.last) });
    return;
  }
  letGo(database, claim, record);
  const due = how.now + Math.max(0, how.delayMs);
  const said = headers === undefined ? {} : { headers };
  park(database, claim.queue, {
    number: claim.number,
    due,
    now: how.now,
    record: { id, deliveries, ...said },
  });
}

/** Makes a message a dead letter. One of the same id that is there already gives way to it. */
export function kill(
  database: StateDatabase,
  claim: Claim,
  how: { readonly now: number; readonly reason: string },
): void {
  const record = inHand(database, claim);
  if (record === undefined) return;
  const { queue, number } = claim;
  const { id, deliveries } = record;
  letGo(database, claim, record);
  void database.remove(place.active(queue, id));
  bury(database, queue, id);
  const dead: Dead = { id, deliveries, number, reason: how.reason, at: how.now };
  void database.put(place.dead(queue, id), JSON.stringify(dead), next(database));
}

/** Gives a message in hand its whole time again; false where the claim is no longer good. */
export function extend(database: StateDatabase, claim: Claim, now: number): boolean {
  const record = inHand(database, claim);
  if (record === undefined) return false;
  // The reminder stays where it is: whoever meets it looks here, and puts it where it belongs.
  const key = place.hand(claim.holder, claim.queue, claim.number);
  void database.put(key, JSON.stringify(record), now + record.ackWaitMs);
  return true;
}

/** Puts back what a holder has in hand, in all queues; false where there may be more of it. */
export function release(
  database: StateDatabase,
  holder: string,
  how: { readonly now: number; readonly last: string },
): boolean {
  const range = { start: place.hand(holder, "", 0), end: place.hand(holder, HIGHEST, 0), limit: AT_ONCE };
  const keys = [...database.getKeys(range)];
  for (const key of keys) {
    const [queue, number] = [String(key[2]), Number(key[3])];
    const { deliveries } = recordAt<InHand>(database, key);
    putBack(database, { queue, number, holder, deliveries }, { ...how, delayMs: 0 });
  }
  if (keys.length === AT_ONCE) return false;
  void database.remove(place.holder(holder));
  return true;
}

/** Says who a holder is, as text; whoever takes messages says so in the same transaction. */
export function enrol(database: StateDatabase, holder: string, identity: string): void {
  if (!database.doesExist(place.holder(holder))) void database.put(place.holder(holder), identity, 0);
}

/** All holders that may have messages in hand, with what they said of themselves. */
export function holders(
  database: StateDatabase,
): readonly { readonly holder: string; readonly identity: string }[] {
  const range = database.getRange({ start: place.holder(""), end: place.holder(HIGHEST) });
  return [...range].map(({ key, value }) => ({ holder: String(key[1]), identity: value }));
}

/** How many messages of a queue are where. */
export function count(
  database: StateDatabase,
  queue: string,
): { readonly waiting: number; readonly inHand: number; readonly dead: number } {
  const later = { start: place.later(queue, 0, 0), end: place.later(queue, LAST, 0) };
  const handsOf = (holder: string): number =>
    database.getKeysCount({ start: place.hand(holder, queue, 0), end: place.hand(holder, queue, LAST) });
  return {
    waiting: database.getKeysCount(readyRange(queue)) + database.getKeysCount(later),
    inHand: holders(database).reduce((sum, { holder }) => sum + handsOf(holder), 0),
    dead: database.getKeysCount(deadRange(queue)),
  };
}

/** The dead letters of a queue, oldest first. */
export function deadLetters(database: StateDatabase, queue: string): readonly DeadLetter[] {
  const found = [...database.getRange({ ...deadRange(queue), versions: true })];
  found.sort((a, b) => (a.version ?? 0) - (b.version ?? 0));
  const letters = found.map(({ value }) => JSON.parse(value) as Dead);
  return letters.map(({ number, ...letter }) => ({
    ...letter,
    payload: database.get(place.payload(queue, number)) ?? "",
  }));
}

/** Takes a dead letter away, with its payload. */
export function bury(database: StateDatabase, queue: string, id: string): void {
  const key = place.dead(queue, id);
  const text = database.get(key);
  if (text === undefined) return;
  void database.remove(place.payload(queue, (JSON.parse(text) as Dead).number));
  void database.remove(key);
}

/** Makes ready what was to wait until now, and what was in hand for too long. */
function bringBack(database: StateDatabase, queue: string, now: number): void {
  const later = { start: place.later(queue, 0, 0), end: place.later(queue, now, LAST), limit: AT_ONCE };
  for (const key of [...database.getKeys(later)]) {
    const record = recordAt<Waiting>(database, key);
    void database.remove(key);
    void database.put(place.ready(queue, Number(key[3])), JSON.stringify(record), 0);
  }
  const reminders = {
    start: place.reminder(queue, 0, "", 0),
    end: place.reminder(queue, now, HIGHEST, LAST),
    limit: AT_ONCE,
  };
  for (const key of [...database.getKeys(reminders)]) {
    void database.remove(key);
    const [holder, number] = [String(key[3]), Number(key[4])];
    const hand = database.getEntry(place.hand(holder, queue, number));
    if (hand === undefined) continue;
    const record = JSON.parse(hand.value) as InHand;
    const until = hand.version ?? 0;
    if (until > now) {
      const moved = JSON.stringify({ ...record, reminder: until });
      void database.put(place.hand(holder, queue, number), moved, until);
      void database.put(place.reminder(queue, until, holder, number), "", 0);
    } else {
      const claim = { queue, number, holder, deliveries: record.deliveries };
      putBack(database, claim, { now, delayMs: 0, last: timedOut(record.ackWaitMs) });
    }
  }
}

/** The record of a message in hand; undefined where the claim is no longer good. */
function inHand(database: StateDatabase, claim: Claim): InHand | undefined {
  const text = database.get(place.hand(claim.holder, claim.queue, claim.number));
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as InHand;
  return record.deliveries === claim.deliveries ? record : undefined;
}

function letGo(database: StateDatabase, { queue, number, holder }: Claim, record: InHand): void {
  void database.remove(place.hand(holder, queue, number));
  void database.remove(place.reminder(queue, record.reminder, holder, number));
}

/** Makes a message wait: among the ready, or until it is due. */
function park(
  database: StateDatabase,
  queue: string,
  message: { readonly number: number; readonly due: number; readonly now: number; readonly record: Waiting },
): void {
  const { number, due } = message;
  const key = due > message.now ? place.later(queue, due, number) : place.ready(queue, number);
  void database.put(key, JSON.stringify(message.record), 0);
}

/** Forgets ids that were published too long ago to matter: more than one of them for each that is added. */
function forgetIds(database: StateDatabase, now: number): void {
  const range = {
    start: place.recentAt(0, "", ""),
    end: place.recentAt(now - DUPLICATE_WINDOW_MS, HIGHEST, ""),
    limit: 8,
  };
  for (const key of [...database.getKeys(range)]) {
    const [at, queue, id] = [Number(key[1]), String(key[2]), String(key[3])];
    void database.remove(key);
    if (database.getEntry(place.recent(queue, id))?.version === at) {
      void database.remove(place.recent(queue, id));
    }
  }
}

function readyRange(queue: string): { readonly start: StateKey; readonly end: StateKey } {
  return { start: place.ready(queue, 0), end: place.ready(queue, LAST) };
}

function deadRange(queue: string): { readonly start: StateKey; readonly end: StateKey } {
  return { start: place.dead(queue, ""), end: place.dead(queue, HIGHEST) };
}

function recordAt<T>(database: StateDatabase, key: StateKey): T {
  return JSON.parse(database.get(key) ?? "{}") as T;
}
