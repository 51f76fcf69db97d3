// Metrics for Prometheus: counts what it is told, reads the rest when it is asked, and writes its page.
// Invariant: each has a registry of its own, so that meshes of one process do not count for each other; a value that
// cannot be read in time is left out, and holds nothing up.
import { collectDefaultMetrics, Gauge, Registry, type Counter } from "prom-client";
import type {
  Delivered,
  Happening,
  Reading,
  ReadingName,
  TakenIn,
  TaskStart,
  Telemetry,
  WorkflowTelemetry,
} from "../core/telemetry.ts";
import { LabelValues } from "./label-values.ts";
import { makeMeters, makeReadMeter, type Meters } from "./meters.ts";
import { countModel, TaskMeter } from "./task-meter.ts";
import { WorkflowMeter } from "./workflow-meter.ts";

/** So long is a value waited for when the page is asked for, in milliseconds. */
const READ_MS = 1_000;

/** Options of {@link createMetrics}. */
export interface MetricsOptions {
  /** The program's version, for `fettle_info`. */
  readonly version?: string | undefined;
  /** Whether the process is measured too: its memory, processor time and event loop; default true. */
  readonly process?: boolean | undefined;
}

/** Metrics of a process. */
export interface Metrics extends Telemetry {
  /** Everything, in Prometheus's text format. */
  text(): Promise<string>;
  /** Answers a request for the page: GET and HEAD. Mount it where you like. */
  handle(request: Request): Promise<Response>;
}

type Read = () => readonly Reading[] | Promise<readonly Reading[]>;

/**
 * Makes metrics that a mesh can be given, and whose page can be served.
 *
 * @example
 * const metrics = createMetrics();
 * const mesh = new Mesh({ telemetry: metrics });
 * app.get("/metrics", (context) => metrics.handle(context.req.raw));
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  return new PrometheusMetrics(options);
}

class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #values = new LabelValues();
  readonly #meters: Meters;
  readonly #reads = new Map<ReadingName, { readonly meter: Gauge | Counter; readonly from: Set<Read> }>();

  constructor({ version = "0.0.0", process: measuresProcess = true }: MetricsOptions) {
    this.#meters = makeMeters(this.#registry);
    // A series that is there from the start can be seen to grow from nothing.
    for (const kind of ["task", "workflow"]) this.#meters.takeovers.inc({ kind }, 0);
    new Gauge({
      name: "fettle_info",
      help: "Always 1: tells the version.",
      labelNames: ["version"],
      registers: [this.#registry],
    }).set({ version }, 1);
    if (measuresProcess) collectDefaultMetrics({ register: this.#registry });
  }

  task(start: TaskStart): TaskMeter {
    return new TaskMeter(start, { meters: this.#meters, values: this.#values });
  }

  accept({ trace }: TakenIn): string | undefined {
    return trace;
  }

  workflow(): WorkflowTelemetry {
    return new WorkflowMeter(this.#meters);
  }

  deliver<T>(_: Delivered, work: () => T): T {
    return work();
  }

  tell(happening: Happening): void {
    const meters = this.#meters;
    switch (happening.type) {
      case "journal-append":
        meters.appends.inc();
        break;
      case "sandbox-run": {
        const { place, outcome, limit, usage } = happening;
        meters.runs.inc({ place, outcome });
        if (limit !== null) meters.kills.inc({ limit });
        meters.cpuSeconds.observe({ place }, usage.cpuMs / 1000);
        meters.memory.observe({ place }, usage.memoryBytes);
        break;
      }
      case "model-answer": {
        const { answer, ms } = happening;
        const role = this.#values.of("role", happening.role);
        countModel({ meters, values: this.#values }, { role, purpose: "compress", answer, ms });
        break;
      }
      case "nats-reconnect":
        meters.reconnects.inc();
        break;
    }
  }

  read<N extends ReadingName>(
    name: N,
    read: () => readonly Reading<N>[] | Promise<readonly Reading<N>[]>,
  ): () => void {
    const known = this.#reads.get(name);
    const { from, meter } = known ?? { from: new Set<Read>(), meter: makeReadMeter(this.#registry, name) };
    this.#reads.set(name, { from: from.add(read), meter });
    return () => from.delete(read);
  }

  activeTrace(): undefined {
    return undefined;
  }

  async text(): Promise<string> {
    await Promise.all([...this.#reads.keys()].map((name) => this.#take(name)));
    return this.#registry.metrics();
  }

  async handle({ method }: Request): Promise<Response> {
    if (method !== "GET" && method !== "HEAD") {
      return new Response("Only GET is answered here.\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const text = await this.text();
    return new Response(method === "HEAD" ? null : text, {
      headers: { "content-type": this.#registry.contentType, "cache-control": "no-store" },
    });
  }

  async #take(name: ReadingName): Promise<void> {
    const known = this.#reads.get(name);
    if (known === undefined) return;
    const readings: Reading[] = [];
    for (const one of await Promise.all([...known.from].map((read) => inTime(read)))) {
      if (one === null) this.#meters.unread.inc({ reading: name });
      else readings.push(...one);
    }
    const { meter } = known;
    meter.reset();
    // What has no labels would be left at 0, as if that had been read.
    meter.remove({});
    for (const { labels, value } of readings) meter.inc(this.#labelsOf(labels), Math.max(0, value));
  }

  #labelsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(labels).map(([name, value]) => [name, this.#values.of(name, value)]),
    );
  }
}

/** What a read gives within its time; null where it fails or takes longer. */
async function inTime(read: Read): Promise<readonly Reading[] | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), READ_MS)));
  try {
    return await Promise.race([read(), over]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
