// The dashboard and the page on metrics, held against the metrics that there are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { createMetrics } from "fettle";
import type { ReadingName } from "#src/core/telemetry";
import { makeMeters, makeReadMeter } from "#src/observe/meters";
import { rowsOf } from "../docs/markdown.ts";
import { Exposition } from "../harness/exposition.ts";
import { projectRoot } from "../harness/program.ts";

interface Meter {
  readonly name: string;
  readonly labelNames: readonly string[];
}

const READINGS: Readonly<Record<ReadingName, true>> = {
  "tasks-running": true,
  "tasks-queued": true,
  "mailbox-messages": true,
  actors: true,
  nodes: true,
  isolates: true,
  "isolate-spares": true,
  "guests-waiting": true,
  "isolate-kills": true,
};
const readings = Object.keys(READINGS) as ReadingName[];

/** The labels of each metric, by its name. */
function labels(): ReadonlyMap<string, readonly string[]> {
  const registry = new Registry();
  makeMeters(registry);
  for (const name of readings) makeReadMeter(registry, name);
  const meters = registry.getMetricsAsArray() as unknown as readonly Meter[];
  return new Map([
    ["fettle_info", ["version"]],
    ...meters.map(({ name, labelNames }) => [name, labelNames] as const),
  ]);
}

/** Everything that the page of a process can show. */
async function page(): Promise<Exposition> {
  const metrics = createMetrics();
  for (const name of readings) metrics.read(name, () => []);
  return Exposition.parse(await metrics.text());
}

describe("docs/metrics.md", () => {
  it("has every metric with its type and its labels, and no other", async () => {
    const text = readFileSync(join(projectRoot, "docs/metrics.md"), "utf8");
    const rows = [...rowsOf(text)].filter(([name]) => name.startsWith("fettle_"));
    const told = rows.map(([name, [type, names = ""]]) => [name, type, names.replaceAll("`", "")]);
    const { metrics } = await page();
    const own = [...labels()].map(([name, names]) => [name, metrics.get(name)?.type, names.join(", ")]);
    expect(told.sort()).toEqual(own.sort());
  });
});

describe("the tests of the metrics", () => {
  it("see each of them change by what really happens", () => {
    const files = ["observe/metrics", "observe/counts", "nodes/metrics", "sandbox/watchdog"];
    const tests = files
      .map((name) => readFileSync(join(projectRoot, `test/${name}.test.ts`), "utf8"))
      .join("");
    const asked = tests.match(/(?:sum|counted)\("fettle_\w+/g) ?? [];
    const seen = new Set(asked.map((one) => one.replace(/^.*"/, "").replace(/_(?:bucket|sum|count)$/, "")));
    expect([...labels().keys()].filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe("the dashboard", () => {
  const dashboard = JSON.parse(readFileSync(join(projectRoot, "docs/grafana/fettle.json"), "utf8")) as {
    readonly panels: readonly {
      readonly title: string;
      readonly targets?: readonly { readonly expr: string }[];
    }[];
  };
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const),
  );

  it("shows every metric that a mesh has, and asks for none that there is not", async () => {
    const { metrics } = await page();
    const known = new Set(
      [...metrics.values()].flatMap(({ name, type }) =>
        type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
      ),
    );
    const asked = queries.flatMap(([, expr]) => expr.match(/\b(?:fettle|process|nodejs)_\w+/g) ?? []);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
    const shown = new Set(asked.map((name) => name.replace(/_(?:bucket|sum|count)$/, "")));
    expect([...labels().keys()].filter((name) => name !== "fettle_info" && !shown.has(name))).toEqual([]);
  });

  it.each(queries)("%s: groups and filters by labels that the metrics have (%s)", (_, expr) => {
    const byScraper = ["job", "instance", "le"];
    const names = (expr.match(/\bfettle_\w+/g) ?? []).map((name) =>
      name.replace(/_(?:bucket|sum|count)$/, ""),
    );
    const all = names.map((name) => labels().get(name) ?? []);
    const filtered = [...expr.matchAll(/(fettle_\w+)\{([^}]*)\}/g)];
    for (const [, name = "", filter = ""] of filtered) {
      const own = labels().get(name.replace(/_(?:bucket|sum|count)$/, "")) ?? [];
      for (const [, label = ""] of filter.matchAll(/(\w+)(?:=~|=)/g))
        expect([...own, ...byScraper]).toContain(label);
    }
    for (const [, list = ""] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of list.split(", ")) {
        for (const own of all) expect([...own, ...byScraper]).toContain(label);
      }
    }
  });
});
