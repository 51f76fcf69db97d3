// A small Azure Blob Storage: block blobs and pages of one container, on loopback. It checks what the real one
// checks: the shared key's signature of every request, its version, block ids, and blocks that are not there.
import { createHmac } from "node:crypto";
import {
  elements,
  escaped,
  ServiceServer,
  type ServiceAnswer,
  type ServiceRequest,
} from "./service-server.ts";

/** Who may ask. */
export const AZURE_ACCOUNT = "fettletests";
export const AZURE_KEY = Buffer.from(
  "a key for tests only, of the length that Azure has, 64 bytes or so",
).toString("base64");
export const AZURE_CONTAINER = "results";
const PAGE = 3;

/** The connection string of a service at an address. */
export function connectionString(endpoint: string, key = AZURE_KEY): string {
  const parts = ["DefaultEndpointsProtocol=http", `AccountName=${AZURE_ACCOUNT}`, `AccountKey=${key}`];
  return [...parts, `BlobEndpoint=${endpoint}/${AZURE_ACCOUNT}`, ""].join(";");
}

/** The service's state, as tests look at it. */
export class AzureService {
  readonly blobs = new Map<string, Buffer>();
  /** Blocks that no list has named yet, by blob and id. */
  readonly blocks = new Map<string, Map<string, Buffer>>();
  readonly server = new ServiceServer((request) => this.#answer(request));

  #answer(request: ServiceRequest): ServiceAnswer {
    const { rawPath, query, headers } = request;
    if (!/^\d{4}-\d\d-\d\d$/.test(String(headers["x-ms-version"]))) {
      return fault(400, "MissingRequiredHeader", "x-ms-version is needed.");
    }
    if (headers.authorization !== authorizationFor(request)) {
      const text =
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed";
      return fault(403, "AuthenticationFailed", `${text} correctly.\nRequestId:1\nTime:2`);
    }
    const [, , container, ...rest] = rawPath.split("/");
    if (container !== AZURE_CONTAINER) {
      return fault(404, "ContainerNotFound", "The specified container does not exist.\nRequestId:1");
    }
    const name = decodeURIComponent(rest.join("/"));
    if (name === "") return this.#list(query);
    const part = query.get("comp");
    if (part === "block") return this.#stage(request, name);
    return part === "blocklist" ? this.#commit(request, name) : this.#blob(request, name);
  }

  #blob({ method, headers, body }: ServiceRequest, name: string): ServiceAnswer {
    if (method === "PUT") {
      if (headers["x-ms-blob-type"] !== "BlockBlob")
        return fault(400, "InvalidHeaderValue", "x-ms-blob-type");
      this.#replace(name, body);
      return { status: 201, headers: { etag: '"1"' } };
    }
    const found = this.blobs.get(name);
    if (found === undefined)
      return fault(404, "BlobNotFound", "The specified blob does not exist.\nRequestId:1");
    if (method === "GET") return { status: 200, headers: { etag: '"1"' }, body: found };
    this.blobs.delete(name);
    return { status: 202 };
  }

  #stage({ query, body }: ServiceRequest, name: string): ServiceAnswer {
    const id = query.get("blockid") ?? "";
    const blocks = this.blocks.get(name) ?? new Map<string, Buffer>();
    const other = [...blocks.keys()].find((known) => known.length !== id.length);
    const wellFormed = id !== "" && Buffer.from(id, "base64").toString("base64") === id;
    if (!wellFormed || other !== undefined)
      return fault(400, "InvalidBlobOrBlock", "The block id is not right.");
    this.blocks.set(name, blocks.set(id, body));
    return { status: 201 };
  }

  #commit({ body }: ServiceRequest, name: string): ServiceAnswer {
    const blocks = this.blocks.get(name);
    const chosen = elements(body.toString(), "Latest").map((id) => blocks?.get(id));
    if (chosen.includes(undefined))
      return fault(400, "InvalidBlockList", "The specified block list is invalid.");
    this.#replace(name, Buffer.concat(chosen as Buffer[]));
    return { status: 201, headers: { etag: '"1"' } };
  }

  /** Whatever writes a blob discards its blocks that are in no list. */
  #replace(name: string, bytes: Buffer): void {
    this.blobs.set(name, bytes);
    this.blocks.delete(name);
  }

  #list(query: URLSearchParams): ServiceAnswer {
    const prefix = query.get("prefix") ?? "";
    const marker = query.get("marker") ?? "";
    const names = [...this.blobs.keys()].filter((name) => name.startsWith(prefix) && name > marker).sort();
    const page = names.slice(0, PAGE);
    const blobs = page.map((name) => `<Blob><Name>${escaped(name)}</Name><Properties></Properties></Blob>`);
    const next = names.length > PAGE ? escaped(page.at(-1) ?? "") : "";
    const body = `<Blobs>${blobs.join("")}</Blobs><NextMarker>${next}</NextMarker>`;
    return {
      status: 200,
      headers: { "content-type": "application/xml" },
      body: `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="${AZURE_CONTAINER}">${body}</EnumerationResults>`,
    };
  }
}

/** An error as the service tells it. */
export function fault(status: number, code: string, message: string): ServiceAnswer {
  return {
    status,
    headers: { "content-type": "application/xml", "x-ms-error-code": code },
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}

const SIGNED = [
  "content-encoding",
  "content-language",
  "content-length",
  "content-md5",
  "content-type",
  "date",
  "if-modified-since",
  "if-match",
  "if-none-match",
  "if-unmodified-since",
  "range",
];

/** The header that a request must have, computed as the service's documentation says. */
function authorizationFor({ method, rawPath, query, headers }: ServiceRequest): string {
  const plain = SIGNED.map((name) => {
    const value = String(headers[name] ?? "");
    return name === "content-length" && value === "0" ? "" : value;
  });
  const own = Object.keys(headers)
    .filter((name) => name.startsWith("x-ms-"))
    .sort()
    .map((name) => `${name}:${String(headers[name]).trim()}\n`)
    .join("");
  const parameters = [...query]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `\n${name}:${value}`);
  const text = [method, ...plain, own].join("\n") + `/${AZURE_ACCOUNT}${rawPath}${parameters.join("")}`;
  const signature = createHmac("sha256", Buffer.from(AZURE_KEY, "base64")).update(text).digest("base64");
  return `SharedKey ${AZURE_ACCOUNT}:${signature}`;
}
