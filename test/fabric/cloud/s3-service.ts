// A small S3: objects, parts and pages of one bucket, on loopback. It checks what the real one checks: the
// signature of every request (Signature Version 4), the hash of its body, the parts' tags and least size.
import { createHash, createHmac, randomUUID } from "node:crypto";
import {
  elements,
  escaped,
  ServiceServer,
  type ServiceAnswer,
  type ServiceRequest,
} from "./service-server.ts";

/** Who may ask. */
export const S3_ACCESS = {
  keyId: "AKIDFORTESTSONLY0000",
  secret: "s3cretFor/TestsOnly+0123456789abcdefghij",
};
export const S3_BUCKET = "results";
const REGION = "us-east-1";
const PAGE = 3;
const LEAST_PART = 5 * 1024 * 1024;

/** The service's state, as tests look at it. */
export class S3Service {
  readonly objects = new Map<string, Buffer>();
  readonly uploads = new Map<string, Map<number, Buffer>>();
  readonly server = new ServiceServer((request) => this.#answer(request));

  #answer(request: ServiceRequest): ServiceAnswer {
    const refusal = signatureFault(request) ?? bodyFault(request);
    if (refusal !== undefined) return fault(403, refusal, "The request is not signed as it must be.");
    const [, bucket = "", ...rest] = request.rawPath.split("/");
    if (bucket !== S3_BUCKET) return fault(404, "NoSuchBucket", "The specified bucket does not exist");
    const key = decodeURIComponent(rest.join("/"));
    if (key === "") return this.#list(request);
    const upload = request.query.get("uploadId");
    if (request.query.has("uploads")) {
      const id = randomUUID();
      this.uploads.set(id, new Map());
      return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    return upload === null ? this.#object(request, key) : this.#upload(request, key, upload);
  }

  #object({ method, body }: ServiceRequest, key: string): ServiceAnswer {
    if (method === "PUT") {
      this.objects.set(key, body);
      return { status: 200, headers: { etag: tagOf(body) } };
    }
    if (method === "DELETE") {
      this.objects.delete(key);
      return { status: 204 };
    }
    const found = this.objects.get(key);
    if (found === undefined) return fault(404, "NoSuchKey", "The specified key does not exist.");
    return { status: 200, headers: { etag: tagOf(found) }, body: found };
  }

  #upload({ method, query, body }: ServiceRequest, key: string, id: string): ServiceAnswer {
    const parts = this.uploads.get(id);
    if (parts === undefined) return fault(404, "NoSuchUpload", "The specified upload does not exist.");
    if (method === "DELETE") {
      this.uploads.delete(id);
      return { status: 204 };
    }
    if (method === "PUT") {
      parts.set(Number(query.get("partNumber")), body);
      return { status: 200, headers: { etag: tagOf(body) } };
    }
    const text = body.toString();
    const numbers = elements(text, "PartNumber").map(Number);
    const tags = elements(text, "ETag");
    const chosen = numbers.map((number) => parts.get(number) ?? Buffer.alloc(0));
    if (chosen.some((part, index) => tagOf(part) !== tags[index]))
      return fault(400, "InvalidPart", "No such part.");
    if (chosen.slice(0, -1).some((part) => part.length < LEAST_PART)) {
      return fault(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
    }
    this.objects.set(key, Buffer.concat(chosen));
    this.uploads.delete(id);
    return xml(
      `<CompleteMultipartUploadResult><Key>${escaped(key)}</Key><ETag>"x"</ETag></CompleteMultipartUploadResult>`,
    );
  }

  #list({ query }: ServiceRequest): ServiceAnswer {
    if (query.get("list-type") !== "2")
      return fault(501, "NotImplemented", "Only the second version of lists.");
    const prefix = query.get("prefix") ?? "";
    const after = Buffer.from(query.get("continuation-token") ?? "", "base64").toString();
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .filter((key) => after === "" || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
    const page = keys.slice(0, PAGE);
    const more = keys.length > PAGE;
    const next = Buffer.from(page.at(-1) ?? "").toString("base64");
    const contents = page
      .map((key) => `<Contents><Key>${escaped(key)}</Key><Size>1</Size></Contents>`)
      .join("");
    return xml(
      `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${String(more)}</IsTruncated>` +
        `${more ? `<NextContinuationToken>${next}</NextContinuationToken>` : ""}${contents}</ListBucketResult>`,
    );
  }
}

function xml(body: string): ServiceAnswer {
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0"?>${body}`,
  };
}

/** An error as the service tells it. */
export function fault(status: number, code: string, message: string): ServiceAnswer {
  return { ...xml(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`), status };
}

const tagOf = (bytes: Buffer): string => `"${createHash("md5").update(bytes).digest("hex")}"`;
const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** What is wrong with the hash of a request's body. */
function bodyFault({ headers, body }: ServiceRequest): string | undefined {
  return headers["x-amz-content-sha256"] === sha256(body) ? undefined : "XAmzContentSHA256Mismatch";
}

/** What is wrong with a request's signature, recomputed as the service's documentation says. */
function signatureFault({ method, rawPath, query, headers }: ServiceRequest): string | undefined {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;
  const [, keyId, day = "", region = "", signed = "", signature] =
    form.exec(headers.authorization ?? "") ?? [];
  if (keyId !== S3_ACCESS.keyId) return "InvalidAccessKeyId";
  const names = signed.split(";");
  if (region !== REGION || !names.includes("host") || !names.includes("x-amz-content-sha256")) {
    return "AuthorizationHeaderMalformed";
  }
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const canonicalQuery = [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
  const canonicalHeaders = names.map((name) => `${name}:${String(headers[name]).trim()}\n`).join("");
  const hash = String(headers["x-amz-content-sha256"]);
  const canonical = [method, rawPath, canonicalQuery, canonicalHeaders, signed, hash].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha256(canonical)].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${S3_ACCESS.secret}`);
  return createHmac("sha256", key).update(text).digest("hex") === signature
    ? undefined
    : "SignatureDoesNotMatch";
}
