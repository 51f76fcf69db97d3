// The page of metrics on a port of its own, for programs that serve no other HTTP.
// Invariant: it answers /metrics and nothing else, and is bound to this machine unless it is told otherwise.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, messageOf } from "../core/errors.ts";
import type { Metrics } from "./metrics.ts";

/** Prometheus looks here, unless it is told otherwise. */
export const METRICS_PORT = 9090;
/** Reached from this machine alone. */
export const METRICS_HOST = "127.0.0.1";

/** Where the page is served. */
export interface MetricsPlace {
  /** 9090 where absent; 0 for any that is free. */
  readonly port?: number | undefined;
  /** 127.0.0.1 where absent. */
  readonly host?: string | undefined;
}

/** A server of metrics. */
export interface MetricsServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9090/metrics`. */
  readonly url: string;
  /** Serves no more; connections that are open are broken off. Idempotent. */
  close(): Promise<void>;
}

/** Serves the page. @throws ConfigError where the port cannot be had. */
export async function serveMetrics(metrics: Metrics, place: MetricsPlace = {}): Promise<MetricsServer> {
  const { port = METRICS_PORT, host = METRICS_HOST } = place;
  const server = createServer((request, response) => {
    // What is asked for may be no address at all.
    const [pathname] = (request.url ?? "/").split("?", 1);
    const answering =
      pathname === "/metrics"
        ? metrics.handle(new Request("http://metrics/metrics", { method: request.method ?? "GET" }))
        : Promise.resolve(new Response("The metrics are at /metrics.\n", { status: 404 }));
    answering
      .then(async (answer) => {
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      })
      .catch((thrown: unknown) => {
        if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
        response.end(`The metrics cannot be read: ${messageOf(thrown)}\n`);
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (thrown) => {
      reject(
        new ConfigError(
          `Cannot serve metrics on ${host}:${port}: ${messageOf(thrown)}. Choose another port by FETTLE_METRICS_PORT, ` +
            "or by the mesh's option metrics: { port }.",
          { cause: thrown },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  // It serves as long as the process lives, and is no reason for it to live.
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const shown = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${shown}:${bound}/metrics`, close, [Symbol.asyncDispose]: close };
}
