// What every server of ours does with requests, whatever they are for: names them, logs them, lets in who may ask, and
// answers what goes wrong.
// Invariant: every answer has a request id; whatever goes wrong is answered as a problem, and what is no fault of the
// asker's is in the log under the same id.
import { Hono } from "hono";
import { cors } from "hono/cors";
import { silentLog, type Log } from "../../core/log.ts";
import { withHeaders } from "./answer.ts";
import { logRequests } from "./access-log.ts";
import { guard } from "./guard.ts";
import { causeOf, Problem, problemOf, problemResponse } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";

/** What every server of Fettle's takes: who may ask, and where requests are logged. */
export interface BaseAppOptions {
  /** What clients must send as `Authorization: Bearer …`; none is asked for where absent. */
  readonly token?: string | undefined;
  /** The only names in the `Host` header that are answered; any where absent. */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may ask (CORS); only the server's own where absent. */
  readonly origins?: readonly string[] | undefined;
  /** Where requests are logged; nowhere where absent. */
  readonly log?: Log | undefined;
  /** Values that no answer may show. */
  readonly secrets?: readonly string[] | undefined;
  /** Paths that need no token: they tell nothing of the mesh. */
  readonly isOpen?: ((path: string) => boolean) | undefined;
}

/** What handlers find of a request: `c.get("requestId")`. */
export interface HttpEnv {
  readonly Variables: { readonly requestId: string };
}

/** An app without routes. */
export function createBaseApp(options: BaseAppOptions): Hono<HttpEnv> {
  const { log = silentLog, secrets = [], token, hosts, origins, isOpen = () => false } = options;
  const hidden = token === undefined ? secrets : [...secrets, token];
  const app = new Hono<HttpEnv>();
  app.use(async (c, next) => {
    c.set("requestId", requestIdOf(c.req.header("x-request-id")));
    await next();
    const headers = { "X-Request-Id": c.get("requestId"), "X-Content-Type-Options": "nosniff" };
    const answer = withHeaders(c.res, headers);
    if (answer !== c.res) c.res = answer;
  });
  app.use(logRequests(log));
  if (origins !== undefined) {
    app.use(cors({ origin: [...origins], exposeHeaders: ["Location", "Retry-After", "X-Request-Id"] }));
  }
  app.use(guard({ token, hosts, origins, isOpen }));
  app.notFound((c) => {
    const detail = `There is nothing at ${c.req.path.slice(0, 200)}; /openapi.json tells what there is.`;
    throw new Problem(404, "NOT_FOUND", detail);
  });
  app.onError((thrown, c) => {
    const problem = problemOf(thrown);
    const requestId = c.get("requestId");
    if (problem.status >= 500) {
      log.error({ err: causeOf(problem) ?? problem, requestId, code: problem.code }, "a request failed here");
    }
    return problemResponse(problem, { requestId, secrets: hidden });
  });
  return app;
}
