// The body of a request, read up to a bound.
// Invariant: no more than the bound is ever held, whether or not a request tells its length.
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** Bounds the bodies of all requests, whoever reads them: a larger one ends in a Problem 413. */
export function boundBodies(maxBytes: number): MiddlewareHandler {
  return async (c, next) => {
    const length = c.req.header("content-length");
    if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const { method, raw } = c.req;
    // What tells its length is held to it by the server; only of what does not, each piece is counted.
    if (length === undefined && method !== "GET" && method !== "HEAD" && raw.body !== null) {
      const { url, headers, signal, body } = raw;
      const bounded = { method, headers, signal, body: body.pipeThrough(counting(maxBytes)), duplex: "half" };
      c.req.raw = new Request(url, bounded as RequestInit);
    }
    await next();
  };
}

/**
 * The text of a body.
 *
 * @throws Problem 413 where it is larger than that many bytes, 415 where it is compressed, 400 where it breaks off or is
 * no UTF-8.
 */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const coding = request.headers.get("content-encoding") ?? "identity";
  if (coding.toLowerCase() !== "identity") {
    const detail = `The body is encoded as ${JSON.stringify(coding.slice(0, 100))}: send it as it is.`;
    throw new Problem(415, "MEDIA_TYPE_UNSUPPORTED", detail, { headers: { "Accept-Encoding": "identity" } });
  }
  // A server takes no more than the length that it was told: then it is read at once, which costs less.
  const reading = length === null ? readPieces(request, maxBytes) : request.arrayBuffer();
  const bytes = await reading.catch((thrown: unknown) => {
    if (thrown instanceof Problem) throw thrown;
    // Nobody hears of it: whoever sent it has gone.
    throw new Problem(400, "BODY_MALFORMED", "The body broke off.", { cause: thrown });
  });
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, "BODY_MALFORMED", "The body is no text in UTF-8.");
  }
}

function counting(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) controller.error(tooLarge(maxBytes));
      else controller.enqueue(chunk);
    },
  });
}

async function readPieces(request: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): Problem {
  const detail = `The body is larger than ${maxBytes} bytes.`;
  return new Problem(413, "BODY_TOO_LARGE", detail, { headers: { Connection: "close" } });
}
