// A chart that is laid out as an SVG: one picture for documents, and for pages that light its states and arrows.
// Invariant: well-formed whatever its names say, no script, nothing loaded from elsewhere. Each state is a
// `<g data-state="id">`, each transition that leads somewhere a `<g data-transition="id">`; a page lights them by the
// classes `lit` (a current state) and `taken` (a transition that was just taken).
import { captionOf, type ChartGraph, type ChartState, type ChartTransition } from "./graph.ts";
import type { PlacedChart, PlacedEdge, PlacedInitial, PlacedState, Point } from "./placed-chart.ts";
import type { PlacedText } from "./placed-text.ts";
import { CHART_STYLE } from "./svg-style.ts";
import { element, escapeXml } from "./svg-text.ts";

/** What an SVG says of itself. */
export interface SvgOptions {
  /** Its title for who cannot see it; the chart's name by default. */
  readonly title?: string;
  readonly description?: string;
  /** Whether its style sheet stands in it, as it does by default; a page may have it among its own: `CHART_STYLE`. */
  readonly isStyled?: boolean;
}

const CORNER = 9;
const BEND = 7;
const HEAD = { length: 8, half: 3.6 };
const RING = 3;

/** Draws a chart. */
export function chartSvg(chart: PlacedChart, options: SvgOptions = {}): string {
  const { graph, width, height } = chart;
  const { title = `The chart "${graph.id}"`, description = describe(graph), isStyled = true } = options;
  const states = new Map(graph.states.map((state) => [state.id, state]));
  const transitions = new Map(graph.transitions.map((transition) => [transition.id, transition]));
  return `${element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      class: "fettle-chart",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "data-chart": graph.id,
    },
    [
      `\n${element("title", {}, escapeXml(title))}`,
      `\n${element("desc", {}, escapeXml(description))}`,
      ...(isStyled ? [`\n${element("style", {}, CHART_STYLE)}`] : []),
      `\n${element("rect", { class: "ground", width, height })}`,
      ...chart.states.map((placed) => `\n${drawState(placed, states.get(placed.id))}`),
      ...chart.initials.map((placed) => `\n${drawInitial(placed)}`),
      ...chart.edges.map((placed) => `\n${drawEdge(placed, transitions)}`),
      "\n",
    ],
  )}\n`;
}

function describe({ kind, states, transitions }: ChartGraph): string {
  const names = states.slice(1).map(({ key }) => key);
  const what = kind === "machine" ? "states" : "steps";
  return `${names.length} ${what}: ${names.join(", ")}; ${transitions.length} transitions between them.`;
}

function drawState(placed: PlacedState, state: ChartState | undefined): string {
  const { id, x, y, width, height, rule, headHeight } = placed;
  const type = state?.type ?? "atomic";
  const classes = ["state", type];
  if (headHeight !== null) classes.push("around", ...(placed.depth % 2 === 1 ? ["odd"] : []));
  if (state?.isTransient === true) classes.push("transient");
  const parts = [
    element("title", {}, escapeXml(state?.description ?? state?.key ?? id)),
    element("rect", { class: "box", x, y, width, height, rx: CORNER }),
  ];
  if (type === "final") {
    const inner = { x: x + RING, y: y + RING, width: width - 2 * RING, height: height - 2 * RING };
    parts.push(element("rect", { class: "ring", ...inner, rx: CORNER - RING }));
  }
  if (rule !== null) parts.push(line({ x, y: rule }, width));
  if (headHeight !== null) parts.push(line({ x, y: y + headHeight }, width));
  return element("g", { class: classes.join(" "), "data-state": id }, [
    ...parts,
    ...placed.texts.map(drawText),
  ]);
}

function line({ x, y }: Point, width: number): string {
  return element("line", { class: "rule", x1: x, y1: y, x2: x + width, y2: y });
}

/** With the width that the layout reckoned with, so that another font fits too. */
function drawText({ role, text, x, y, width }: PlacedText): string {
  const textLength = Math.round(width * 10) / 10;
  return element(
    "text",
    { class: role, x: round(x), y: round(y), textLength, lengthAdjust: "spacingAndGlyphs" },
    escapeXml(text),
  );
}

function drawInitial({ state, x, y, radius, points }: PlacedInitial): string {
  return element("g", { class: "initial", "data-initial": state }, [
    element("circle", { class: "dot", cx: x, cy: y, r: radius }),
    ...drawArrow(points),
  ]);
}

/** Each transition has an arrow of its own, so that it can be lit; where several lie on each other the first is seen. */
function drawEdge(edge: PlacedEdge, transitions: ReadonlyMap<string, ChartTransition>): string {
  const { label, points } = edge;
  const box = label === null ? [] : [element("rect", { class: "label", ...boxOf(label), rx: 6 })];
  return element(
    "g",
    { class: "edge" },
    edge.transitions.flatMap((id, index) => {
      const transition = transitions.get(id);
      const classes = `transition kind-${transition?.kind ?? "event"}${index === 0 ? "" : " same"}`;
      const texts = label?.lines.find((one) => one.transition === id)?.texts ?? [];
      return element("g", { class: classes, "data-transition": id }, [
        ...(transition === undefined ? [] : [element("title", {}, escapeXml(toldOf(transition)))]),
        ...drawArrow(points),
        ...(index === 0 ? box : []),
        ...texts.map(drawText),
      ]);
    }),
  );
}

function toldOf(transition: ChartTransition): string {
  const { actions, source, targets } = transition;
  const deeds = actions.length === 0 ? "" : ` / ${actions.join(", ")}`;
  return `${captionOf(transition)}${deeds}: ${source} → ${targets.join(", ")}`;
}

function boxOf({ x, y, width, height }: PlacedEdge["label"] & object) {
  return { x, y, width, height };
}

function drawArrow(points: readonly Point[]): readonly string[] {
  const end = points.at(-1);
  const before = points.at(-2);
  if (end === undefined || before === undefined) return [];
  const [dx, dy] = [Math.sign(end.x - before.x), Math.sign(end.y - before.y)];
  const back = { x: end.x - dx * HEAD.length, y: end.y - dy * HEAD.length };
  const wing = { x: dy * HEAD.half, y: dx * HEAD.half };
  const head = [end, { x: back.x + wing.x, y: back.y + wing.y }, { x: back.x - wing.x, y: back.y - wing.y }];
  return [
    element("path", { class: "path", d: pathOf([...points.slice(0, -1), back]) }),
    element("path", { class: "head", d: `M${head.map(pair).join("L")}Z` }),
  ];
}

/** A path with its bends rounded. */
function pathOf(points: readonly Point[]): string {
  const parts = points.map((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined) return `M${pair(point)}`;
    if (after === undefined) return `L${pair(point)}`;
    const from = towards(point, before);
    const to = towards(point, after);
    return `L${pair(from)}Q${pair(point)} ${pair(to)}`;
  });
  return parts.join("");
}

/** A place near a bend, towards its neighbour: at most half the way, so that two bends never cross. */
function towards(point: Point, other: Point): Point {
  const length = Math.hypot(other.x - point.x, other.y - point.y);
  const part = length === 0 ? 0 : Math.min(BEND, length / 2) / length;
  return { x: point.x + (other.x - point.x) * part, y: point.y + (other.y - point.y) * part };
}

function pair({ x, y }: Point): string {
  return `${round(x)} ${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
