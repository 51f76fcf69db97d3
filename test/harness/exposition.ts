// Reads Prometheus's text format as strictly as a scraper may: whatever is not exactly of it is an error.
// Invariant: what it gives is a whole page: each sample belongs to a metric that was declared, each once.

/** A metric with its samples. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** One line of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** A page of metrics. */
export class Exposition {
  readonly metrics: ReadonlyMap<string, Metric>;

  private constructor(metrics: ReadonlyMap<string, Metric>) {
    this.metrics = metrics;
  }

  /** @throws Error that names the line. */
  static parse(text: string): Exposition {
    if (!text.endsWith("\n")) throw new Error("the page does not end with a line break");
    const metrics = new Map<string, Metric & { samples: Sample[] }>();
    let current: (Metric & { samples: Sample[] }) | null = null;
    let help: { name: string; text: string } | null = null;
    for (const [index, line] of text.split("\n").entries()) {
      const fail = (why: string) => new Error(`line ${index + 1}: ${why}: ${line}`);
      if (line === "") continue;
      const [, word, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
      if (word === "HELP" && name !== undefined) {
        help = { name, text: rest ?? "" };
        continue;
      }
      if (word === "TYPE" && name !== undefined) {
        if (help?.name !== name || help.text === "") throw fail("a metric without help");
        if (metrics.has(name)) throw fail("a metric that was declared before");
        if (!/^(?:counter|gauge|histogram|summary)$/.test(rest ?? "")) throw fail("an unknown type");
        current = { name, type: rest as Metric["type"], help: help.text, samples: [] };
        metrics.set(name, current);
        continue;
      }
      if (line.startsWith("#")) throw fail("a comment");
      const sample = readSample(line, fail);
      const base =
        current !== null && /^(?:histogram|summary)$/.test(current.type)
          ? sample.name.replace(/_(?:bucket|sum|count)$/, "")
          : sample.name;
      if (current === null || base !== current.name) throw fail("a sample of another metric");
      const twin = current.samples.find(
        (other) => other.name === sample.name && keyOf(other.labels) === keyOf(sample.labels),
      );
      if (twin !== undefined) throw fail("a sample that was there before");
      if (current.type === "counter" && !(sample.value >= 0)) throw fail("a counter below 0");
      current.samples.push(sample);
    }
    const page = new Exposition(metrics);
    for (const metric of metrics.values()) if (metric.type === "histogram") page.#checkHistogram(metric);
    return page;
  }

  /** The sum of all samples of a name whose labels are at least these; 0 where there are none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const samples = [...this.metrics.values()].flatMap((metric) => metric.samples);
    return samples
      .filter((sample) => sample.name === name)
      .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
      .reduce((total, { value }) => total + value, 0);
  }

  #checkHistogram({ name, samples }: Metric): void {
    const series = new Map<string, Sample[]>();
    for (const sample of samples) {
      const { le: _, ...labels } = sample.labels;
      series.set(keyOf(labels), [...(series.get(keyOf(labels)) ?? []), sample]);
    }
    for (const [key, all] of series) {
      const buckets = all.filter((one) => one.name === `${name}_bucket`);
      const count = all.find((one) => one.name === `${name}_count`);
      if (buckets.at(-1)?.labels["le"] !== "+Inf") throw new Error(`${name}${key} has no last bucket`);
      if (count?.value !== buckets.at(-1)?.value) throw new Error(`${name}${key} does not add up`);
      if (!all.some((one) => one.name === `${name}_sum`)) throw new Error(`${name}${key} has no sum`);
      if (buckets.some(({ value }, index) => value < (buckets[index - 1]?.value ?? 0))) {
        throw new Error(`${name}${key} has buckets that shrink`);
      }
    }
  }
}

function readSample(line: string, fail: (why: string) => Error): Sample {
  const [, name, inner = "", number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) throw fail("no sample");
  const labels: Record<string, string> = {};
  for (let rest = inner; rest !== "";) {
    const [all, label, value] = LABEL.exec(rest) ?? [];
    if (all === undefined || label === undefined || !NAME.test(label)) throw fail("no label");
    if (Object.hasOwn(labels, label)) throw fail("a label twice");
    labels[label] = (value ?? "").replace(/\\(.)/g, (_, character: string) =>
      character === "n" ? "\n" : character,
    );
    rest = rest.slice(all.length);
  }
  const value = number === "+Inf" ? Infinity : number === "-Inf" ? -Infinity : Number(number);
  if (Number.isNaN(value) && number !== "NaN" && number !== "Nan") throw fail("no number");
  return { name, labels, value };
}

function keyOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
