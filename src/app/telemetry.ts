// Who measures a mesh, as its options and settings choose: the caller's own, metrics on a port, traces.
// Invariant: nothing is loaded, opened or counted that was not asked for; an option goes before the setting of the same
// meaning.
import { silentLog, type Log } from "../core/log.ts";
import { joinTelemetry, noTelemetry, type Telemetry } from "../core/telemetry.ts";
import type { MetricsPlace, MetricsServer } from "../observe/metrics-server.ts";
import type { Metrics } from "../observe/metrics.ts";
import { secretsOf, type Config } from "./config.ts";
import { isOpenTelemetryRegistered, openOtlp, type OpenOtlp } from "./otlp.ts";
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
  { telemetry: given, metrics: asked }: TelemetryChoice,
  config: Config,
  { node, log = silentLog }: { readonly node: string; readonly log?: Log | undefined },
): Promise<OpenTelemetry> {
  const place = asked === undefined ? config.metrics : asked === true ? (config.metrics ?? {}) : asked;
  const { metrics, server } = place === false || place === null ? NO_METRICS : await openMetrics(place);
  if (server !== null) log.info({ url: server.url }, "metrics are served");
  const { tracing, otlp } = given === undefined ? await openTraces(config, { node, log }) : NO_TRACES;
  const close = async (): Promise<void> => {
    await server?.close();
    await otlp?.close();
  };
  return {
    telemetry: joinTelemetry([metrics ?? noTelemetry, given ?? tracing]),
    metrics,
    url: server?.url ?? null,
    close,
    [Symbol.asyncDispose]: close,
  };
}

const NO_METRICS = { metrics: null, server: null };
const NO_TRACES = { tracing: noTelemetry, otlp: null };

async function openMetrics(
  place: MetricsPlace,
): Promise<{ readonly metrics: Metrics; readonly server: MetricsServer }> {
  const { createMetrics } = await import("../observe/metrics.ts");
  const { serveMetrics } = await import("../observe/metrics-server.ts");
  const metrics = createMetrics({ version: packageManifest().version });
  return { metrics, server: await serveMetrics(metrics, place) };
}

/** Traces where the program has set OpenTelemetry up, or the settings name where they go. */
async function openTraces(
  config: Config,
  { node, log }: { readonly node: string; readonly log: Log },
): Promise<{ readonly tracing: Telemetry; readonly otlp: OpenOtlp | null }> {
  const { endpoint, hasContent } = config.otlp;
  const { version } = packageManifest();
  let otlp: OpenOtlp | null = null;
  if (!isOpenTelemetryRegistered()) {
    if (endpoint === undefined) return NO_TRACES;
    otlp = await openOtlp(endpoint, config.otlp, { version, node, log });
    if (otlp === null) return NO_TRACES;
  }
  const { createTracing } = await import("../observe/tracing.ts");
  return { tracing: createTracing({ version, hasContent, secrets: secretsOf(config) }), otlp };
}
