// Blobs in a cloud, as the settings choose them: what is missing is named, what is secret stays so, and the results
// of a mesh go there.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineAgent, Mesh } from "fettle";
import { openBlobs, storeUrl } from "#src/app/blobs";
import { loadConfig, secretsOf } from "#src/app/config";
import { AZURE_CONTAINER, AZURE_KEY, AzureService, connectionString } from "../fabric/cloud/azure-service.ts";
import { S3_ACCESS, S3_BUCKET, S3Service } from "../fabric/cloud/s3-service.ts";
import type { ServiceServer } from "../fabric/cloud/service-server.ts";
import { callFettle } from "../harness/command.ts";
import { runFettle } from "../harness/program.ts";

const clerk = defineAgent({ role: "clerk", capabilities: ["write"], handle: () => "done" });

describe("blobs by the settings", () => {
  let folder = "";
  const servers: ServiceServer[] = [];
  const load = (env: Record<string, string>) => loadConfig({ env, cwd: folder });
  const problemsOf = (env: Record<string, string>): string => {
    try {
      load(env);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("the settings were taken for right");
  };
  const startS3 = async () => {
    const service = new S3Service();
    servers.push(service.server);
    const env = {
      FETTLE_BLOBS: "s3",
      FETTLE_S3_BUCKET: S3_BUCKET,
      FETTLE_S3_ENDPOINT: await service.server.start(),
      FETTLE_S3_ACCESS_KEY_ID: S3_ACCESS.keyId,
      FETTLE_S3_SECRET_ACCESS_KEY: S3_ACCESS.secret,
    };
    return { service, env };
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fettle-blobs-"));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each([
    [{ FETTLE_BLOBS: "disk" }, ["expected files or nats or azure or s3"]],
    [{ FETTLE_BLOBS: "s3" }, ["FETTLE_S3_BUCKET is needed too"]],
    [{ FETTLE_BLOBS: "s3", FETTLE_S3_BUCKET: "My Bucket" }, ["expected the name of a bucket"]],
    [
      { FETTLE_BLOBS: "s3", FETTLE_S3_BUCKET: "mine", FETTLE_S3_ACCESS_KEY_ID: "id" },
      ["FETTLE_S3_SECRET_ACCESS_KEY is needed too"],
    ],
    [
      { FETTLE_BLOBS: "s3", FETTLE_S3_BUCKET: "mine", FETTLE_S3_SECRET_ACCESS_KEY: "hush-hush" },
      ["FETTLE_S3_ACCESS_KEY_ID is needed too"],
    ],
    [
      { FETTLE_BLOBS: "azure" },
      ["FETTLE_AZURE_CONTAINER is needed", "FETTLE_AZURE_CONNECTION_STRING is needed"],
    ],
    [
      { FETTLE_BLOBS: "azure", FETTLE_AZURE_CONTAINER: "mine", FETTLE_AZURE_ACCOUNT: "account" },
      ["FETTLE_AZURE_ACCOUNT_KEY is missing"],
    ],
    [
      { FETTLE_BLOBS: "azure", FETTLE_AZURE_CONTAINER: "mine", FETTLE_AZURE_ACCOUNT_KEY: "hush-hush" },
      ["FETTLE_AZURE_ACCOUNT is missing"],
    ],
  ] as [Record<string, string>, string[]][])("refuse %j", (env, expected) => {
    const told = problemsOf(env);
    for (const text of expected) expect(told).toContain(text);
    expect(told).not.toContain("hush-hush");
  });

  it("keep keys and connection strings among the secrets, and out of errors", () => {
    const text = connectionString("http://127.0.0.1:1");
    const azure = { FETTLE_BLOBS: "azure", FETTLE_AZURE_CONTAINER: "c".repeat(3) };
    const secrets = secretsOf(load({ ...azure, FETTLE_AZURE_CONNECTION_STRING: text }));
    expect(secrets).toEqual(expect.arrayContaining([text, AZURE_KEY]));
    const byKey = { FETTLE_AZURE_ACCOUNT: "account", FETTLE_AZURE_ACCOUNT_KEY: AZURE_KEY };
    expect(secretsOf(load({ ...azure, ...byKey }))).toContain(AZURE_KEY);
    const sas = "BlobEndpoint=https://a.blob.core.windows.net;SharedAccessSignature=sv=1&sig=abc%2Fdef%3D";
    expect(secretsOf(load({ ...azure, FETTLE_AZURE_CONNECTION_STRING: sas }))).toEqual(
      expect.arrayContaining(["abc/def=", "abc%2Fdef%3D"]),
    );
    expect(problemsOf({ ...azure, FETTLE_AZURE_CONNECTION_STRING: text, LOG_LEVEL: "x" })).not.toContain(
      AZURE_KEY,
    );
    const s3 = { FETTLE_BLOBS: "s3", FETTLE_S3_BUCKET: "mine", FETTLE_S3_ACCESS_KEY_ID: "id" };
    expect(secretsOf(load({ ...s3, FETTLE_S3_SECRET_ACCESS_KEY: "hush-hush" }))).toEqual(["hush-hush"]);
  });

  it("take a mesh's results to S3, and nothing to the log directory", async () => {
    const { service, env } = await startS3();
    const mesh = await new Mesh({ config: load(env) }).add(clerk).start();
    const { resultId } = await mesh.execute("clerk", "write");
    await mesh.stop();
    const stored = service.objects.get(`clerk/${resultId}.json`)?.toString() ?? "";
    expect(JSON.parse(stored)).toMatchObject({ status: "success", output: "done" });
    expect(await readdir(folder)).not.toContain("logs");
  });

  it("take a mesh's results to Azure", async () => {
    const { server, blobs } = new AzureService();
    servers.push(server);
    const mesh = new Mesh({
      config: load({
        FETTLE_BLOBS: "azure",
        FETTLE_AZURE_CONTAINER: AZURE_CONTAINER,
        FETTLE_AZURE_CONNECTION_STRING: connectionString(await server.start()),
      }),
    });
    await mesh.add(clerk).start();
    const { resultId } = await mesh.execute("clerk", "write");
    await mesh.stop();
    expect([...blobs.keys()]).toEqual([`clerk/${resultId}.json`]);
  });

  it("give way to a log directory that a program gives", async () => {
    const { service, env } = await startS3();
    const mesh = new Mesh({ config: load(env), logDirectory: join(folder, "here") });
    await mesh.add(clerk).start();
    await mesh.execute("clerk", "write");
    await mesh.stop();
    expect(await readdir(join(folder, "here"))).toEqual(["clerk"]);
    expect(service.server.requests).toEqual([]);
  });

  it("are told by fettle check, which stores one and takes it away", async () => {
    const { service, env } = await startS3();
    const good = await runFettle(["check"], { cwd: folder, env });
    expect(good.stdout).toContain(` Blobs: OK (S3 bucket "${S3_BUCKET}" at ${env.FETTLE_S3_ENDPOINT})`);
    expect(service.server.requests.map(({ method }) => method)).toEqual(["PUT", "DELETE", "GET"]);
    expect(service.objects.size).toBe(0);
    const bad = await callFettle(["check"], { cwd: folder, env: { ...env, FETTLE_S3_BUCKET: "elsewhere" } });
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/Blobs: FAILED: Cannot write blob .*"elsewhere".*FETTLE_S3_BUCKET/);
    expect(bad.stdout).not.toContain(S3_ACCESS.secret);
  });

  it("are files where nothing else is chosen, and then no cloud's library is loaded", async () => {
    const config = load({});
    const { blobs } = config;
    expect(await openBlobs(blobs)).toBeUndefined();
    expect(storeUrl(config)).toBeUndefined();
    for (const name of ["azure", "s3"]) {
      const built = await readFile(
        new URL(`../../dist/src/fabric/cloud/${name}.js`, import.meta.url),
        "utf8",
      );
      expect(built).toMatch(/await import\(|=> import\(|import\("@/);
      expect(built).not.toMatch(/^import .*"@(?:aws-sdk|azure)/m);
    }
    const { env } = await startS3();
    expect(storeUrl(load(env))).toBe("s3://results");
  });

  it("are named where a mesh over NATS keeps them, unless files were chosen", () => {
    const NATS_URL = "nats://127.0.0.1:4222";
    expect(storeUrl(load({ NATS_URL, FETTLE_MESH: "shop" }))).toBe("nats-object://fettle-shop-blobs");
    expect(storeUrl(load({ NATS_URL, FETTLE_BLOBS: "files" }))).toBeUndefined();
  });
});
