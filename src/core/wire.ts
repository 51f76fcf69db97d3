// The port to clients that are no actors: services by NATS's own conventions, whose requests and answers have headers.
// Only a fabric that such clients can reach has one. Invariant: whatever a request holds, its handler is given text.

/** Headers of a message, by names in lower case; of a name that came twice, the first value. */
export type WireHeaders = Readonly<Record<string, string>>;

/** Why a request is not done, as service clients are told it. */
export interface WireFailure {
  /** As in HTTP: 400 for a request that is wrong, 500 for a fault here. */
  readonly code: number;
  /** One line. */
  readonly description: string;
  readonly payload?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A request as a service's handler gets it. */
export interface WireRequest {
  readonly subject: string;
  readonly payload: string;
  readonly headers: WireHeaders;
  /**
   * Answers, where somebody waits; may be called again, for an answer of several messages.
   *
   * @throws DeliveryError `MESSAGE_INVALID` where the message is larger than the server takes.
   */
  reply(payload: string, headers?: Readonly<Record<string, string>>): void;
  /** Answers with the headers of a service's error, which the service's counts then show. */
  fail(failure: WireFailure): void;
}

/** One subject that a service answers on. */
export interface WireEndpoint {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  readonly subject: string;
  /** Of the endpoints with one subject and queue, one gets each request. */
  readonly queue: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Answers a request. What it throws is answered as code 500, and logged. */
  readonly handler: (request: WireRequest) => Promise<void>;
  /** Whether each answer ends with an empty message without headers, whatever came of it. */
  readonly endsEmpty?: boolean | undefined;
  /** What the service's statistics show of it beyond counts and times: plain JSON. */
  readonly data?: (() => Promise<unknown>) | undefined;
}

/** What others see of a service. */
export interface WireServiceSpec {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  /** A semantic version. */
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly WireEndpoint[];
}

/** A service that runs. */
export interface WireService {
  /** What tells it from others of its name. */
  readonly id: string;
  /** Resolves once it takes no more requests: it was stopped, or the server does not permit it. */
  readonly stopped: Promise<void>;
  /** Takes no more requests; those in hand can still be answered. Idempotent. */
  stop(): Promise<void>;
}

/** Where a client that is told of it can answer. */
export interface WireInbox {
  readonly subject: string;
  /** Hears nothing more. Idempotent. */
  close(): void;
}

/** Serves clients of any language. */
export interface Wire {
  /** How many bytes a message may have. */
  readonly maxPayload: number;
  /**
   * Begins to serve; resolves once requests reach it.
   *
   * @throws DeliveryError `MESSAGE_INVALID` for a bad name or subject, `ACTOR_STOPPED` once the fabric is closed.
   */
  service(spec: WireServiceSpec): Promise<WireService>;
  /** Tells whoever listens. @throws DeliveryError as `service` does. */
  publish(subject: string, payload: string): void;
  /**
   * Opens a subject that nobody else has; what comes to it and is no text is passed over.
   *
   * @throws DeliveryError `ACTOR_STOPPED` once the fabric is closed.
   */
  inbox(handler: (payload: string) => void): WireInbox;
}
