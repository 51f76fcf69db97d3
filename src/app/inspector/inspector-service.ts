// The inspector as a service of its own: its app on a server, for a mesh that runs in this process or for stored data.
// Invariant: it never keeps a mesh from stopping, and closes with it; its address holds no token.
import type { Log } from "../../core/log.ts";
import type { MeshSystem } from "../../mesh.ts";
import { createBaseApp } from "../http/base.ts";
import { Problem } from "../http/problem.ts";
import { httpPlace, openHttpServer } from "../http/server.ts";
import { inspectMesh, type Inspected } from "./inspected.ts";
import { createInspectorApp, isPagePath } from "./inspector-app.ts";
import { Inspector } from "./inspector.ts";

/** Where the inspector is below a server's address. */
export const INSPECTOR_BASE = "/inspect";

/** An inspector that is served. */
export interface InspectorService extends AsyncDisposable {
  /** The address of its page. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What {@link openInspectorService} takes. */
export interface InspectorServiceOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly token: string | undefined;
  readonly log: Log;
  /** Values that are never shown. */
  readonly secrets: readonly string[];
}

/** The inspector of a mesh that may still have to start: requests until then are answered 503. */
export class MeshInspector implements AsyncDisposable {
  readonly #mesh: MeshSystem;
  readonly #secrets: readonly string[];
  #inspector: Inspector | null = null;

  constructor(mesh: MeshSystem, { secrets }: { readonly secrets: readonly string[] }) {
    this.#mesh = mesh;
    this.#secrets = secrets;
  }

  /** @throws Problem 503 where the mesh has not started. */
  get(): Inspector {
    if (this.#inspector !== null) return this.#inspector;
    if (this.#mesh.phase !== "started") {
      const detail = "The mesh starts, or stops. Look again in a moment.";
      throw new Problem(503, "STARTING", detail, { retryable: true });
    }
    this.#inspector = new Inspector(inspectMesh(this.#mesh), { secrets: this.#secrets });
    return this.#inspector;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inspector?.[Symbol.asyncDispose]();
  }
}

/** Serves the inspector. @throws ConfigError where it cannot listen there, or others could and no token is set. */
export async function openInspectorService(
  looked: MeshSystem | Inspected,
  { host, port, token, log, secrets }: InspectorServiceOptions,
): Promise<InspectorService> {
  const place = httpPlace({ host, port, token }, { settings: "FETTLE_INSPECT" });
  const hidden = token === undefined ? secrets : [...secrets, token];
  const mesh = "phase" in looked ? new MeshInspector(looked, { secrets: hidden }) : null;
  const stored = "phase" in looked ? null : new Inspector(looked, { secrets: hidden });
  const ending = new AbortController();
  const isPage = isPagePath(INSPECTOR_BASE);
  const app = createBaseApp({
    token,
    hosts: place.hosts,
    log,
    secrets: hidden,
    isOpen: (path) => path === "/" || isPage(path),
  });
  app.get("/", (c) => c.redirect(`${INSPECTOR_BASE}/`, 302));
  const inspector = () => stored ?? (mesh as MeshInspector).get();
  app.route(INSPECTOR_BASE, createInspectorApp(inspector, { signal: ending.signal }));
  const server = await openHttpServer(app.fetch, place);
  const close = async () => {
    ending.abort();
    await server.close();
    await (stored ?? mesh)?.[Symbol.asyncDispose]();
  };
  return {
    url: `${server.url}${INSPECTOR_BASE}/`,
    port: server.port,
    close,
    [Symbol.asyncDispose]: close,
  };
}
