// Keys and credentials of NATS for tests, made here: an operator, an account and a user who is signed for by it.
import { nkeys } from "nats";

/** A pair of keys, as `nkeys` of the library makes it. */
interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}
const keys = nkeys as Readonly<Record<"createOperator" | "createAccount" | "createUser", () => KeyPair>>;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A claim that a key signs. */
function signed(by: KeyPair, subject: string, name: string, claims: Record<string, unknown>): string {
  const head = part({ typ: "JWT", alg: "ed25519-nkey" });
  const body = part({
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1_000),
    iss: by.getPublicKey(),
    sub: subject,
    name,
    nats: { version: 2, ...claims },
  });
  const content = `${head}.${body}`;
  return `${content}.${Buffer.from(by.sign(new TextEncoder().encode(content))).toString("base64url")}`;
}

/** A user's key: the public part, and the seed that is its secret. */
export function createNkey(): { readonly publicKey: string; readonly seed: string } {
  const user = keys.createUser();
  return { publicKey: user.getPublicKey(), seed: text(user.getSeed()) };
}

/** A server's configuration that trusts an operator, and the credentials of a user of his only account. */
export function createOperator(): { readonly config: string; readonly creds: string; readonly seed: string } {
  const [operator, account, system, user] = [
    keys.createOperator(),
    keys.createAccount(),
    keys.createAccount(),
    keys.createUser(),
  ];
  const endless = { subs: -1, data: -1, payload: -1 };
  const limits = { ...endless, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const stores = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const accountOf = (pair: KeyPair, name: string, more: object) =>
    signed(operator, pair.getPublicKey(), name, { type: "account", limits: { ...limits, ...more } });
  const config = [
    `operator: "${signed(operator, operator.getPublicKey(), "operator", { type: "operator" })}"`,
    "resolver: MEMORY",
    `system_account: ${system.getPublicKey()}`,
    "resolver_preload: {",
    `  ${account.getPublicKey()}: "${accountOf(account, "mesh", stores)}"`,
    `  ${system.getPublicKey()}: "${accountOf(system, "SYS", {})}"`,
    "}",
  ].join("\n");
  const seed = text(user.getSeed());
  const jwt = signed(account, user.getPublicKey(), "node", { type: "user", pub: {}, sub: {}, ...endless });
  const creds = [
    "-----BEGIN NATS USER JWT-----",
    jwt,
    "------END NATS USER JWT------",
    "",
    "-----BEGIN USER NKEY SEED-----",
    seed,
    "------END USER NKEY SEED------",
    "",
  ].join("\n");
  return { config, creds, seed };
}
