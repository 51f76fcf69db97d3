// The chunks that answer a prompt, by the Synadia Agent Protocol 0.3.
// Invariant: each chunk is one JSON object and fits into one message; no response is split within a character.

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
