// SVGs are well-formed whatever they show, say what they show, and can be lit.
import { createMachine } from "xstate";
import { describe, expect, it } from "vitest";
import { planWorkflow, type WorkflowStep } from "#src/core/dag";
import { storedStep } from "#src/core/workflow";
import { OWN_CHARTS } from "#src/app/charts/charts";
import { layoutChart } from "#src/app/charts/layout";
import { machineGraph } from "#src/app/charts/machine-graph";
import { chartSvg } from "#src/app/charts/svg";
import { CHART_STYLE } from "#src/app/charts/svg-style";
import { workflowGraph } from "#src/app/charts/workflow-graph";
import type { ChartGraph } from "#src/app/charts/graph";
import { itemMachine } from "fettle/machines";
import { faultsOf } from "./geometry.ts";
import { elementsOf, readXml, textOf, type XmlElement } from "./xml.ts";

async function draw(
  graph: ChartGraph,
): Promise<{ readonly svg: string; readonly elements: readonly XmlElement[] }> {
  const svg = chartSvg(await layoutChart(graph));
  return { svg, elements: elementsOf(readXml(svg)) };
}

function marked(elements: readonly XmlElement[], name: string): readonly string[] {
  return elements.flatMap(({ attributes }) => attributes[name] ?? []);
}

it.each(OWN_CHARTS.map(({ name, machine }) => [name, machine] as const))(
  "marks every state and every arrow of the chart %s with its id",
  async (name, machine) => {
    const graph = machineGraph(machine);
    const { elements } = await draw(graph);
    expect(elements[0]).toMatchObject({ name: "svg", attributes: { role: "img", "data-chart": name } });
    expect(marked(elements, "data-state")).toEqual(graph.states.map(({ id }) => id));
    const leading = graph.transitions.filter(({ targets }) => targets.length > 0);
    expect([...marked(elements, "data-transition")].sort()).toEqual(leading.map(({ id }) => id).sort());
    expect(marked(elements, "data-initial")).toEqual(
      graph.states.filter(({ initial }) => initial !== null).map(({ id }) => id),
    );
    const [title, description] = ["title", "desc"].map((tag) =>
      elements.find((element) => element.name === tag),
    );
    expect(title === undefined ? "" : textOf(title)).toBe(`The chart "${name}"`);
    expect(description === undefined ? "" : textOf(description)).toContain(graph.states.at(-1)?.key);
  },
);

it("can be lit, in light and in dark, and loads and runs nothing", async () => {
  const { svg, elements } = await draw(machineGraph(OWN_CHARTS[1]?.machine ?? createMachine({})));
  for (const rule of [".lit>.box", ".taken>.path", "prefers-color-scheme:dark"]) expect(svg).toContain(rule);
  expect(new Set(elements.map(({ name }) => name))).toEqual(
    new Set(["svg", "title", "desc", "style", "rect", "g", "line", "text", "circle", "path"]),
  );
  expect(svg.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|url\(|@import|href|\son\w+=/,
  );
});

it("leaves its style sheet to a page that has it already", async () => {
  const chart = await layoutChart(machineGraph(itemMachine));
  expect(chartSvg(chart)).toContain(`<style>${CHART_STYLE}</style>`);
  expect(chartSvg(chart, { isStyled: false })).not.toContain("<style>");
});

it("gives every text the width that its box was made for", async () => {
  const { elements } = await draw(machineGraph(OWN_CHARTS[0]?.machine ?? createMachine({})));
  const texts = elements.filter(({ name }) => name === "text");
  expect(texts.length).toBeGreaterThan(30);
  for (const { attributes } of texts) expect(Number(attributes["textLength"])).toBeGreaterThan(0);
});

describe("what others wrote", () => {
  const HOSTILE = [
    `"><script>alert(1)</script>`,
    "a & b < c > 'd' &amp; &#0;",
    "]]> <!-- --> <?xml?> <![CDATA[",
    "null\u0000 bell\u0007 escape\u001b lone\ud800 end\ufffe",
    "</text></svg>",
    "é ü 漢字 🦊 ‮ right to left",
    "W".repeat(500),
  ];

  it("stands in a drawing as text, and does nothing else", async () => {
    const steps = HOSTILE.map((text, index): WorkflowStep => ({
      id: `step-${index}`,
      agent: text,
      task: text,
      when: { path: [text], equals: text },
      ...(index === 0 ? {} : { dependsOn: [index - 1] }),
    }));
    const graph = workflowGraph("hostile", planWorkflow(steps).map(storedStep));
    const chart = await layoutChart(graph);
    expect(faultsOf(chart)).toEqual([]);
    const elements = elementsOf(
      readXml(chartSvg(chart, { title: HOSTILE[0] ?? "", description: HOSTILE[3] ?? "" })),
    );
    expect(elements.map(({ name }) => name)).not.toContain("script");
    const shown = elements.filter(({ name }) => name === "text").map(textOf);
    expect(shown).toContain(HOSTILE[0]);
    expect(shown.some((text) => text.includes("漢字 🦊"))).toBe(true);
    expect(marked(elements, "data-state")).toHaveLength(HOSTILE.length + 1);
  });

  it("may be in the names of states, events and guards", async () => {
    const machine = createMachine({
      id: HOSTILE[0] ?? "",
      initial: "a",
      states: {
        a: {
          on: Object.fromEntries(HOSTILE.map((name) => [name, { target: "b", guard: name }])),
        },
        b: { description: HOSTILE.join(" "), type: "final" },
      },
    });
    const { elements } = await draw(machineGraph(machine));
    expect(elements.map(({ name }) => name)).not.toContain("script");
    expect(marked(elements, "data-transition")).toHaveLength(HOSTILE.length);
  });
});
