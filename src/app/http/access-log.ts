// One line of the log for each request: what was asked, what was answered, how long it took.
// Invariant: neither headers nor the query are in it: both may hold secrets.
import type { MiddlewareHandler } from "hono";
import type { Log } from "../../core/log.ts";

/** What Prometheus and the inspector's page read every few seconds. */
const WATCHED = /^\/(?:metrics|inspect\/.*)$/;

/** Logs requests: what a monitor asks, and what only watches and does not fail, at the level `debug`. */
export function logRequests(log: Log): MiddlewareHandler {
  return async (c, next) => {
    const begun = performance.now();
    await next();
    const { path, method } = c.req;
    const fields = {
      requestId: c.get("requestId") as string,
      method,
      path: path.slice(0, 300),
      status: c.res.status,
      ms: Math.round(performance.now() - begun),
    };
    const isProbe = path === "/health" || path === "/ready";
    const isWatching = method === "GET" && c.res.status < 400 && WATCHED.test(path);
    if (isProbe || isWatching) log.debug(fields, "answered");
    else log.info(fields, "answered");
  };
}
