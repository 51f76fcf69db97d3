// A chart as text for a terminal: each state where it stands, with what it does and what leads away from it.
// Invariant: every state and every transition is there, in reading order.
import {
  captionOf,
  isIgnored,
  waysInto,
  type ChartGraph,
  type ChartState,
  type ChartTransition,
} from "./graph.ts";

/** The outline, without a new line at its end; what others wrote in it is as they wrote it. */
export function chartOutline(graph: ChartGraph): string {
  const wayInto = waysInto(graph);
  return graph.states
    .flatMap((state) => {
      const indent = "  ".repeat(wayInto(state.id).length);
      const own = graph.transitions.filter(({ source }) => source === state.id);
      return [
        `${indent}${titleOf(state, graph)}`,
        ...linesOf(state).map((line) => `${indent}    ${line}`),
        ...own.map((transition) => `${indent}    ${transitionText(transition, graph)}`),
      ];
    })
    .join("\n");
}

function titleOf({ id, key, type, description }: ChartState, { states }: ChartGraph): string {
  const isInitial = states.some(({ initial }) => initial === id);
  const kind = type === "final" ? " (end)" : type === "parallel" || type === "history" ? ` (${type})` : "";
  return `${isInitial ? "→ " : ""}${key}${kind}${description === null ? "" : `: ${description}`}`;
}

function linesOf({ entry, invokes, exit, tags, facts }: ChartState): readonly string[] {
  return [
    ...entry.map((name) => `entry / ${name}`),
    ...invokes.map(({ source }) => `do / ${source}`),
    ...exit.map((name) => `exit / ${name}`),
    ...(tags.length === 0 ? [] : [`tags ${tags.join(", ")}`]),
    ...facts.map(({ name, text }) => `${name} ${text}`),
  ];
}

function transitionText(transition: ChartTransition, { states }: ChartGraph): string {
  const caption = captionOf(transition);
  if (isIgnored(transition)) return `${caption} is ignored`;
  const deeds = transition.actions.length === 0 ? "" : ` / ${transition.actions.join(", ")}`;
  const targets = transition.targets.map((id) => states.find((state) => state.id === id)?.key ?? id);
  const way = targets.length === 0 ? "" : `→ ${targets.join(", ")}`;
  return [`${caption}${deeds}`.trim(), way].filter((part) => part !== "").join(" ");
}
