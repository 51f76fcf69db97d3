// Fetching from servers that may answer without end.
// Invariant: no message of a server is held in memory beyond a bound, as over standard streams.
import { Buffer } from "node:buffer";

/** The longest message, in bytes; over standard streams the protocol's library has the same bound. */
const MOST_BYTES = 10 * 1024 * 1024;

/** As `fetch`; a body ends in an error where it, or one event of a stream of events, is too large. */
export async function boundedFetch(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const { body, headers, status, statusText } = response;
  if (body === null) return response;
  const isStream = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  return new Response(body.pipeThrough(bound(isStream)), { headers, status, statusText });
}

function bound(isStream: boolean): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      size = isStream && endsEvent(chunk) ? 0 : size + chunk.byteLength;
      if (size <= MOST_BYTES) controller.enqueue(chunk);
      else controller.error(new Error(`its answer is larger than ${MOST_BYTES} bytes`));
    },
  });
}

/** Whether an empty line is in it. */
function endsEvent(chunk: Uint8Array): boolean {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return bytes.includes("\n\n") || bytes.includes("\r\n\r\n");
}
