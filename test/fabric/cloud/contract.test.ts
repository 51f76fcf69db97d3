// Both clouds' stores under the contract that all blobs must pass, over local services that check requests.
import { describe } from "vitest";
import { openAzureBlobs } from "#src/fabric/cloud/azure";
import { openS3Blobs } from "#src/fabric/cloud/s3";
import { blobsContract } from "../../contract/blobs.ts";
import { AZURE_CONTAINER, AzureService, connectionString } from "./azure-service.ts";
import { S3_ACCESS, S3_BUCKET, S3Service } from "./s3-service.ts";

describe("Azure Blob Storage keeps the contract of", () => {
  blobsContract(async () => {
    const { server } = new AzureService();
    const access = { connectionString: connectionString(await server.start()) };
    const blobs = await openAzureBlobs({ container: AZURE_CONTAINER, access });
    return { blobs, close: () => blobs.close().then(() => server.stop()) };
  });
});

describe("S3 keeps the contract of", () => {
  blobsContract(async () => {
    const { server } = new S3Service();
    const endpoint = await server.start();
    const blobs = await openS3Blobs({ bucket: S3_BUCKET, endpoint, access: S3_ACCESS });
    return { blobs, close: () => blobs.close().then(() => server.stop()) };
  });
});
