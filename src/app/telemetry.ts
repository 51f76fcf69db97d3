// Who measures a mesh, as its options and settings choose: the caller's own, metrics on a port, traces.
// Invariant: nothing is loaded, opened or counted that was not asked for.
import { joinTelemetry, noTelemetry, type Telemetry } from "../core/telemetry.ts";
import type { MetricsPlace, MetricsServer } from "../observe/metrics-server.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Config } from "./config.ts";
import { packageManifest } from "./package-root.ts";

/** What was opened. */
export interface OpenTelemetry extends AsyncDisposable {
  readonly telemetry: Telemetry;
  readonly metrics: Metrics | null;
  /** Where the metrics are served; null where they are not. */
  readonly url: string | null;
  close(): Promise<void>;
}

/** What decides on it. */
export interface TelemetryChoice {
  readonly telemetry?: Telemetry | undefined;
  readonly metrics?: boolean | MetricsPlace | undefined;
}

/** Opens what was asked for. @throws ConfigError where the port of the metrics cannot be had. */
export async function openTelemetry(
  { telemetry: given = noTelemetry, metrics: asked }: TelemetryChoice,
  config: Pick<Config, "metrics">,
): Promise<OpenTelemetry> {
  const place = asked === undefined ? config.metrics : asked === true ? (config.metrics ?? {}) : asked;
  const { metrics, server } = place === false || place === null ? NONE : await openMetrics(place);
  const close = async (): Promise<void> => server?.close();
  return {
    telemetry: joinTelemetry(metrics === null ? [given] : [metrics, given]),
    metrics,
    url: server?.url ?? null,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const NONE = { metrics: null, server: null };

async function openMetrics(
  place: MetricsPlace,
): Promise<{ readonly metrics: Metrics; readonly server: MetricsServer }> {
  const { createMetrics } = await import("../observe/metrics.ts");
  const { serveMetrics } = await import("../observe/metrics-server.ts");
  const metrics = createMetrics({ version: packageManifest().version });
  return { metrics, server: await serveMetrics(metrics, place) };
}
