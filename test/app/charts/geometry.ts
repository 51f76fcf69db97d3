// What may not happen in a drawing, found by its coordinates alone.
import { textWidth } from "#src/app/charts/text-size";
import type { Box, PlacedChart, Point } from "#src/app/charts/placed-chart";
import { FONTS, type PlacedText } from "#src/app/charts/placed-text";

/** Everything that is wrong with a drawing, in words; empty where it is in order. */
export function faultsOf(chart: PlacedChart): string[] {
  return [
    ...faultsOfStates(chart),
    ...faultsOfLabels(chart),
    ...faultsOfEdges(chart),
    ...faultsOfTexts(chart),
  ];
}

function faultsOfStates({ graph, states, width, height }: PlacedChart): string[] {
  const parents = new Map(graph.states.map(({ id, parent }) => [id, parent]));
  const boxes = new Map(states.map((state) => [state.id, state]));
  const faults: string[] = [];
  for (const state of states) {
    const parent = boxes.get(parents.get(state.id) ?? "");
    const frame = parent === undefined ? { x: 0, y: 0, width, height } : below(parent);
    if (!contains(frame, state)) faults.push(`${state.id} is not inside what is around it`);
    for (const other of states) {
      if (other.id <= state.id || parents.get(other.id) !== parents.get(state.id)) continue;
      if (overlap(state, other)) faults.push(`${state.id} lies on ${other.id}`);
    }
  }
  return faults;
}

function faultsOfLabels({ states, edges, width, height }: PlacedChart): string[] {
  const labels = edges.flatMap(({ label, transitions }) =>
    label === null ? [] : [{ ...label, name: transitions.join() }],
  );
  const solid = states.map((state) => ({ ...solidOf(state), name: state.id }));
  return labels.flatMap((label, index) => [
    ...(contains({ x: 0, y: 0, width, height }, label) ? [] : [`the label of ${label.name} is outside`]),
    ...[...labels.slice(index + 1), ...solid]
      .filter((other) => overlap(label, other))
      .map((other) => `the label of ${label.name} lies on ${other.name}`),
  ]);
}

function faultsOfEdges({ graph, states, edges, initials }: PlacedChart): string[] {
  const boxes = new Map(states.map((state) => [state.id, state]));
  const parents = new Map(graph.states.map(({ id, parent }) => [id, parent]));
  const around = (id: string | null | undefined): readonly string[] =>
    typeof id === "string" ? [id, ...around(parents.get(id))] : [];
  const faults: string[] = [];
  const arrows = [
    ...edges.map((edge) => ({ ...edge, name: edge.transitions.join() })),
    ...initials.map((one) => ({
      ...one,
      name: `the initial arrow of ${one.state}`,
      label: null,
      source: one.state,
      target: null,
    })),
  ];
  for (const { name, points, label, source, target } of arrows) {
    // What goes to a state inside another, or comes from one, may have to go through the head of the outer one.
    const outer = [...around(target), ...around(source)].filter(
      (id) => id !== target && id !== source && !(around(source).includes(id) && around(target).includes(id)),
    );
    if (points.length < 2) faults.push(`${name} has no way`);
    for (const [a, b] of stretches(points)) {
      if (a.x !== b.x && a.y !== b.y) faults.push(`${name} leans`);
      const stretch = boxAround(a, b);
      for (const state of states) {
        if (!outer.includes(state.id) && overlap(shrink(solidOf(state)), stretch))
          faults.push(`${name} goes through ${state.id}`);
      }
      for (const other of edges) {
        if (other.label === null || other.label === label) continue;
        if (overlap(shrink(other.label), stretch))
          faults.push(`${name} goes through the label of ${other.transitions.join()}`);
      }
    }
    const end = points.at(-1);
    const box = target === null ? undefined : boxes.get(target);
    if (end !== undefined && box !== undefined && !contains(grow(box), { ...end, width: 0, height: 0 })) {
      faults.push(`${name} does not end at its target`);
    }
  }
  return faults;
}

function faultsOfTexts({ states, edges }: PlacedChart): string[] {
  const check = (text: PlacedText, box: Box, name: string): string[] => {
    const { size } = FONTS[text.role];
    const isInside = contains(box, { x: text.x, y: text.y - size, width: text.width, height: size * 1.2 });
    const isMeasured = Math.abs(textWidth(text.text, FONTS[text.role]) - text.width) < 0.01;
    return isInside && isMeasured ? [] : [`"${text.text}" reaches beyond ${name}`];
  };
  return [
    ...states.flatMap((state) => state.texts.flatMap((text) => check(text, solidOf(state), state.id))),
    ...edges.flatMap(({ label }) =>
      label === null
        ? []
        : label.lines.flatMap((line) => line.texts.flatMap((text) => check(text, label, line.transition))),
    ),
  ];
}

/** What of a state nothing else may cover: all of it, or what stands above its inner states. */
function solidOf(state: Box & { readonly headHeight: number | null }): Box {
  const { x, y, width, height, headHeight } = state;
  return { x, y, width, height: headHeight ?? height };
}

function below(parent: Box & { readonly headHeight: number | null }): Box {
  const head = parent.headHeight ?? 0;
  return { ...parent, y: parent.y + head, height: parent.height - head };
}

function stretches(points: readonly Point[]): [Point, Point][] {
  return points.slice(1).flatMap((point, index) => {
    const before = points[index];
    return before === undefined ? [] : [[before, point] as [Point, Point]];
  });
}

function boxAround(a: Point, b: Point): Box {
  return {
    x: Math.min(a.x, b.x),
    y: Math.min(a.y, b.y),
    width: Math.abs(a.x - b.x),
    height: Math.abs(a.y - b.y),
  };
}

function shrink({ x, y, width, height }: Box): Box {
  return { x: x + 1, y: y + 1, width: width - 2, height: height - 2 };
}

function grow({ x, y, width, height }: Box): Box {
  return { x: x - 1, y: y - 1, width: width + 2, height: height + 2 };
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function contains(outer: Box, inner: Box): boolean {
  const near = 0.2;
  return (
    inner.x >= outer.x - near &&
    inner.y >= outer.y - near &&
    inner.x + inner.width <= outer.x + outer.width + near &&
    inner.y + inner.height <= outer.y + outer.height + near
  );
}
