// Services over NATS by the conventions of its micro services: found, described and counted by its own tools.
// Invariant: every request that somebody waits for is answered: what is not text, what a handler throws and what is too
// large become errors of the service. Answers go to inboxes only: with our rights, but to the place that a client names,
// they must reach nothing that the client itself may not write to. Times are those of the answers, not of the calls.
import {
  createInbox,
  ErrorCode,
  headers as makeHeaders,
  ServiceErrorCodeHeader,
  ServiceErrorHeader,
  type Endpoint,
  type Msg,
  type MsgHdrs,
  type NamedEndpointStats,
  type ServiceMsg,
} from "nats";
import { DeliveryError, messageOf } from "../../core/errors.ts";
import { requireSubject } from "../../core/grammar.ts";
import type {
  Wire,
  WireEndpoint,
  WireFailure,
  WireHeaders,
  WireInbox,
  WireRequest,
  WireService,
  WireServiceSpec,
} from "../../core/wire.ts";
import { codeOf } from "./failure.ts";
import { nanosecondsOf, type NatsLink } from "./link.ts";
import { isActedOn } from "./reply-subject.ts";

/** A header's value is one line, and no essay. */
const MAX_HEADER = 512;

const strictText = new TextDecoder("utf-8", { fatal: true });

/** What came of an endpoint's requests. */
interface Counts {
  requests: number;
  errors: number;
  lastError: string | undefined;
  /** Of all requests that have ended, in milliseconds. */
  totalMs: number;
}

/** Services on one connection. */
export class NatsWire implements Wire {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  get maxPayload(): number {
    return this.#link.maxPayload;
  }

  async service(spec: WireServiceSpec): Promise<WireService> {
    const { connection, log, closed } = this.#link;
    const { endpoints, name, version, description, metadata } = spec;
    const attempt = `serve "${name}"`;
    if (closed.aborted) throw new DeliveryError("ACTOR_STOPPED", `Cannot ${attempt}: the fabric is closed.`);
    const counts = new Map<string, Counts>();
    const data = new Map<string, WireEndpoint["data"]>();
    try {
      for (const { subject } of endpoints) requireSubject(subject);
      const config = {
        name,
        version,
        description,
        metadata: { ...metadata },
        statsHandler: async (endpoint: Endpoint) => {
          showCounts(endpoint, counts.get(endpoint.subject));
          return data.get(endpoint.subject)?.();
        },
      };
      // The server may restart in this very moment.
      const service = await this.#link.call(attempt, () => connection.services.add(config));
      for (const endpoint of endpoints) {
        const { subject, queue } = endpoint;
        const counted: Counts = { requests: 0, errors: 0, lastError: undefined, totalMs: 0 };
        counts.set(subject, counted);
        data.set(subject, endpoint.data);
        service.addEndpoint(endpoint.name, {
          subject,
          queue,
          metadata: { ...endpoint.metadata },
          handler: (error, message) => {
            if (error === null) void this.#handle(endpoint, message, counted);
          },
        });
      }
      const stopped = service.stopped.then((error) => {
        if (error !== null) log.error({ err: error, service: name }, "a service for clients has stopped");
      });
      await connection.flush();
      return {
        id: service.info().id,
        stopped,
        stop: async () => {
          await service.stop();
        },
      };
    } catch (thrown) {
      if (thrown instanceof DeliveryError) throw thrown;
      throw new DeliveryError("MESSAGE_INVALID", `Cannot ${attempt}: ${messageOf(thrown)}.`, {
        cause: thrown,
      });
    }
  }

  publish(subject: string, payload: string): void {
    requireSubject(subject);
    this.#use(`publish to "${subject}"`, () => this.#link.connection.publish(subject, payload));
  }

  inbox(handler: (payload: string) => void): WireInbox {
    const subject = createInbox();
    const subscription = this.#use("open an inbox", () =>
      this.#link.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) this.#hear(handler, message);
        },
      }),
    );
    return { subject, close: () => subscription.unsubscribe() };
  }

  #hear(handler: (payload: string) => void, { subject, data }: Msg): void {
    let text: string;
    try {
      text = strictText.decode(data);
    } catch {
      return;
    }
    try {
      handler(text);
    } catch (thrown) {
      this.#link.log.error({ err: thrown, subject }, "an answer of a client could not be taken");
    }
  }

  #use<T>(attempt: string, use: () => T): T {
    if (this.#link.closed.aborted)
      throw new DeliveryError("ACTOR_STOPPED", `Cannot ${attempt}: the fabric is closed.`);
    try {
      return use();
    } catch (thrown) {
      throw new DeliveryError("MESSAGE_INVALID", `Cannot ${attempt}: ${messageOf(thrown)}.`, {
        cause: thrown,
      });
    }
  }

  async #handle(
    { handler, endsEmpty = false }: WireEndpoint,
    message: ServiceMsg,
    counts: Counts,
  ): Promise<void> {
    const { clock, log } = this.#link;
    const { subject, reply } = message;
    if (isActedOn(reply)) {
      log.warn(
        { subject, reply },
        "a request was dropped: its answer would go where servers or meshes act on it",
      );
      return;
    }
    const start = clock.now();
    const fail = (failure: WireFailure): void => {
      counts.errors += 1;
      counts.lastError = `${failure.code}: ${oneLine(failure.description)}`;
      this.#respond(message, failure.payload ?? "", {
        ...failure.headers,
        [ServiceErrorHeader]: failure.description,
        [ServiceErrorCodeHeader]: String(failure.code),
      });
    };
    try {
      const request = this.#read(message, fail);
      if (request !== null) await handler(request);
    } catch (thrown) {
      log.error({ err: thrown, subject }, "a client's request failed");
      this.#safely(() => fail({ code: 500, description: `The request failed: ${messageOf(thrown)}` }));
    } finally {
      if (endsEmpty) this.#safely(() => this.#respond(message, "", {}));
      counts.requests += 1;
      counts.totalMs += clock.now() - start;
    }
  }

  /** A request as its handler gets it; null where it was refused. */
  #read(message: ServiceMsg, fail: WireRequest["fail"]): WireRequest | null {
    try {
      return {
        subject: message.subject,
        payload: strictText.decode(message.data),
        headers: readHeaders(message.headers),
        reply: (payload, headers = {}) => this.#respond(message, payload, headers),
        fail,
      };
    } catch {
      fail({ code: 400, description: "The request is no text: send UTF-8, and headers that NATS can read." });
      return null;
    }
  }

  /** Nothing can be sent once the connection is closed. */
  #safely(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.#link.log.debug({ err: error }, "an answer could not be sent to a client");
    }
  }

  #respond(message: ServiceMsg, payload: string, headers: Readonly<Record<string, string>>): void {
    try {
      const isBare = Object.keys(headers).length === 0;
      message.respond(payload, isBare ? {} : { headers: writeHeaders(headers) });
    } catch (thrown) {
      const isTooLarge = codeOf(thrown) === ErrorCode.MaxPayloadExceeded;
      const reason = isTooLarge ? "it is larger than the server's max_payload" : messageOf(thrown);
      const code = this.#link.connection.isClosed() ? "ACTOR_STOPPED" : "MESSAGE_INVALID";
      throw new DeliveryError(code, `Cannot answer on "${message.subject}": ${reason}.`, { cause: thrown });
    }
  }
}

/**
 * The library counts a request as done when its handler returns, which ours does at once: what it shows is set right
 * just before it is read.
 */
function showCounts(endpoint: Endpoint & { stats?: NamedEndpointStats }, counts: Counts | undefined): void {
  const { stats } = endpoint;
  if (stats === undefined || counts === undefined) return;
  const { requests, errors, lastError, totalMs } = counts;
  const processing = nanosecondsOf(totalMs);
  stats.num_requests = requests;
  stats.num_errors = errors;
  stats.processing_time = processing;
  stats.average_processing_time = requests === 0 ? 0 : Math.round(processing / requests);
  if (lastError !== undefined) stats.last_error = lastError;
}

function readHeaders(headers: MsgHdrs | undefined): WireHeaders {
  const read: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, values] of headers ?? []) {
    const [first] = values;
    if (first !== undefined) read[name.toLowerCase()] ??= first;
  }
  return read;
}

function writeHeaders(given: Readonly<Record<string, string>>): MsgHdrs {
  const headers = makeHeaders();
  for (const [name, value] of Object.entries(given)) headers.set(name, oneLine(value));
  return headers;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAX_HEADER ? line : `${line.slice(0, MAX_HEADER - 1)}…`;
}
