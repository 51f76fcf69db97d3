// An OpenTelemetry collector of the test's own: hears OTLP over HTTP, as JSON, and keeps what it heard.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it came over the wire. */
export interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of the process that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector that listens. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly WireSpan[];
  /** The sum of what each metric's histograms have counted, by name. */
  readonly counts: ReadonlyMap<string, number>;
  /** The headers of each request. */
  readonly headers: readonly NodeJS.Dict<string | string[]>[];
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Batch {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<WireSpan, "attributes" | "resource"> & {
        readonly attributes: readonly Attribute[];
      })[];
    }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly histogram?: { readonly dataPoints: readonly { readonly count: string | number }[] };
      }[];
    }[];
  }[];
}

/** Starts one on a free port of loopback. */
export async function openCollector(): Promise<Collector> {
  const spans: WireSpan[] = [];
  const counts = new Map<string, number>();
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const batch = JSON.parse(Buffer.concat(chunks).toString()) as Batch;
      for (const { resource, scopeSpans } of batch.resourceSpans ?? []) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
          spans.push({ ...span, attributes: plain(span.attributes), resource: plain(resource.attributes) });
        }
      }
      for (const { scopeMetrics } of batch.resourceMetrics ?? []) {
        for (const { name, histogram } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
          const counted = (histogram?.dataPoints ?? []).reduce((sum, { count }) => sum + Number(count), 0);
          counts.set(name, (counts.get(name) ?? 0) + counted);
        }
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    counts,
    headers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function plain(attributes: readonly Attribute[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
