// A mesh over HTTP, as a Hono app: its `fetch` answers requests on Node, on Deno, in any server.
// Invariant: what a route is described by is what it does; nothing but health, the description and the page to try it is
// answered without the token, or before the mesh has started.
import type { Hono } from "hono";
import { silentLog } from "../../core/log.ts";
import type { MeshSystem } from "../../mesh.ts";
import { agentRoutes } from "./agents.ts";
import { approvalRoutes } from "./approvals.ts";
import { boundBodies } from "./body.ts";
import { createBaseApp, type BaseAppOptions, type HttpEnv } from "./base.ts";
import { Closing } from "./closing.ts";
import { descriptionRoutes } from "./description.ts";
import { healthRoutes } from "./health.ts";
import { Problem } from "./problem.ts";
import { readCall, type Route, type Service } from "./route.ts";
import { taskRoutes } from "./tasks.ts";
import { workflowRoutes } from "./workflows.ts";

/** What {@link createHttpApp} takes besides the mesh. */
export interface HttpAppOptions extends BaseAppOptions {
  /** The largest body that is read, in bytes; default 4 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How long a request waits for a result where it does not say, in seconds; default 30. */
  readonly waitS?: number | undefined;
  /** How long a request may ask to wait, in seconds; default 300. */
  readonly maxWaitS?: number | undefined;
  /** How often a stream that has nothing to tell says that it is alive, in milliseconds; default 15,000. */
  readonly heartbeatMs?: number | undefined;
  /** Begins the end of the service when aborted: it is not ready any more, and its streams end. */
  readonly signal?: AbortSignal | undefined;
  /** How long requests may wait for results once the end has begun, in milliseconds; default 10,000. */
  readonly graceMs?: number | undefined;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** They tell nothing of the mesh's work. */
const OPEN = new Set(["/health", "/ready", "/openapi.json", "/docs"]);

const API: readonly Route[] = [
  ...healthRoutes,
  ...taskRoutes,
  ...workflowRoutes,
  ...approvalRoutes,
  ...agentRoutes,
];

/**
 * Makes the HTTP service of a mesh, which need not have started yet: until it has, requests are answered 503.
 *
 * @example
 * const app = createHttpApp(mesh, { token: "…" });
 * const server = await openHttpServer(app.fetch, { host: "127.0.0.1", port: 8080 });
 */
export function createHttpApp(mesh: MeshSystem, options: HttpAppOptions = {}): Hono<HttpEnv> {
  const { log = silentLog, maxBodyBytes = MAX_BODY_BYTES, heartbeatMs = 15_000 } = options;
  const { isOpen = () => false } = options;
  const closing = new Closing(options.signal, options.graceMs ?? 10_000);
  const wait = { defaultS: options.waitS ?? 30, mostS: options.maxWaitS ?? 300 };
  const service: Service = { mesh, log, closing, wait, heartbeatMs, maxBodyBytes };
  const app = createBaseApp({ ...options, isOpen: (path) => OPEN.has(path) || isOpen(path) });
  app.use(boundBodies(maxBodyBytes));
  addRoutes(app, [...API, ...descriptionRoutes(API)], service);
  return app;
}

function addRoutes(app: Hono<HttpEnv>, routes: readonly Route[], service: Service): void {
  for (const route of routes) {
    app.on(route.method, honoPath(route.path), async (c) => {
      if (!OPEN.has(route.path)) requireReady(service);
      return route.handle((await readCall(route, c, service)) as never);
    });
  }
  for (const path of new Set(routes.map((route) => route.path))) {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method as string);
    const allow = [...methods, ...(methods.includes("GET") ? ["HEAD"] : [])].join(", ");
    app.all(honoPath(path), (c) => {
      const detail = `${c.req.path} takes ${allow}, not ${c.req.method}.`;
      throw new Problem(405, "METHOD_NOT_ALLOWED", detail, { headers: { Allow: allow } });
    });
  }
}

/** @throws Problem where the mesh does not run, or the service ends. */
function requireReady({ mesh, closing }: Service): void {
  if (closing.hasBegun || mesh.phase === "stopping" || mesh.phase === "stopped") {
    throw new Problem(503, "STOPPING", "This service stops. Ask again: another one may answer.", {
      retryable: true,
    });
  }
  if (mesh.phase !== "started") {
    throw new Problem(503, "STARTING", "The mesh of this service starts. Ask again in a moment.", {
      retryable: true,
    });
  }
}

function honoPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}
