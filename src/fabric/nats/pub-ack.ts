// What JetStream answers to a message that it is to store: where it stored it, or why it did not.
// Invariant: only an answer that names a stream and a sequence counts as stored.
import { ErrorCode, NatsError, type ApiError, type Msg, type PubAck } from "nats";

type Answer = Partial<PubAck> & { readonly error?: ApiError };

/**
 * Reads JetStream's answer.
 *
 * @throws NatsError with `api_error` where the server refused the message; `BAD_JSON`, `JESTREAM_INVALID_ACK` where
 * somebody else answered.
 */
export function readAck(message: Msg): PubAck {
  const answer = parse(message.string());
  if (answer?.error !== undefined) throw refused(answer.error);
  const { stream = "", seq, duplicate = false } = answer ?? {};
  if (stream === "" || typeof seq !== "number") {
    throw new NatsError("the answer acknowledges nothing", ErrorCode.JetStreamInvalidAck);
  }
  return { ...answer, stream, seq, duplicate };
}

function parse(text: string): Answer | null {
  try {
    return JSON.parse(text) as Answer | null;
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown : undefined;
    throw new NatsError("the answer to a message that is to be stored is no JSON", ErrorCode.BadJson, cause);
  }
}

function refused(error: ApiError): NatsError {
  const refusal = new NatsError(error.description.toLowerCase(), String(error.code));
  refusal.api_error = error;
  return refusal;
}
