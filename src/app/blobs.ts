// Where blobs are kept, as the settings choose: the settings' part of the configuration, and its opening.
// Invariant: the library of a cloud is loaded only where that cloud is chosen.
import type { z } from "zod";
import { createStreamNames } from "../core/stream-names.ts";
import { openAzureBlobs, secretsOfAzure, type AzureBlobsOptions } from "../fabric/cloud/azure.ts";
import type { CloudBlobs } from "../fabric/cloud/cloud-blobs.ts";
import { openS3Blobs, type S3BlobsOptions } from "../fabric/cloud/s3.ts";
import type { settingsSchema } from "./settings.ts";

/** The store that was chosen, with what it needs. */
export type BlobsConfig =
  /** In a folder. Unless it was chosen, a mesh over NATS keeps them there in place of it. */
  | { readonly store: "files"; readonly isChosen: boolean }
  /** In the object store of the mesh's NATS servers. */
  | { readonly store: "nats" }
  | ({ readonly store: "azure" } & Pick<AzureBlobsOptions, "container" | "access">)
  | ({ readonly store: "s3" } & Pick<S3BlobsOptions, "bucket" | "region" | "endpoint" | "access">);

type Settings = Partial<z.infer<typeof settingsSchema>>;

/** The store that the settings choose; `missing` says what it needs and they lack, a sentence each. */
export function blobSettings(settings: Settings): {
  readonly config: BlobsConfig;
  readonly missing: readonly string[];
} {
  switch (settings.FETTLE_BLOBS) {
    case "azure":
      return azureSettings(settings);
    case "s3":
      return s3Settings(settings);
    case "nats":
      return { config: { store: "nats" }, missing: [] };
    default:
      return { config: { store: "files", isChosen: settings.FETTLE_BLOBS === "files" }, missing: [] };
  }
}

/** Opens the cloud's store that was chosen; undefined for what a fabric keeps by itself. */
export async function openBlobs(config: BlobsConfig): Promise<CloudBlobs | undefined> {
  switch (config.store) {
    case "files":
    case "nats":
      return undefined;
    case "azure":
      return openAzureBlobs(config);
    case "s3":
      return openS3Blobs(config);
  }
}

/** The store as an address, such as `s3://bucket`; undefined where results are files. */
export function storeUrl({
  blobs,
  mesh,
  mode,
}: {
  readonly blobs: BlobsConfig;
  readonly mesh: string;
  readonly mode: "embedded" | "distributed";
}): string | undefined {
  if (blobs.store === "s3") return `s3://${blobs.bucket}`;
  if (blobs.store === "azure") return `azure://${blobs.container}`;
  const isFiles = blobs.store === "files" && (blobs.isChosen || mode === "embedded");
  return isFiles ? undefined : `nats-object://${createStreamNames(mesh).bucket("blobs")}`;
}

/** What of a store's configuration must never be shown or logged. */
export function secretsOfBlobs(config: BlobsConfig): readonly string[] {
  switch (config.store) {
    case "files":
    case "nats":
      return [];
    case "azure":
      return secretsOfAzure(config.access);
    case "s3":
      return config.access === undefined ? [] : [config.access.secret];
  }
}

function azureSettings(settings: Settings): { config: BlobsConfig; missing: string[] } {
  const { FETTLE_AZURE_CONTAINER: container = "", FETTLE_AZURE_CONNECTION_STRING: connectionString } =
    settings;
  const { FETTLE_AZURE_ACCOUNT: account = "", FETTLE_AZURE_ACCOUNT_KEY: key = "" } = settings;
  const missing: string[] = [];
  if (container === "") missing.push("FETTLE_AZURE_CONTAINER is needed too: the container's name.");
  if (connectionString === undefined && (account === "" || key === "")) {
    const lacking =
      account === ""
        ? key === ""
          ? ""
          : " (FETTLE_AZURE_ACCOUNT is missing)"
        : " (FETTLE_AZURE_ACCOUNT_KEY is missing)";
    missing.push(
      "FETTLE_AZURE_CONNECTION_STRING is needed too, or else FETTLE_AZURE_ACCOUNT and FETTLE_AZURE_ACCOUNT_KEY" +
        `${lacking}.`,
    );
  }
  const access = connectionString === undefined ? { account, key } : { connectionString };
  return { config: { store: "azure", container, access }, missing };
}

function s3Settings(settings: Settings): { config: BlobsConfig; missing: string[] } {
  const { FETTLE_S3_BUCKET: bucket = "", FETTLE_S3_REGION: region, FETTLE_S3_ENDPOINT: endpoint } = settings;
  const { FETTLE_S3_ACCESS_KEY_ID: keyId, FETTLE_S3_SECRET_ACCESS_KEY: secret } = settings;
  const missing: string[] = [];
  if (bucket === "") missing.push("FETTLE_S3_BUCKET is needed too: the bucket's name.");
  if (keyId === undefined && secret !== undefined) {
    missing.push("FETTLE_S3_ACCESS_KEY_ID is needed too, as FETTLE_S3_SECRET_ACCESS_KEY is set.");
  }
  if (keyId !== undefined && secret === undefined) {
    missing.push("FETTLE_S3_SECRET_ACCESS_KEY is needed too, as FETTLE_S3_ACCESS_KEY_ID is set.");
  }
  const access = keyId === undefined || secret === undefined ? undefined : { keyId, secret };
  return { config: { store: "s3", bucket, region, endpoint, access }, missing };
}
