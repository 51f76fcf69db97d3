// Where each state, arrow and label of a chart is drawn. ELK's layered layout finds the places; it is loaded when the
// first chart is drawn, since few programs draw one.
// Invariant: the same chart gives the same places; no box or label lies on another, no text reaches beyond its box.
import type { ElkExtendedEdge, ElkNode, LayoutOptions } from "elkjs/lib/elk-api.js";
import { cardOf, type Card } from "./card.ts";
import { labelOf, type EdgeLabel } from "./edge-label.ts";
import { waysInto, type ChartGraph, type ChartState, type ChartTransition } from "./graph.ts";
import type { Box, PlacedChart, PlacedEdge, PlacedInitial, PlacedState, Point } from "./placed-chart.ts";
import { moveTexts } from "./placed-text.ts";

/** How a chart is laid out. */
export interface ChartLayoutOptions {
  /** Whether it is read downwards (the default) or to the right. */
  readonly direction?: "down" | "right";
}

const DOT_RADIUS = 5;
const TEXT_WIDTH = { leaf: 190, around: 340 };
const MARGIN = 16;
const INSET = 18;
const OPTIONS: LayoutOptions = {
  "elk.algorithm": "layered",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.padding": padding(MARGIN, MARGIN),
};
// ELK takes these from the state around, each time anew.
const LAYERS: LayoutOptions = {
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.layered.spacing.nodeNodeBetweenLayers": "34",
  "elk.layered.spacing.edgeNodeBetweenLayers": "18",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
  "elk.spacing.nodeNode": "28",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "12",
  "elk.spacing.edgeLabel": "4",
  "elk.spacing.labelLabel": "6",
};

/** How hard ELK looks for good places: up to so many states and arrows as well as it can, beyond that in time. */
const CAREFUL: LayoutOptions = { "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX" };
const QUICK: LayoutOptions = {
  "elk.layered.nodePlacement.strategy": "BRANDES_KOEPF",
  "elk.layered.thoroughness": "1",
};
const MOST_CAREFUL = 200;

/** What is known of a chart before it is laid out. */
interface Plan {
  readonly graph: ChartGraph;
  readonly direction: "DOWN" | "RIGHT";
  readonly cards: ReadonlyMap<string, Card>;
  /** What ELK knows the states by: nothing that somebody else chose. */
  readonly names: ReadonlyMap<string, string>;
  readonly bundles: readonly Bundle[];
  /** What ELK is told of the inside of each state. */
  readonly layers: LayoutOptions;
}

/** One arrow to be routed, and what stands on it. */
interface Bundle {
  readonly source: string;
  readonly target: string;
  readonly transitions: readonly ChartTransition[];
  readonly label: EdgeLabel | null;
  /** Whether it leads back, against the direction of reading; ELK is then given its reverse. */
  readonly isBack: boolean;
}

/** Lays a chart out. */
export async function layoutChart(
  graph: ChartGraph,
  { direction = "down" }: ChartLayoutOptions = {},
): Promise<PlacedChart> {
  const { default: elk } = await import("elkjs/lib/elk.bundled.js");
  const parents = new Set(graph.states.map(({ parent }) => parent));
  const bundles = bundlesOf(graph);
  const isLarge = graph.states.length + bundles.length > MOST_CAREFUL;
  const plan: Plan = {
    graph,
    direction: direction === "down" ? "DOWN" : "RIGHT",
    cards: new Map(graph.states.map((state) => [state.id, cardFor(state, { graph, parents })])),
    names: new Map(graph.states.map(({ id }, index) => [id, `s${index}`])),
    bundles,
    layers: { ...LAYERS, ...(isLarge ? QUICK : CAREFUL) },
  };
  const drawing: ElkNode = {
    id: "drawing",
    layoutOptions: { ...OPTIONS, ...plan.layers, "elk.direction": plan.direction },
    children: childrenOf(null, plan),
    edges: [...plan.bundles.map((bundle, index) => edgeOf(bundle, `e${index}`, plan)), ...initialEdges(plan)],
  };
  const laid: ElkNode = await new elk.default().layout(drawing);
  const boxes = new Map(withInner(laid).map((node) => [node.id, boxOf(node)]));
  const routes = new Map((laid.edges ?? []).map((edge) => [edge.id, edge]));
  const wayInto = waysInto(graph);
  const states = graph.states.map((state) => placeState(state, { plan, parents, boxes, wayInto }));
  const byId = new Map(states.map((state) => [state.id, state]));
  return {
    graph,
    width: Math.ceil(laid.width ?? 0),
    height: Math.ceil(laid.height ?? 0),
    states,
    edges: plan.bundles.map((bundle, index) => placeEdge(bundle, routes.get(`e${index}`), byId)),
    initials: statesWithInitial(graph).map((state) => placeInitial(state, { plan, boxes, routes })),
  };
}

/** The arrows, in reading order; transitions that only do something where they are have none. */
function bundlesOf(graph: ChartGraph): readonly Bundle[] {
  const groups = new Map<string, { source: string; target: string; transitions: ChartTransition[] }>();
  for (const transition of graph.transitions) {
    for (const target of transition.targets) {
      const key = JSON.stringify([transition.source, target]);
      const group = groups.get(key) ?? { source: transition.source, target, transitions: [] };
      group.transitions.push(transition);
      groups.set(key, group);
    }
  }
  const isBack = backwards(graph);
  return [...groups.values()].map((group) => ({
    ...group,
    label: labelOf(group.transitions),
    isBack: isBack(group.source, group.target),
  }));
}

/**
 * Tells which arrows lead back: those to a state that its author wrote before, at the level where both ways part.
 * Steps of a workflow may stand in any order, and never lead back.
 */
function backwards(graph: ChartGraph): (source: string, target: string) => boolean {
  if (graph.kind === "workflow") return () => false;
  const places = new Map(graph.states.map(({ id }, index) => [id, index]));
  const wayInto = waysInto(graph);
  return (source, target) => {
    const [from, to] = [wayInto(source), wayInto(target)];
    const level = from.findIndex((id, index) => to[index] !== id);
    const [here, there] = [from[level], to[level]];
    return here !== undefined && there !== undefined && (places.get(there) ?? 0) < (places.get(here) ?? 0);
  };
}

function cardFor(
  state: ChartState,
  { graph, parents }: { readonly graph: ChartGraph; readonly parents: ReadonlySet<string | null> },
): Card {
  const inner = graph.transitions.filter(
    ({ source, targets }) => source === state.id && targets.length === 0,
  );
  return cardOf(state, inner, { textWidth: parents.has(state.id) ? TEXT_WIDTH.around : TEXT_WIDTH.leaf });
}

function childrenOf(parent: string | null, plan: Plan): ElkNode[] {
  return plan.graph.states.filter((state) => state.parent === parent).map((state) => nodeOf(state, plan));
}

function nodeOf(state: ChartState, plan: Plan): ElkNode {
  const card = plan.cards.get(state.id);
  const id = nameOf(state.id, plan);
  const { width = 0, height = 0 } = card ?? {};
  const children = childrenOf(state.id, plan);
  if (children.length === 0) return { id, width, height };
  const dot: ElkNode = { id: `i${id}`, width: 2 * DOT_RADIUS, height: 2 * DOT_RADIUS };
  return {
    id,
    layoutOptions: {
      ...plan.layers,
      "elk.padding": padding(INSET + height, INSET),
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      // ELK lays out to the right and turns the drawing afterwards, but not what it was told of least sizes.
      "elk.nodeSize.minimum": plan.direction === "DOWN" ? `(${height},${width})` : `(${width},${height})`,
    },
    children: state.initial === null ? children : [dot, ...children],
  };
}

function edgeOf({ source, target, label, isBack }: Bundle, id: string, plan: Plan): ElkExtendedEdge {
  const [from, to] = isBack ? [target, source] : [source, target];
  return {
    id,
    sources: [nameOf(from, plan)],
    targets: [nameOf(to, plan)],
    ...(label === null
      ? {}
      : {
          labels: [
            {
              id: `${id}l`,
              // ELK places no label without a text; what stands there is drawn by its lines.
              text: "label",
              width: label.width,
              height: label.height,
              layoutOptions: { "elk.edgeLabels.inline": "true", "elk.edgeLabels.placement": "CENTER" },
            },
          ],
        }),
  };
}

function initialEdges(plan: Plan): ElkExtendedEdge[] {
  return statesWithInitial(plan.graph).map(({ id, initial }) => {
    const name = nameOf(id, plan);
    return { id: `ie${name}`, sources: [`i${name}`], targets: [nameOf(initial ?? "", plan)] };
  });
}

function statesWithInitial({ states }: ChartGraph): readonly ChartState[] {
  return states.filter(({ initial }) => initial !== null);
}

function placeState(
  state: ChartState,
  found: {
    readonly plan: Plan;
    readonly parents: ReadonlySet<string | null>;
    readonly boxes: ReadonlyMap<string, Box>;
    readonly wayInto: (id: string) => readonly string[];
  },
): PlacedState {
  const box = found.boxes.get(nameOf(state.id, found.plan)) ?? NOWHERE;
  const card = found.plan.cards.get(state.id);
  return {
    id: state.id,
    ...box,
    depth: found.wayInto(state.id).length - 1,
    texts: moveTexts(card?.texts ?? [], box),
    rule: card === undefined || card.rule === null ? null : box.y + card.rule,
    headHeight: card !== undefined && found.parents.has(state.id) ? card.height : null,
  };
}

function placeEdge(
  { source, target, transitions, label, isBack }: Bundle,
  route: ElkExtendedEdge | undefined,
  boxes: ReadonlyMap<string, PlacedState>,
): PlacedEdge {
  const box = boxOf(route?.labels?.[0] ?? {});
  const points = isBack ? pointsOf(route).toReversed() : pointsOf(route);
  return {
    transitions: transitions.map(({ id }) => id),
    source,
    target,
    points: belowHead(belowHead(points, boxes.get(source)).toReversed(), boxes.get(target)).toReversed(),
    label:
      label === null
        ? null
        : {
            ...box,
            lines: label.lines.map(({ transition, texts }) => ({ transition, texts: moveTexts(texts, box) })),
          },
  };
}

/** An arrow between a state and one inside it starts, or ends, under what the state says, not at its upper edge. */
function belowHead(points: readonly Point[], state: PlacedState | undefined): readonly Point[] {
  const [first, second] = points;
  if (first === undefined || second === undefined || state === undefined || state.headHeight === null) {
    return points;
  }
  const under = state.y + state.headHeight;
  const startsInside = first.x === second.x && first.y < under && second.y > under;
  return startsInside ? [{ x: first.x, y: under }, ...points.slice(1)] : points;
}

function placeInitial(
  { id }: ChartState,
  found: {
    readonly plan: Plan;
    readonly boxes: ReadonlyMap<string, Box>;
    readonly routes: ReadonlyMap<string, ElkExtendedEdge>;
  },
): PlacedInitial {
  const name = nameOf(id, found.plan);
  const { x, y } = found.boxes.get(`i${name}`) ?? NOWHERE;
  return {
    state: id,
    x: x + DOT_RADIUS,
    y: y + DOT_RADIUS,
    radius: DOT_RADIUS,
    points: pointsOf(found.routes.get(`ie${name}`)),
  };
}

const NOWHERE: Box = { x: 0, y: 0, width: 0, height: 0 };

function boxOf({ x = 0, y = 0, width = 0, height = 0 }: Partial<Box>): Box {
  return { x: round(x), y: round(y), width: round(width), height: round(height) };
}

/** A route's points; what ELK lets lean by less than a pixel stands upright. */
function pointsOf(edge: ElkExtendedEdge | undefined): readonly Point[] {
  const points = (edge?.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [
    startPoint,
    ...bendPoints,
    endPoint,
  ]);
  const upright: Point[] = [];
  for (const { x, y } of points) {
    const before = upright.at(-1);
    const isNear = (a: number, b: number | undefined) => b !== undefined && Math.abs(a - b) < 1;
    upright.push({
      x: isNear(x, before?.x) ? (before?.x ?? x) : round(x),
      y: isNear(y, before?.y) ? (before?.y ?? y) : round(y),
    });
  }
  return upright;
}

/** To a tenth of a pixel: as exact as can be seen, and short to write. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function nameOf(id: string, { names }: Plan): string {
  return names.get(id) ?? "";
}

function withInner(node: ElkNode): readonly ElkNode[] {
  return [node, ...(node.children ?? []).flatMap(withInner)];
}

function padding(top: number, other: number): string {
  return `[top=${top},left=${other},bottom=${other},right=${other}]`;
}
