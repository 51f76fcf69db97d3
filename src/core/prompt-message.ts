// The messages of the Synadia Agent Protocol 0.3: the prompt that comes in, the chunks that go out.
// Invariant: what is read here is a prompt or a TaskError that says what is wrong with it; fields that the protocol does
// not know are passed over. Each chunk is one JSON object, and no response is split within a character.
import { z } from "zod";
import { messageOf, TaskError } from "./errors.ts";

const envelopeSchema = z.looseObject({
  prompt: z.string(),
  attachments: z.array(z.unknown()).optional(),
});

const FORM = 'send plain text, or JSON as in {"prompt": "…"}';
/** The white space that may come before an envelope. */
const ENVELOPE = /^[\t\n\r ]*\{/;

/**
 * Reads a prompt: a text that begins with `{` is an envelope, any other is the prompt itself.
 *
 * @throws TaskError, also where files are attached.
 */
export function readPrompt(text: string): string {
  const { prompt, attachments = [] } = readEnvelope(text);
  if (prompt.trim() === "") throw new TaskError(`The prompt is empty: ${FORM}.`);
  if (attachments.length > 0) {
    throw new TaskError(
      "The prompt has attachments, and this agent takes none (attachments_ok is false): put what they say into the " +
        "prompt, or give the agent a tool that fetches them.",
    );
  }
  return prompt;
}

/** A request's text, or that of an answer to a query. @throws TaskError */
function readEnvelope(text: string): z.infer<typeof envelopeSchema> {
  if (!ENVELOPE.test(text)) return { prompt: text };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new TaskError(
      `The prompt begins like JSON and is none (${messageOf(thrown)}): ${FORM}. ` +
        'A prompt that begins so goes into {"prompt": "…"}.',
      { cause: thrown },
    );
  }
  const parsed = envelopeSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new TaskError(`The request is no prompt (${problems.join("; ")}): ${FORM}.`);
}

/** What somebody answered who was asked to allow something. */
export interface PromptDecision {
  readonly decision: "approved" | "rejected";
  /** What was said beyond yes or no; null for nothing. */
  readonly note: string | null;
}

const YES = /^(?:yes|y|ok|okay|allow|allowed|approve|approved|true)\b/i;
const NO = /^(?:no|n|deny|denied|reject|rejected|refuse|refused|false)\b/i;

/** Reads the answer to a query; null where it is neither yes nor no. */
export function readDecision(text: string): PromptDecision | null {
  let said: string;
  try {
    said = readEnvelope(text).prompt.trim();
  } catch {
    return null;
  }
  for (const [pattern, decision] of [
    [YES, "approved"],
    [NO, "rejected"],
  ] as const) {
    const match = pattern.exec(said);
    if (match === null) continue;
    const note = said.slice(match[0].length).replace(/^[\s.,:;!–—-]+/, "");
    return { decision, note: note === "" ? null : note };
  }
  return null;
}

/** The first chunk of each answer. */
export const ACKNOWLEDGEMENT = statusChunk("ack");

/** Says what the work is at; callers pass over what they do not know. */
export function statusChunk(status: string): string {
  return JSON.stringify({ type: "status", data: status });
}

/** An event of Fettle's own, as JSON: callers pass over types that they do not know. */
export function eventChunk(event: string): string {
  return `{"type":"fettle.event","data":${event}}`;
}

/** Asks the caller; the answer goes to `replySubject`. */
export function queryChunk(query: { id: string; replySubject: string; prompt: string }): string {
  const { id, replySubject, prompt } = query;
  return JSON.stringify({ type: "query", data: { id, reply_subject: replySubject, prompt } });
}

/** A character takes this many bytes of JSON at most. */
const MAX_CHARACTER = 6;
/** Room for what is around a chunk's text, in bytes. */
const FRAME = 64;
/** The longest text in one chunk, in UTF-16 units. */
const MAX_TEXT = 65_536;

/** A text as chunks that callers put together again; one at least. */
export function responseChunks(text: string, maxPayload: number): readonly string[] {
  const size = Math.max(2, Math.min(MAX_TEXT, Math.floor((maxPayload - FRAME) / MAX_CHARACTER)));
  const chunks: string[] = [];
  let start = 0;
  do {
    let end = Math.min(start + size, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    chunks.push(JSON.stringify({ type: "response", data: text.slice(start, end) }));
    start = end;
  } while (start < text.length);
  return chunks;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
