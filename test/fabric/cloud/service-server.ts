// A local HTTP server that stands for a cloud's service: takes requests whole, keeps count of what has arrived,
// and fails where a test asks it to.
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A request with its whole body. */
export interface ServiceRequest {
  readonly method: string;
  /** The path as it was sent: still encoded, without the query. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer; `cut` breaks the connection after so many bytes of the body. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly cut?: number;
}

/** A running server. */
export class ServiceServer {
  readonly requests: ServiceRequest[] = [];
  /** Bytes of bodies that have arrived. */
  received = 0;
  /** Answers in place of the service where it gives an answer. */
  fault: (request: ServiceRequest) => ServiceAnswer | undefined = () => undefined;
  readonly #server: Server;
  readonly #answer: (request: ServiceRequest) => ServiceAnswer;

  constructor(answer: (request: ServiceRequest) => ServiceAnswer) {
    this.#answer = answer;
    this.#server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        this.received += chunk.length;
      });
      incoming.on("end", () => {
        const url = incoming.url ?? "/";
        const [rawPath = "/"] = url.split("?", 1);
        const request: ServiceRequest = {
          method: incoming.method ?? "GET",
          rawPath,
          query: new URLSearchParams(url.slice(rawPath.length)),
          headers: incoming.headers,
          body: Buffer.concat(chunks),
        };
        this.requests.push({ ...request, body: Buffer.alloc(0) });
        const { status, headers, body = "", cut } = this.fault(request) ?? this.#answer(request);
        const bytes = Buffer.from(body);
        outgoing.writeHead(status, { "content-length": bytes.length, ...headers });
        if (cut === undefined) outgoing.end(request.method === "HEAD" ? "" : bytes);
        else outgoing.write(bytes.subarray(0, cut), () => outgoing.destroy());
      });
      incoming.on("error", () => undefined);
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Text as XML holds it. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The contents of all elements of a name in an XML text. */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text = ""]) =>
    text.replaceAll("&quot;", '"').replaceAll("&#34;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&"),
  );
}
