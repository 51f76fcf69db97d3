// Who connects to NATS, to which addresses, and whom it trusts: from settings to what the library takes.
// Invariant: everything that can be found wrong without a server is found here, in words that name the setting and
// repeat no secret: also an address is not repeated where it could hold a password.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import { credsAuthenticator, nkeyAuthenticator, type ConnectionOptions } from "nats";
import { ConfigError, messageOf } from "../../core/errors.ts";

/** Who connects, and where to. Files are paths; of the ways to say who one is, at most one is given. */
export interface NatsSettings {
  /** As in `nats://host:4222`; any of them will do, and a user and password may be in them. */
  readonly servers: readonly string[];
  /** A credentials file, as `nsc` makes it. */
  readonly creds?: string | undefined;
  /** A file with an NKey's seed. */
  readonly nkey?: string | undefined;
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Certificates: whom to trust, and who one is. */
  readonly tls?: {
    readonly ca?: string | undefined;
    readonly cert?: string | undefined;
    readonly key?: string | undefined;
  };
}

/** What the settings come to. */
export interface Identity {
  /** As `host:port`, without users. */
  readonly servers: readonly string[];
  /** The settings that say who connects, in words; null where none does. */
  readonly who: string | null;
  /** Whether TLS is wanted, also where the server would not ask for it. */
  readonly isEncrypted: boolean;
  /** Whether a certificate of one's own is given. */
  readonly isCertified: boolean;
  readonly options: ConnectionOptions;
}

/** What the settings come to. @throws ConfigError */
export function identityOf(settings: NatsSettings): Identity {
  const urls = settings.servers.map(urlOf);
  const { ca, cert, key } = settings.tls ?? {};
  const servers = urls.map(({ hostname, port }) => `${hostname}:${port === "" ? "4222" : port}`);
  const [who, options] = userOf(settings, urls);
  const isEncrypted = urls.some(({ protocol }) => protocol === "tls:") || (ca ?? cert ?? key) !== undefined;
  const tls = isEncrypted ? tlsOf(settings, urls) : {};
  return { servers, who, isEncrypted, isCertified: cert !== undefined, options: { ...options, ...tls } };
}

function userOf(settings: NatsSettings, urls: readonly URL[]): readonly [string | null, ConnectionOptions] {
  const { creds, nkey, token, user, password } = settings;
  if (creds !== undefined) {
    const bytes = fileOf(creds, "NATS_CREDS");
    const authenticator = checked("NATS_CREDS", creds, "is no credentials file, as nsc makes it", () => {
      const made = credsAuthenticator(bytes);
      made("");
      return made;
    });
    return [`the credentials of NATS_CREDS (${creds})`, { authenticator }];
  }
  if (nkey !== undefined) {
    const seed = new TextDecoder().decode(fileOf(nkey, "NATS_NKEY")).trim();
    const authenticator = checked(
      "NATS_NKEY",
      nkey,
      'holds no seed of a user, which begins with "SU"',
      () => {
        if (!seed.startsWith("SU")) throw new Error("it is another kind of key");
        const made = nkeyAuthenticator(new TextEncoder().encode(seed));
        made("");
        return made;
      },
    );
    return [`the key of NATS_NKEY (${nkey})`, { authenticator }];
  }
  if (token !== undefined) return ["the token of NATS_TOKEN", { token }];
  if (user !== undefined) {
    return ["the user and password of NATS_USER and NATS_PASSWORD", { user, pass: password ?? "" }];
  }
  const found = urls.find(({ username }) => username !== "");
  if (found === undefined) return [null, {}];
  const [name, secret] = [found.username, found.password].map(decoded);
  // A lone name is a token, as in NATS's own tools.
  if (secret === "") return ["the token in NATS_URL", { token: name ?? "" }];
  return ["the user and password in NATS_URL", { user: name ?? "", pass: secret ?? "" }];
}

function tlsOf({ tls }: NatsSettings, urls: readonly URL[]): ConnectionOptions {
  const { ca, cert, key } = tls ?? {};
  if (ca !== undefined) certificateOf(ca, "NATS_CA");
  if (cert !== undefined && key !== undefined) {
    const certificate = certificateOf(cert, "NATS_CERT");
    const pem = fileOf(key, "NATS_KEY");
    const secret = checked("NATS_KEY", key, "holds no private key", () => createPrivateKey(Buffer.from(pem)));
    if (!certificate.checkPrivateKey(secret)) {
      throw new ConfigError(
        `Cannot connect to NATS: the key of NATS_KEY (${key}) is not that of the certificate of NATS_CERT (${cert}).`,
      );
    }
  }
  const options = {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
    checkServerIdentity: checkOf(urls.map(({ hostname }) => hostname)),
  };
  return { tls: options };
}

/**
 * The library tells no address to the check of a certificate where the address is no name: then "localhost" is checked.
 * In its place, those addresses of the settings are which are no names.
 */
function checkOf(hosts: readonly string[]): typeof checkServerIdentity {
  const numbers = hosts.filter((host) => /^[\d.]+$|:/.test(host)).map((host) => host.replace(/^\[|\]$/g, ""));
  return (host: string, certificate: PeerCertificate) => {
    const wrong = checkServerIdentity(host, certificate);
    if (wrong === undefined || host !== "localhost" || hosts.includes(host)) return wrong;
    const failures = numbers.map((number) => checkServerIdentity(number, certificate));
    return failures.includes(undefined) ? undefined : (failures[0] ?? wrong);
  };
}

function urlOf(server: string): URL {
  try {
    return new URL(server.includes("://") ? server : `nats://${server}`);
  } catch {
    throw new ConfigError(
      'Cannot connect to NATS: one of the addresses of NATS_URL is none. Write it as "nats://host:4222"; ' +
        'in a user or a password, write "%40" for "@", "%2F" for "/" and "%3A" for ":".',
    );
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function certificateOf(path: string, setting: string): X509Certificate {
  const pem = fileOf(path, setting);
  return checked(setting, path, "holds no certificate", () => new X509Certificate(pem));
}

/** What is made of a file; what fails is told without its cause, which could repeat what is in the file. */
function checked<T>(setting: string, path: string, fault: string, make: () => T): T {
  try {
    return make();
  } catch {
    throw new ConfigError(`Cannot connect to NATS: the file of ${setting} (${path}) ${fault}.`);
  }
}

function fileOf(path: string, setting: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (thrown) {
    throw new ConfigError(`Cannot read the file of ${setting}: ${messageOf(thrown)}.`, { cause: thrown });
  }
}
