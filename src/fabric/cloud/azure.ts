// Blobs in a container of Azure Blob Storage, by Microsoft's own library, which is loaded only here.
// Invariant: a blob appears whole: in one request, or as blocks that are committed together after the last.
import type { Readable } from "node:stream";
import type { ContainerClient } from "@azure/storage-blob";
import { ConfigError, messageOf, type StorageError } from "../../core/errors.ts";
import { CloudBlobs, type ObjectStore } from "./cloud-blobs.ts";
import { loadPackage } from "../../core/optional-package.ts";
import { serviceError, type Service } from "./service-error.ts";

/** A container, and who asks: by a connection string, or by an account and one of its keys. */
export interface AzureBlobsOptions {
  /** The container's name. */
  readonly container: string;
  /** Who asks: a connection string, or an account and one of its keys. */
  readonly access: { readonly connectionString: string } | { readonly account: string; readonly key: string };
  /** How often a request is tried where the service or the way to it fails; 4 where absent. */
  readonly tries?: number | undefined;
}

/** The size of a block in bytes, and how many are sent at once: so much of a stream is held in memory. */
const BLOCK = 8 * 1024 * 1024;
const BLOCKS_AT_ONCE = 4;

/**
 * Opens a container, which must be there. Nothing is asked of the service yet.
 *
 * @throws ConfigError where the package `@azure/storage-blob` is not installed, or the access is not of its form.
 */
export async function openAzureBlobs(options: AzureBlobsOptions): Promise<CloudBlobs> {
  const { container, access } = options;
  const library = await loadPackage(
    "store blobs on Azure",
    "@azure/storage-blob@12.32",
    () => import("@azure/storage-blob"),
  );
  const retryOptions = { maxTries: options.tries ?? 4, retryDelayInMs: 500, maxRetryDelayInMs: 8000 };
  let client: ContainerClient;
  try {
    client =
      "connectionString" in access
        ? new library.ContainerClient(access.connectionString, container, { retryOptions })
        : new library.ContainerClient(
            `https://${access.account}.blob.core.windows.net/${container}`,
            new library.StorageSharedKeyCredential(access.account, access.key),
            { retryOptions },
          );
  } catch (error) {
    // The library's message may quote what it was given.
    const form = error instanceof Error ? error.name : "Error";
    throw new ConfigError(
      `Cannot use container "${container}" of Azure Blob Storage: its connection string or account is not of the ` +
        `form that Azure gives (${form}). Copy the connection string from "Access keys" of the storage account.`,
    );
  }
  return new CloudBlobs(new AzureContainer(client, secretsOfAzure(access)));
}

class AzureContainer implements ObjectStore {
  readonly place: string;
  readonly #client: ContainerClient;
  readonly #service: Service;

  constructor(client: ContainerClient, secrets: readonly string[]) {
    this.#client = client;
    const { accountName, containerName } = client;
    this.place = `container "${containerName}" of the Azure storage account "${accountName}"`;
    this.#service = {
      place: this.place,
      access:
        "Check the account's name and key; a shared access signature must allow to read, write, delete and list.",
      absent: "Make the container, or choose another (FETTLE_AZURE_CONTAINER).",
      network: "Check the network and the account's name, then try again.",
      secrets,
    };
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    await this.#client.getBlockBlobClient(path).uploadData(bytes);
  }

  async upload(path: string, bytes: Readable): Promise<void> {
    await this.#client.getBlockBlobClient(path).uploadStream(bytes, BLOCK, BLOCKS_AT_ONCE);
  }

  async download(path: string): Promise<Readable | null> {
    try {
      const { readableStreamBody } = await this.#client.getBlobClient(path).download();
      return (readableStreamBody ?? null) as Readable | null;
    } catch (error) {
      return nullIfAbsent(error);
    }
  }

  async remove(path: string): Promise<void> {
    await this.#client.deleteBlob(path, { deleteSnapshots: "include" }).catch(nullIfAbsent);
  }

  async *names(prefix: string): AsyncGenerator<string, undefined> {
    for await (const { name } of this.#client.listBlobsFlat({ prefix })) yield name;
  }

  failure(attempt: string, thrown: unknown): StorageError {
    const { code, statusCode: status } = factsOf(thrown);
    return serviceError(attempt, this.#service, { message: messageOf(thrown), code, status });
  }

  close(): void {
    // Its connections close by themselves.
  }
}

/** What the library's errors tell beside their message. */
function factsOf(thrown: unknown): { readonly code?: string; readonly statusCode?: number } {
  return typeof thrown === "object" && thrown !== null ? thrown : {};
}

function nullIfAbsent(error: unknown): null {
  if (factsOf(error).code === "BlobNotFound") return null;
  throw error;
}

/** What of the access must never be shown: keys and signatures, also as they stand in a URL. */
export function secretsOfAzure(access: AzureBlobsOptions["access"]): readonly string[] {
  if ("key" in access) return [access.key];
  const parts = access.connectionString.split(";").flatMap((part) => {
    const [, value] = /^\s*(?:AccountKey|SharedAccessSignature)=(.*)$/i.exec(part) ?? [];
    return value === undefined ? [] : [value];
  });
  const signatures = parts.flatMap((part) => new URLSearchParams(part).get("sig") ?? []);
  return [access.connectionString, ...parts, ...signatures, ...signatures.map(encodeURIComponent)];
}
