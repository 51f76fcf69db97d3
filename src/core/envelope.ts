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

/** A message on its way to an actor; `body` is the codec's text. */
export type Envelope = z.infer<typeof envelopeSchema>;

/** Puts a body into an envelope. */
export function sealEnvelope(parts: Omit<Envelope, "v" | "body"> & { readonly body: unknown }): string {
  return JSON.stringify({ v: ENVELOPE_VERSION, ...parts, body: encode(parts.body) });
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
  const code = thrown instanceof FettleError ? thrown.code : "HANDLER_FAILED";
  const name = thrown instanceof Error ? thrown.name : "Error";
  return JSON.stringify({ v: ENVELOPE_VERSION, ok: false, code, name, message: messageOf(thrown) });
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
  const code = DELIVERY_CODES.find((known) => known === answer.code);
  const retryable = code === "MAILBOX_FULL" || code === "QUEUE_FULL";
  if (code === undefined) throw new FettleError(answer.code as ErrorCode, answer.message);
  const message = code === "HANDLER_FAILED" ? `${answer.name}: ${answer.message}` : answer.message;
  throw new DeliveryError(code, message, { retryable });
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
