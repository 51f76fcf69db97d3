// The form of messages between actors, the same in process and on the wire.
// Invariant: whatever arrives is checked before anyone sees it; a body is the codec's text, decoded last.
import { z } from "zod";
import { decode, encode } from "./codec.ts";
import { DeliveryError, FettleError, messageOf, type ErrorCode } from "./errors.ts";

/** The version of the form; a reader refuses what it does not know. */
const ENVELOPE_VERSION = 1;

const envelopeSchema = z.object({
  v: z.literal(ENVELOPE_VERSION),
  id: z.string().min(1).max(128),
  type: z.enum(["send", "ask", "broadcast"]),
  from: z.string().max(260).nullable(),
  /** The trace that it belongs to, as W3C Trace Context writes it; older versions pass over it. */
  trace: z.string().max(512).optional(),
  body: z.string(),
});

const answerSchema = z.discriminatedUnion("ok", [
  z.object({ v: z.literal(ENVELOPE_VERSION), ok: z.literal(true), body: z.string() }),
  z.object({
    v: z.literal(ENVELOPE_VERSION),
    ok: z.literal(false),
    code: z.string(),
    name: z.string(),
    message: z.string(),
  }),
]);

const batchSchema = z.object({
  v: z.literal(ENVELOPE_VERSION),
  batch: z
    .array(envelopeSchema.omit({ v: true, body: true }))
    .min(1)
    .max(1024),
});

const outcomesSchema = z.object({
  v: z.literal(ENVELOPE_VERSION),
  /** Null for a message that was taken in. */
  outcomes: z.array(z.object({ code: z.string(), name: z.string(), message: z.string() }).nullable()),
});

/** A message on its way to an actor; `body` is the codec's text. */
export type Envelope = z.infer<typeof envelopeSchema>;

/** What an envelope is made of. */
export type EnvelopeParts = Omit<Envelope, "v" | "body"> & { readonly body: unknown };

/** Puts a body into an envelope. */
export function envelopeOf({ body, ...parts }: EnvelopeParts): Envelope {
  return { v: ENVELOPE_VERSION, ...parts, body: encode(body) };
}

/** An envelope's text. */
export function sealEnvelope(parts: EnvelopeParts): string {
  return JSON.stringify(envelopeOf(parts));
}

/** The text of one or more envelopes for one actor: a line of heads, then each body on its own, not quoted once more. */
export function sealBatch(envelopes: readonly Envelope[]): string {
  const batch = envelopes.map(({ id, type, from, trace }) => ({ id, type, from, trace }));
  let text = JSON.stringify({ v: ENVELOPE_VERSION, batch });
  // The codec writes no line breaks.
  for (const { body } of envelopes) text += `\n${body}`;
  return text;
}

/** Whether a text is that of a batch. */
export function isBatch(text: string): boolean {
  return text.startsWith(`{"v":${ENVELOPE_VERSION},"batch":`);
}

/** The envelopes of a batch. @throws DeliveryError `MESSAGE_INVALID` */
export function openBatch(text: string): readonly Envelope[] {
  const [head = "", ...bodies] = text.split("\n");
  const { batch } = parse(batchSchema, head, "batch of messages");
  if (bodies.length !== batch.length) {
    throw new DeliveryError(
      "MESSAGE_INVALID",
      `The batch of messages has ${batch.length} heads and ${bodies.length} bodies.`,
    );
  }
  return batch.map(({ id, type, from, trace }, index) => ({
    v: ENVELOPE_VERSION,
    id,
    type,
    from,
    ...(trace === undefined ? {} : { trace }),
    body: bodies[index] ?? "",
  }));
}

/** What became of each message of a batch: null where it was taken in. */
export function sealOutcomes(outcomes: readonly unknown[]): string {
  const told = outcomes.map((thrown) => (thrown === null ? null : failureOf(thrown)));
  return JSON.stringify({ v: ENVELOPE_VERSION, outcomes: told });
}

/** What became of each message of a batch: null, or its error. @throws the error that is the whole answer. */
export function openOutcomes(text: string, count: number): readonly (Error | null)[] {
  if (!text.startsWith(`{"v":${ENVELOPE_VERSION},"outcomes":`)) {
    openAnswer(text);
    throw new DeliveryError("MESSAGE_INVALID", "The answer to a batch of messages tells no outcomes.");
  }
  const { outcomes } = parse(outcomesSchema, text, "answer");
  if (outcomes.length !== count) {
    throw new DeliveryError(
      "MESSAGE_INVALID",
      `The answer tells of ${outcomes.length} messages of ${count}.`,
    );
  }
  return outcomes.map((failure) => (failure === null ? null : errorOf(failure)));
}

/** Opens an envelope. @throws DeliveryError `MESSAGE_INVALID` that says what is wrong with it. */
export function openEnvelope(text: string): Envelope {
  return parse(envelopeSchema, text, "message");
}

/** The body of an envelope. @throws ValueError where the text is not the codec's. */
export function bodyOf(envelope: Envelope): unknown {
  return decode(envelope.body);
}

/** The answer that carries a value. */
export function sealValue(value: unknown): string {
  return JSON.stringify({ v: ENVELOPE_VERSION, ok: true, body: encode(value) });
}

/** The answer that carries an error; a handler's own error becomes `HANDLER_FAILED`. */
export function sealError(thrown: unknown): string {
  return JSON.stringify({ v: ENVELOPE_VERSION, ok: false, ...failureOf(thrown) });
}

interface Failure {
  readonly code: string;
  readonly name: string;
  readonly message: string;
}

function failureOf(thrown: unknown): Failure {
  const code = thrown instanceof FettleError ? thrown.code : "HANDLER_FAILED";
  const name = thrown instanceof Error ? thrown.name : "Error";
  return { code, name, message: messageOf(thrown) };
}

const DELIVERY_CODES = [
  "ACTOR_STOPPED",
  "MAILBOX_FULL",
  "QUEUE_FULL",
  "ASK_TIMEOUT",
  "HANDLER_FAILED",
  "MESSAGE_INVALID",
] as const;

/** The value of an answer. @throws the error that the answer carries. */
export function openAnswer(text: string): unknown {
  const answer = parse(answerSchema, text, "answer");
  if (answer.ok) return decode(answer.body);
  throw errorOf(answer);
}

function errorOf(failure: Failure): FettleError {
  const code = DELIVERY_CODES.find((known) => known === failure.code);
  if (code === undefined) return new FettleError(failure.code as ErrorCode, failure.message);
  const retryable = code === "MAILBOX_FULL" || code === "QUEUE_FULL";
  const message = code === "HANDLER_FAILED" ? `${failure.name}: ${failure.message}` : failure.message;
  return new DeliveryError(code, message, { retryable });
}

function parse<S extends z.ZodType>(schema: S, text: string, what: string): z.infer<S> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new DeliveryError("MESSAGE_INVALID", `The ${what} is not JSON: ${messageOf(thrown)}`);
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new DeliveryError("MESSAGE_INVALID", `The ${what} is not of the known form: ${problems.join("; ")}`);
}
