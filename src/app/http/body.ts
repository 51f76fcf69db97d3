// The body of a request, read up to a bound.
// Invariant: no more than the bound is ever held, whatever length the request claims.
import { Problem } from "./problem.ts";

/** The text of a body. @throws Problem 413 where it is larger than that many bytes, 400 where it is no UTF-8. */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Problem(400, "BODY_MALFORMED", "The body is no text in UTF-8.");
  }
}

function tooLarge(maxBytes: number): Problem {
  const detail = `The body is larger than ${maxBytes} bytes.`;
  return new Problem(413, "BODY_TOO_LARGE", detail, { headers: { Connection: "close" } });
}
