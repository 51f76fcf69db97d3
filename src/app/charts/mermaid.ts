// A chart as a Mermaid diagram, for documents that draw those themselves: a state diagram of a machine, a flowchart of
// a workflow.
// Invariant: Mermaid reads it whatever its names say; each arrow of the chart is there.
import { captionOf, waysInto, type ChartGraph, type ChartState, type ChartTransition } from "./graph.ts";
import { mermaidNames, mermaidText } from "./mermaid-text.ts";

/** The diagram, as text that ends in a new line. */
export function chartMermaid(graph: ChartGraph): string {
  const lines = graph.kind === "machine" ? stateDiagram(graph) : flowchart(graph);
  return `${lines.join("\n")}\n`;
}

interface Diagram {
  readonly graph: ChartGraph;
  readonly names: ReadonlyMap<string, string>;
  readonly wayInto: (id: string) => readonly string[];
}

function diagramOf(graph: ChartGraph): Diagram {
  return { graph, names: mermaidNames(graph.states.map(({ id }) => id)), wayInto: waysInto(graph) };
}

/** The root is not drawn, it is the diagram; but states side by side need one around them. */
function stateDiagram(graph: ChartGraph): readonly string[] {
  const diagram = diagramOf(graph);
  const top = graph.states.slice(0, 1);
  const draw = ({ type }: ChartState) => (type === "parallel" ? declaration : inside);
  return ["stateDiagram-v2", "  direction TB", ...top.flatMap((root) => draw(root)(root, diagram, "  "))];
}

/** What stands in a state: the states in it, where it begins, and the arrows that do not leave it. */
function inside(state: ChartState, diagram: Diagram, indent: string): readonly string[] {
  const { graph, wayInto } = diagram;
  const inner = graph.states.filter(({ parent }) => parent === state.id);
  const fromAny = graph.transitions.some(
    ({ source, targets }) =>
      source === state.id && targets.some((target) => isAround(source, target, diagram)),
  );
  const regions = inner.map((one) => declaration(one, diagram, indent));
  return [
    ...(state.type === "parallel"
      ? regions.flatMap((lines, index) => (index === 0 ? lines : [`${indent}--`, ...lines]))
      : regions.flat()),
    ...(fromAny
      ? [`${indent}state "any state of ${mermaidText(state.key)}" as ${anyName(diagram, state.id)}`]
      : []),
    ...(state.initial === null ? [] : [`${indent}[*] --> ${nameOf(diagram, state.initial)}`]),
    ...inner
      .filter(({ type }) => type === "final")
      .map(({ id }) => `${indent}${nameOf(diagram, id)} --> [*]`),
    ...graph.transitions.flatMap((transition) =>
      transition.targets
        .filter((target) => innermost(transition.source, target, wayInto) === state.id)
        .map((target) => indent + arrow(transition, target, diagram)),
    ),
  ];
}

function declaration(state: ChartState, diagram: Diagram, indent: string): readonly string[] {
  const name = nameOf(diagram, state.id);
  const own = `${indent}state "${mermaidText(state.key)}" as ${name}`;
  if (state.type === "compound" || state.type === "parallel") {
    return [`${own} {`, ...inside(state, diagram, `${indent}  `), `${indent}}`];
  }
  const doing = state.invokes.map(({ source }) => `do / ${source}`);
  return [own, ...doing.map((text) => `${indent}${name} : ${mermaidText(text)}`)];
}

function arrow(transition: ChartTransition, target: string, diagram: Diagram): string {
  const { source } = transition;
  const start = isAround(source, target, diagram) ? anyName(diagram, source) : nameOf(diagram, source);
  const caption = captionOf(transition);
  return `${start} --> ${nameOf(diagram, target)}${caption === "" ? "" : ` : ${mermaidText(caption)}`}`;
}

/** The id of the innermost state that holds both ends of an arrow; of one from a state into itself, that state. */
function innermost(
  source: string,
  target: string,
  wayInto: (id: string) => readonly string[],
): string | undefined {
  const around = new Set(wayInto(target).slice(0, -1));
  return wayInto(source)
    .filter((id) => around.has(id))
    .at(-1);
}

/** Mermaid draws no arrow from a state to one in it: one that stands for any state starts it. */
function anyName(diagram: Diagram, id: string): string {
  return `${nameOf(diagram, id)}__any`;
}

function isAround(outer: string, id: string, { wayInto }: Diagram): boolean {
  return wayInto(id).slice(0, -1).includes(outer);
}

function flowchart(graph: ChartGraph): readonly string[] {
  const diagram = diagramOf(graph);
  return [
    "flowchart TB",
    ...graph.states.slice(1).map((state) => `  ${nameOf(diagram, state.id)}["${stepText(state)}"]`),
    ...graph.transitions.flatMap(({ source, targets }: ChartTransition) =>
      targets.map((target) => `  ${nameOf(diagram, source)} --> ${nameOf(diagram, target)}`),
    ),
  ];
}

function stepText({ key, facts }: ChartState): string {
  return [mermaidText(key), ...facts.map(({ name, text }) => mermaidText(`${name} ${text}`))].join("<br/>");
}

function nameOf({ names }: Diagram, id: string): string {
  return names.get(id) ?? "chart__";
}
