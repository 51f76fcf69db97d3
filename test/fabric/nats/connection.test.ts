// Connections to NATS: every way to say who one is, against real servers; and what is said where one is wrong.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import type { NatsConnection } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LogFields } from "#src/core/log";
import { openConnection } from "#src/fabric/nats/connection";
import { createNatsFabric } from "#src/fabric/nats/fabric";
import type { NatsSettings } from "#src/fabric/nats/identity";
import { freePort, startNatsServer, type NatsServer } from "../../harness/nats-server.ts";
import { createNkey, createOperator } from "./operator.ts";

const SECRET = "s3cret/of:us";

describe("a connection to NATS", () => {
  let folder = "";
  const servers: NatsServer[] = [];
  const connections: NatsConnection[] = [];
  const logged: (readonly [string, LogFields, string])[] = [];
  let heard: () => void = () => undefined;
  const line = (level: string) => (fields: LogFields, message: string) => {
    logged.push([level, fields, message]);
    heard();
  };
  const log = { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
  /** The first line of the log that begins so. */
  const said = async (start: string) => {
    for (;;) {
      const found = logged.find(([, , message]) => message.startsWith(start));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (heard = resolve));
    }
  };
  const file = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const serve = async (config = "") => {
    const server = await startNatsServer({ config });
    servers.push(server);
    return server;
  };
  const open = async (settings: NatsSettings) => {
    const connection = await openConnection(settings, { name: "test", log, timeoutMs: 5_000 });
    connections.push(connection);
    return connection;
  };
  /** What is said where the settings do not work: no secret is in it, whatever of it is shown. */
  const refusal = async (settings: NatsSettings) => {
    const thrown: unknown = await open(settings).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ name: "ConfigError", code: "CONFIG_INVALID" });
    for (const secret of [SECRET, encodeURIComponent(SECRET), ...seeds]) {
      expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain(secret);
      expect(inspect(logged, { depth: 9 })).not.toContain(secret);
    }
    return (thrown as Error).message;
  };
  const seeds: string[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "fettle-connection-"));
  });
  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
    for (const server of servers.splice(0)) await server.close();
    logged.length = 0;
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("takes a user and password as settings and in the address, and tells where they are wrong", async () => {
    const { url } = await serve(`authorization { user: "node", password: "${SECRET}" }`);
    const address = (password: string) =>
      url.replace("nats://", `nats://node:${encodeURIComponent(password)}@`);
    await (await open({ servers: [url], user: "node", password: SECRET })).flush();
    await (await open({ servers: [address(SECRET)] })).flush();
    expect(await refusal({ servers: [url], user: "other", password: SECRET })).toMatch(
      /does not take the user and password of NATS_USER and NATS_PASSWORD\.$/,
    );
    expect(await refusal({ servers: [address(`${SECRET}!`)] })).toMatch(
      /^Cannot connect to NATS at 127\.0\.0\.1:\d+: it does not take the user and password in NATS_URL\.$/,
    );
    expect(await refusal({ servers: [url] })).toMatch(/it takes known users only: set NATS_CREDS/);
    expect(await refusal({ servers: [`nats://node:${SECRET}@:x`] })).toMatch(
      /one of the addresses of NATS_URL/,
    );
  });

  it("takes a token as a setting and in the address, and tells where it is wrong", async () => {
    const { url } = await serve(`authorization { token: "${SECRET}" }`);
    await (await open({ servers: [url], token: SECRET })).flush();
    await (await open({ servers: [url.replace("//", `//${encodeURIComponent(SECRET)}@`)] })).flush();
    expect(await refusal({ servers: [url], token: `${SECRET}!` })).toMatch(
      /does not take the token of NATS_TOKEN/,
    );
  });

  it("takes the file of an NKey's seed, and tells where it is wrong", async () => {
    const [known, other] = [createNkey(), createNkey()];
    seeds.push(known.seed, other.seed);
    const { url } = await serve(`authorization { users: [{ nkey: ${known.publicKey} }] }`);
    const path = file("seed", `${known.seed}\n`);
    await (await open({ servers: [url], nkey: path })).flush();
    expect(await refusal({ servers: [url], nkey: file("other", other.seed) })).toMatch(
      /does not take the key of NATS_NKEY \(.*other\)/,
    );
    expect(await refusal({ servers: [url], nkey: file("cut", known.seed.slice(0, 30)) })).toMatch(
      /the file of NATS_NKEY \(.*cut\) holds no seed of a user/,
    );
    expect(await refusal({ servers: [url], nkey: join(folder, "absent") })).toMatch(
      /Cannot read the file of NATS_NKEY: .*absent/,
    );
  });

  it("takes a credentials file of an operator's user, and tells where it is wrong", async () => {
    const [known, other] = [createOperator(), createOperator()];
    seeds.push(known.seed, other.seed);
    const { url } = await serve(known.config);
    const connection = await open({ servers: [url], creds: file("node.creds", known.creds) });
    expect(await (await connection.jetstreamManager()).getAccountInfo()).toMatchObject({ streams: 0 });
    expect(await refusal({ servers: [url], creds: file("other.creds", other.creds) })).toMatch(
      /does not take the credentials of NATS_CREDS \(.*other\.creds\)/,
    );
    expect(await refusal({ servers: [url], creds: file("cut.creds", known.creds.slice(0, -80)) })).toMatch(
      /the file of NATS_CREDS \(.*cut\.creds\) is no credentials file/,
    );
  });

  it("speaks TLS, shows a certificate where the server wants one, and tells where they are wrong", async () => {
    const authority = createAuthority(folder, "ca");
    createAuthority(folder, "stranger");
    const [server, node] = [authority("server", "IP:127.0.0.1"), authority("node", "DNS:node")];
    const elsewhere = authority("elsewhere", "DNS:nats.example");
    const tls = (of: Pair, more = "") => `tls { cert_file: "${of.cert}", key_file: "${of.key}"${more} }`;
    const ca = join(folder, "ca.pem");
    const { url } = await serve(tls(server));
    await (await open({ servers: [url], tls: { ca } })).flush();
    const ours = { ca, ...node };
    const untrusted = /its certificate is not to be trusted .* set NATS_CA to/;
    expect(await refusal({ servers: [url.replace("nats:", "tls:")] })).toMatch(untrusted);
    expect(await refusal({ servers: [url], tls: { ca: join(folder, "stranger.pem") } })).toMatch(untrusted);
    expect(await refusal({ servers: [url], tls: { ca: node.key } })).toMatch(
      /NATS_CA .* holds no certificate/,
    );
    const named = await serve(tls(elsewhere));
    expect(await refusal({ servers: [named.url], tls: { ca } })).toMatch(/is for another name than NATS_URL/);
    const plain = await serve();
    expect(await refusal({ servers: [plain.url], tls: { ca } })).toMatch(/speaks no TLS, which NATS_URL/);

    const mutual = await serve(tls(server, `, ca_file: "${ca}", verify: true`));
    await (await open({ servers: [mutual.url], tls: ours })).flush();
    expect(await refusal({ servers: [mutual.url], tls: { ca } })).toMatch(/set NATS_CERT and NATS_KEY/);
    expect(await refusal({ servers: [url], tls: { ...ours, key: server.key } })).toMatch(
      /the key of NATS_KEY .* is not that of the certificate of NATS_CERT/,
    );
    expect(await refusal({ servers: [url], tls: { ...ours, key: ca } })).toMatch(
      /NATS_KEY .* no private key/,
    );
  });

  it("tells that no server is there, and that one has no JetStream", async () => {
    const port = await freePort();
    expect(
      await refusal({ servers: [`nats://node:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`] }),
    ).toMatch(
      /^Cannot connect to NATS at 127\.0\.0\.1:\d+: .* Is the server running \(nats-server -js\), and is NATS_URL right\?/,
    );
    const { url } = await serve("accounts { A { users: [{ user: a, password: b }] } }");
    const connection = await open({ servers: [url], user: "a", password: "b" });
    await expect(createNatsFabric({ connection, mesh: "main", log })).rejects.toThrow(/JetStream/);
  });

  it("takes the first of several servers that is there", async () => {
    const [port, server] = [await freePort(), await serve()];
    const connection = await open({ servers: [`127.0.0.1:${port}`, server.url] });
    expect(`nats://${connection.getServer()}`).toBe(server.url);
  });

  it("comes back after a restart of the server, and says how long it was away", async () => {
    const server = await serve();
    const connection = await open({ servers: [server.url] });
    await server.stop();
    const [level, , lost] = await said("the connection to NATS was lost");
    expect([level, lost]).toEqual(["warn", "the connection to NATS was lost: waiting for it"]);
    await server.start();
    const [, fields] = await said("connected to NATS again");
    expect(fields["awayMs"]).toBeGreaterThan(0);
    await connection.flush();
  });
});

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own, which makes certificates for names. */
function createAuthority(folder: string, name: string): (who: string, names: string) => Pair {
  const openssl = (...options: string[]) => execFileSync("openssl", options, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.pem`,
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
  );
  return (who, names) => {
    openssl("req", ...key, "-keyout", `${who}.key`, "-out", `${who}.csr`, "-subj", `/CN=${who}`);
    writeFileSync(join(folder, `${who}.ext`), `subjectAltName=${names}`);
    const by = ["-CA", `${name}.pem`, "-CAkey", `${name}.key`, "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", `${who}.csr`, ...by, "-extfile", `${who}.ext`, "-out", `${who}.pem`);
    return { cert: join(folder, `${who}.pem`), key: join(folder, `${who}.key`) };
  };
}
