// Keeps keys out of everything that leaves this process: error messages, recordings, the output of checks.
// Invariant: a known key is removed whatever it looks like; an unknown one where it has the shape of a key.

const REDACTED = "[redacted]";

/** Shapes that well-known keys and tokens have. */
const KEY_SHAPES: readonly RegExp[] = [
  /\bsk-[A-Za-z0-9_-]{12,}/g,
  /\bAIza[A-Za-z0-9_-]{20,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bxox[abeprs]-[A-Za-z0-9-]{10,}/g,
  /\bAKIA[A-Z0-9]{16}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

const BEARER = /\b(bearer\s+)[A-Za-z0-9._~+/-]{12,}=*/gi;

/** Shorter values are no secrets, and would be found inside ordinary words. */
const SHORTEST_SECRET = 4;

/** Replaces known secrets, and whatever has the shape of a key, by `[redacted]`. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text;
  const known = secrets.filter((secret) => secret.length >= SHORTEST_SECRET);
  // The longest first, so that a secret which contains another leaves no rest of itself.
  for (const secret of known.sort((a, b) => b.length - a.length)) {
    clean = clean.replaceAll(secret, REDACTED);
  }
  for (const shape of KEY_SHAPES) clean = clean.replace(shape, REDACTED);
  return clean.replace(BEARER, `$1${REDACTED}`);
}

/** A key as it may be shown: its well-known prefix and its last four characters, `sk-ant-…abcd`. */
export function maskKey(key: string): string {
  if (key.length < 16) return "…";
  const prefix = /^(?:sk-ant-|sk-proj-|sk-|AIza)/.exec(key)?.[0] ?? "";
  return `${prefix}…${key.slice(-4)}`;
}
