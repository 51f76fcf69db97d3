// Blobs in a bucket of S3, or of a service that speaks its protocol, by Amazon's own library, loaded only here.
// Invariant: a blob appears whole: in one request, or as parts that are completed together after the last; an
// upload that fails is aborted, so that none of its parts is kept (and paid for).
import type { Readable } from "node:stream";
import type * as Library from "@aws-sdk/client-s3";
import type * as Uploads from "@aws-sdk/lib-storage";
import { ConfigError, messageOf, type StorageError } from "../../core/errors.ts";
import { CloudBlobs, type ObjectStore } from "./cloud-blobs.ts";
import { loadPackage } from "../../core/optional-package.ts";
import { serviceError, type Service } from "./service-error.ts";

/** A bucket, and who asks: by the keys given, or else as the library finds out (environment, profile, role). */
export interface S3BlobsOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** Where absent, the one of the environment or profile; `us-east-1` where an endpoint is given. */
  readonly region?: string | undefined;
  /** Another service than Amazon's, as `https://minio.example:9000`; the bucket goes into the URL's path. */
  readonly endpoint?: string | undefined;
  /** Who asks: a key's id and its secret; where absent, as the library finds out. */
  readonly access?: { readonly keyId: string; readonly secret: string } | undefined;
  /** How often a request is tried where the service or the way to it fails; 4 where absent. */
  readonly tries?: number | undefined;
}

/** The size of a part in bytes, and how many are sent at once: so much of a stream is held in memory. */
const PART = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 4;

/**
 * Opens a bucket, which must be there. Nothing is asked of the service yet.
 *
 * @throws ConfigError where the packages `@aws-sdk/client-s3` and `@aws-sdk/lib-storage` are not installed, or no
 * region is known.
 */
export async function openS3Blobs(options: S3BlobsOptions): Promise<CloudBlobs> {
  const { bucket, endpoint, access } = options;
  const [library, uploads] = await loadPackage(
    "store blobs on S3",
    "@aws-sdk/client-s3@3 @aws-sdk/lib-storage@3",
    () => Promise.all([import("@aws-sdk/client-s3"), import("@aws-sdk/lib-storage")]),
  );
  const region = options.region ?? (endpoint === undefined ? undefined : "us-east-1");
  const config: Library.S3ClientConfig = {
    maxAttempts: options.tries ?? 4,
    ...(region === undefined ? {} : { region }),
    ...(access === undefined
      ? {}
      : { credentials: { accessKeyId: access.keyId, secretAccessKey: access.secret } }),
    // Other services know neither buckets as host names nor Amazon's newer checksums, one and all.
    ...(endpoint === undefined
      ? {}
      : {
          endpoint,
          forcePathStyle: true,
          requestChecksumCalculation: "WHEN_REQUIRED",
          responseChecksumValidation: "WHEN_REQUIRED",
        }),
  };
  const client = new library.S3Client(config);
  const known = await client.config.region().catch((error: unknown) => {
    throw new ConfigError(
      `Cannot use S3 bucket "${bucket}": no region is known. Set FETTLE_S3_REGION, as in eu-central-1.`,
      { cause: error },
    );
  });
  const place = `S3 bucket "${bucket}" ${endpoint === undefined ? `in ${known}` : `at ${endpoint}`}`;
  return new CloudBlobs(
    new S3Bucket({ client, library, uploads, bucket, place, secrets: [access?.secret ?? ""] }),
  );
}

interface Parts {
  readonly client: Library.S3Client;
  readonly library: typeof Library;
  readonly uploads: typeof Uploads;
  readonly bucket: string;
  readonly place: string;
  readonly secrets: readonly string[];
}

class S3Bucket implements ObjectStore {
  readonly place: string;
  readonly #parts: Parts;
  readonly #service: Service;

  constructor(parts: Parts) {
    this.place = parts.place;
    this.#parts = parts;
    this.#service = {
      place: parts.place,
      access:
        "Check the credentials; they must allow s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload " +
        "and s3:ListBucket.",
      absent: "Make the bucket, or choose another (FETTLE_S3_BUCKET).",
      network: "Check the network and the endpoint, then try again.",
      secrets: parts.secrets,
    };
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    const { client, library } = this.#parts;
    await client.send(new library.PutObjectCommand({ ...this.#at(path), Body: bytes }));
  }

  async upload(path: string, bytes: Readable): Promise<void> {
    const { client, uploads } = this.#parts;
    const params = { ...this.#at(path), Body: bytes };
    await new uploads.Upload({ client, params, partSize: PART, queueSize: PARTS_AT_ONCE }).done();
  }

  async download(path: string): Promise<Readable | null> {
    const { client, library } = this.#parts;
    try {
      const { Body } = await client.send(new library.GetObjectCommand(this.#at(path)));
      return (Body ?? null) as Readable | null;
    } catch (error) {
      if (factsOf(error).code === "NoSuchKey") return null;
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    const { client, library } = this.#parts;
    await client.send(new library.DeleteObjectCommand(this.#at(path)));
  }

  async *names(prefix: string): AsyncGenerator<string, undefined> {
    const { client, library, bucket } = this.#parts;
    const pages = library.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix });
    for await (const { Contents } of pages)
      for (const { Key } of Contents ?? []) if (Key !== undefined) yield Key;
  }

  failure(attempt: string, thrown: unknown): StorageError {
    return serviceError(attempt, this.#service, { message: messageOf(thrown), ...factsOf(thrown) });
  }

  close(): void {
    this.#parts.client.destroy();
  }

  #at(path: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#parts.bucket, Key: path };
  }
}

/** What the library's errors tell beside their message. */
function factsOf(thrown: unknown): {
  readonly code?: string | undefined;
  readonly status?: number | undefined;
} {
  if (!(thrown instanceof Error)) return {};
  const { code, $metadata } = thrown as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return {
    code: typeof code === "string" ? code : thrown.name === "Error" ? undefined : thrown.name,
    status,
  };
}
