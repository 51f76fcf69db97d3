// Sends traces and metrics to an OpenTelemetry collector, as the settings that all programs share (OTEL_…) say.
// Invariant: its packages are large, so only who sends installs them; a program that has set OpenTelemetry up itself is
// left as it is. What cannot be sent is told to the log and holds nothing up.
import { context, diag, DiagLogLevel, metrics, trace, type TracerProvider } from "@opentelemetry/api";
import type { Log } from "../core/log.ts";
import { messageOf } from "../core/errors.ts";

/** Where telemetry is sent, and under which name. */
export interface OtlpSettings {
  /** Such as `http://127.0.0.1:4318`; undefined for nowhere. */
  readonly endpoint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Whether prompts, answers, and what tools are given and return is sent. */
  readonly hasContent: boolean;
}

/** What sends. */
export interface OpenOtlp {
  /** Sends what is left, and ends. */
  close(): Promise<void>;
}

const PACKAGES =
  "@opentelemetry/sdk-trace-base@2 @opentelemetry/sdk-metrics@2 @opentelemetry/resources@2 " +
  "@opentelemetry/context-async-hooks@2 @opentelemetry/exporter-trace-otlp-http@0.223 " +
  "@opentelemetry/exporter-metrics-otlp-http@0.223";

/** Whether the program, or something that was loaded before it, has registered OpenTelemetry. */
export function isOpenTelemetryRegistered(): boolean {
  const provider = trace.getTracerProvider() as TracerProvider & { getDelegate?: () => object };
  // Before that, all calls go to one that does nothing.
  return (provider.getDelegate?.() ?? provider).constructor.name !== "NoopTracerProvider";
}

/** Begins to send, and registers that for the whole program; null where the packages are not installed. */
export async function openOtlp(
  endpoint: string,
  { headers, serviceName }: OtlpSettings,
  { version, node, log }: { readonly version: string; readonly node: string; readonly log: Log },
): Promise<OpenOtlp | null> {
  const sdk = await loadSdk().catch((thrown: unknown) => {
    const [reason] = messageOf(thrown).split("\n", 1);
    log.warn(
      { reason, endpoint },
      `traces are not sent: run npm install ${PACKAGES}, or unset OTEL_EXPORTER_OTLP_ENDPOINT`,
    );
    return null;
  });
  if (sdk === null) return null;
  diag.setLogger(told(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const at = (signal: string) => ({ url: `${endpoint.replace(/\/+$/, "")}/v1/${signal}`, headers });
  const resource = sdk
    .defaultResource()
    .merge(sdk.detectResources({ detectors: [sdk.envDetector] }))
    .merge(
      sdk.resourceFromAttributes({
        "service.name": serviceName,
        "service.version": version,
        "service.instance.id": node,
      }),
    );
  const tracers = new sdk.BasicTracerProvider({
    resource,
    spanProcessors: [new sdk.BatchSpanProcessor(new sdk.OTLPTraceExporter(at("traces")))],
  });
  const reader = new sdk.PeriodicExportingMetricReader({
    exporter: new sdk.OTLPMetricExporter(at("metrics")),
  });
  const meters = new sdk.MeterProvider({ resource, readers: [reader] });
  const manager = new sdk.AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  trace.setGlobalTracerProvider(tracers);
  metrics.setGlobalMeterProvider(meters);
  return {
    close: async () => {
      trace.disable();
      metrics.disable();
      context.disable();
      for (const one of await Promise.allSettled([tracers.shutdown(), meters.shutdown()])) {
        if (one.status === "rejected")
          log.warn({ err: one.reason, endpoint }, "not all traces could be sent");
      }
      diag.disable();
    },
  };
}

async function loadSdk() {
  const [spans, meters, resources, contexts, traceExporter, metricExporter] = await Promise.all([
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/sdk-metrics"),
    import("@opentelemetry/resources"),
    import("@opentelemetry/context-async-hooks"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/exporter-metrics-otlp-http"),
  ]);
  return { ...spans, ...meters, ...resources, ...contexts, ...traceExporter, ...metricExporter };
}

/** What the libraries say of themselves, as lines of the log. */
function told(log: Log) {
  const tell = (level: "debug" | "warn" | "error") => (message: string) =>
    log[level]({ reason: message.slice(0, 1_000) }, "OpenTelemetry has something to say");
  return {
    verbose: tell("debug"),
    debug: tell("debug"),
    info: tell("debug"),
    warn: tell("warn"),
    error: tell("error"),
  };
}
