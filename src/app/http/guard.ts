// Who may ask: a bearer token, the names by which this server is meant, and no page of another origin.
// Invariant: a token is compared in constant time and never shown; without one, only a server on loopback is safe, and
// there a page from elsewhere is refused, whatever name it gave this machine.
import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** What a {@link guard} checks. */
export interface GuardOptions {
  /** What clients send as `Authorization: Bearer …`; none is asked for where absent. */
  readonly token?: string | undefined;
  /** The only names in the `Host` header that are answered, without ports; any where absent. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may ask; none but this server's own where absent. */
  readonly origins?: readonly string[] | undefined;
  /** Paths that need no token: they say nothing of the mesh. */
  readonly isOpen?: (path: string) => boolean;
}

/** The names of this machine for itself. */
export const LOOPBACK_HOSTS: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Refuses requests before anything else looks at them. */
export function guard({ token, hosts, origins = [], isOpen = () => false }: GuardOptions): MiddlewareHandler {
  const expected = token === undefined ? null : digest(token);
  return async (c, next) => {
    const url = new URL(c.req.url);
    const host = c.req.header("host") ?? url.host;
    if (hosts !== undefined && !hosts.includes(host.toLowerCase().replace(/:\d+$/, ""))) {
      throw new Problem(421, "HOST_REFUSED", `This server is not called "${host.slice(0, 200)}".`);
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && !isOwn(origin, host) && !origins.includes(origin)) {
      throw new Problem(403, "ORIGIN_REFUSED", "Pages of another origin may not ask this server.");
    }
    // A browser's question whether it may ask (CORS) was answered before, where other origins are let in at all.
    if (expected !== null && !isOpen(c.req.path)) {
      const [, given] = /^bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
      if (given === undefined || !timingSafeEqual(digest(given), expected)) {
        const detail =
          given === undefined
            ? "A token is needed: send it as Authorization: Bearer <token>."
            : "The token is not the one that this server was started with.";
        const challenge = `Bearer realm="fettle"${given === undefined ? "" : ', error="invalid_token"'}`;
        throw new Problem(401, "UNAUTHORIZED", detail, { headers: { "WWW-Authenticate": challenge } });
      }
    }
    await next();
  };
}

/** Of one length whatever the text's, so that comparing tells nothing of it. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
