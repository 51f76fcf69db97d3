// What the clouds' stores promise beyond the contract: failures in words that help and without secrets, streams
// that are neither held nor left half-way, and nothing loaded before it is chosen.
import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { StorageError } from "#src/core/errors";
import { openAzureBlobs } from "#src/fabric/cloud/azure";
import type { CloudBlobs } from "#src/fabric/cloud/cloud-blobs";
import { openS3Blobs } from "#src/fabric/cloud/s3";
import * as azure from "./azure-service.ts";
import * as s3 from "./s3-service.ts";
import type { ServiceAnswer, ServiceServer } from "./service-server.ts";

const MEBIBYTE = 1_048_576;
const DEAD = "http://127.0.0.1:1";
const AZURE_SECRETS = [azure.AZURE_KEY, "AccountKey=", "sig="];

/** A service with a store opened on it. */
interface Opened {
  readonly blobs: CloudBlobs;
  readonly server: ServiceServer;
  readonly stored: ReadonlyMap<string, Buffer>;
  /** What no error may hold. */
  readonly secrets: readonly string[];
  readonly fault: (status: number, code: string, message: string) => ServiceAnswer;
  /** The same service, asked by somebody else or for something else. */
  readonly other: (change: "key" | "place" | "address") => Promise<CloudBlobs>;
}

const tries = 1;

async function openAzure(): Promise<Opened> {
  const service = new azure.AzureService();
  const endpoint = await service.server.start();
  const open = (container: string, text: string): Promise<CloudBlobs> =>
    openAzureBlobs({ container, access: { connectionString: text }, tries });
  const mine = azure.connectionString(endpoint);
  return {
    blobs: await open(azure.AZURE_CONTAINER, mine),
    server: service.server,
    stored: service.blobs,
    secrets: AZURE_SECRETS,
    fault: azure.fault,
    other: (change) =>
      change === "key"
        ? open(azure.AZURE_CONTAINER, azure.connectionString(endpoint, azure.AZURE_KEY.toLowerCase()))
        : change === "place"
          ? open("elsewhere", mine)
          : open(azure.AZURE_CONTAINER, azure.connectionString(DEAD)),
  };
}

async function openS3(): Promise<Opened> {
  const service = new s3.S3Service();
  const endpoint = await service.server.start();
  const access = s3.S3_ACCESS;
  const mine = { bucket: s3.S3_BUCKET, endpoint, access, tries };
  return {
    blobs: await openS3Blobs(mine),
    server: service.server,
    stored: service.objects,
    secrets: [access.secret],
    fault: s3.fault,
    other: (change) =>
      openS3Blobs({
        ...mine,
        ...(change === "key" ? { access: { ...access, secret: access.secret.toUpperCase() } } : {}),
        ...(change === "place" ? { bucket: "elsewhere" } : {}),
        ...(change === "address" ? { endpoint: DEAD } : {}),
      }),
  };
}

async function failureOf(work: Promise<unknown>): Promise<StorageError> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}

/** A stream of so many mebibytes, made as they are asked for. */
function generated(count: number, onPull: (pulled: number) => void = () => undefined) {
  let pulled = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        if (pulled === count) {
          controller.close();
          return;
        }
        controller.enqueue(new Uint8Array(MEBIBYTE).fill(pulled));
        pulled += 1;
        onPull(pulled);
      },
    },
    { highWaterMark: 0 },
  );
}

describe.each([
  ["Azure Blob Storage", openAzure, 'container "results" of the Azure storage account "fettletests"'],
  ["S3", openS3, 'S3 bucket "results" at http://127.0.0.1:'],
] as const)("blobs on %s", (_name, open, place) => {
  let opened: Opened | undefined;
  const start = async (): Promise<Opened> => (opened = await open());
  afterEach(async () => {
    await opened?.blobs.close();
    await opened?.server.stop();
  });

  it("name the blob, the place and the remedy where access is refused, and never the key", async () => {
    const { other, secrets } = await start();
    const blobs = await other("key");
    for (const work of [
      () => blobs.write("a/b", "x"),
      () => blobs.read("a/b"),
      () => blobs.stream("a/b"),
      () => blobs.delete("a/b"),
    ]) {
      const error = await failureOf(work());
      expect(error).toMatchObject({ code: "STORAGE_FAILED", retryable: false });
      expect(error.message).toContain(`blob "a/b" in ${place}`);
      expect(error.message).toMatch(/403.*Check the (?:account's name and key|credentials)/);
      const shown = inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error.cause);
      for (const secret of [...secrets, "SharedKey ", "AWS4-HMAC"]) {
        expect(shown.toLowerCase()).not.toContain(secret.toLowerCase());
      }
    }
    expect((await failureOf(blobs.list())).message).toContain(`Cannot list blobs in ${place}`);
  });

  it("say that there is no such bucket or container", async () => {
    const { other } = await start();
    const blobs = await other("place");
    for (const work of [
      () => blobs.read("a"),
      () => blobs.write("a", "x"),
      () => blobs.write("a", generated(1)),
      () => blobs.list(),
    ]) {
      const error = await failureOf(work());
      expect(error.retryable).toBe(false);
      expect(error.message).toMatch(/"elsewhere".*does not exist.*Make the (?:bucket|container), or choose/);
    }
  });

  it("say that the service cannot be reached, which may pass", async () => {
    const { other } = await start();
    const blobs = await other("address");
    const error = await failureOf(blobs.read("a"));
    expect(error).toMatchObject({ code: "STORAGE_FAILED", retryable: true });
    expect(error.message).toMatch(/Cannot read blob "a" in .*ECONNREFUSED.*Check the network/s);
    expect((await failureOf(blobs.write("a", generated(1)))).retryable).toBe(true);
  });

  it("say that the service is busy, which passes", async () => {
    const { blobs, server, fault, stored } = await start();
    server.fault = () => fault(503, "ServerBusy", "Try later.");
    const error = await failureOf(blobs.write("a", "x"));
    expect(error).toMatchObject({ retryable: true });
    expect(error.message).toMatch(/503.*busy or down: try again/);
    server.fault = () => undefined;
    await blobs.write("a", "x");
    expect([...stored.keys()]).toEqual(["a"]);
  });

  it("show nothing of a key that the service sends back, only the first line of what it says", async () => {
    const { blobs, server, fault, secrets } = await start();
    const [secret = ""] = secrets;
    server.fault = () => fault(400, "Odd", `You sent ${secret}.\nThe string to sign was this.`);
    const { message } = await failureOf(blobs.write("a", "x"));
    expect(message).toContain("You sent [redacted]");
    expect(message).not.toContain("string to sign");
  });

  it("leave a stream's failure to the reader where the connection breaks half-way", async () => {
    const { blobs, server } = await start();
    await blobs.write("a", generated(2));
    const cut = { status: 200, headers: { etag: '"1"' }, body: Buffer.alloc(2 * MEBIBYTE), cut: MEBIBYTE };
    server.fault = () => cut;
    const stream = await blobs.stream("a");
    const error = await failureOf(
      (async () => {
        for await (const chunk of stream ?? []) expect(chunk[0]).toBe(0);
      })(),
    );
    expect(error.message).toMatch(/Cannot read blob "a" in/);
    expect((await failureOf(blobs.read("a"))).message).toMatch(/Cannot read blob "a" in/);
  });

  it("hold only a part of a stream while they store it", async () => {
    const { blobs, server, stored } = await start();
    let most = 0;
    const stream = generated(64, (pulled) => {
      most = Math.max(most, pulled * MEBIBYTE - server.received);
    });
    await blobs.write("large", stream);
    expect(stored.get("large")).toHaveLength(64 * MEBIBYTE);
    expect(most).toBeLessThan(48 * MEBIBYTE);
  });

  it("pass over names that are no blob's path: others may keep their things beside", async () => {
    const { blobs, stored } = await start();
    await blobs.write("mine", "x");
    for (const name of ["folder/", ".hidden", "a//b", "mine/too"]) {
      (stored as Map<string, Buffer>).set(name, Buffer.alloc(0));
    }
    expect(await blobs.list()).toEqual(["mine", "mine/too"]);
  });
});

describe("blobs in a cloud", () => {
  it("keep nothing of an upload to S3 that fails", async () => {
    const service = new s3.S3Service();
    const endpoint = await service.server.start();
    await using blobs = await openS3Blobs({ bucket: s3.S3_BUCKET, endpoint, access: s3.S3_ACCESS, tries });
    service.server.fault = ({ query }) =>
      query.get("partNumber") === "3" ? s3.fault(500, "InternalError", "We are sorry.") : undefined;
    expect(await failureOf(blobs.write("large", generated(40)))).toMatchObject({ retryable: true });
    expect(service.uploads.size).toBe(0);
    expect(service.objects.size).toBe(0);
    await service.server.stop();
  });

  it("say so where another writer replaced a blob on Azure while its parts were on their way", async () => {
    const service = new azure.AzureService();
    const access = { connectionString: azure.connectionString(await service.server.start()) };
    await using blobs = await openAzureBlobs({ container: azure.AZURE_CONTAINER, access, tries });
    service.server.fault = ({ query }) => {
      if (query.get("comp") === "blocklist") service.blocks.clear();
      return undefined;
    };
    const error = await failureOf(blobs.write("large", generated(2)));
    expect(error.retryable).toBe(true);
    expect(error.message).toContain("Another writer replaced the blob meanwhile");
    await service.server.stop();
  });

  it("try again by themselves before they tell a failure", async () => {
    const service = new s3.S3Service();
    const endpoint = await service.server.start();
    await using blobs = await openS3Blobs({ bucket: s3.S3_BUCKET, endpoint, access: s3.S3_ACCESS });
    let refused = 0;
    service.server.fault = () => (refused++ < 2 ? s3.fault(503, "SlowDown", "Slow down.") : undefined);
    await blobs.write("a", "x");
    expect(refused).toBe(3);
    await service.server.stop();
  });

  it("refuse a connection string that is none, without showing it", async () => {
    for (const connectionString of ["top-secret-nonsense", "AccountName=x;AccountKey=top-secret", ""]) {
      const error: unknown = await openAzureBlobs({ container: "c", access: { connectionString } }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: "CONFIG_INVALID" });
      expect(inspect(error)).not.toContain("secret");
    }
    const byKey = await openAzureBlobs({ container: "c", access: { account: "name", key: azure.AZURE_KEY } });
    expect(inspect(byKey, { depth: 10, showHidden: true })).not.toContain(azure.AZURE_KEY);
  });
});
