// A chart on the page: drawn as for documents, with what is active lit, to be scrolled, dragged and zoomed.
// Invariant: the drawing is parsed as XML and never as HTML; lighting changes classes and nothing else.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { PlacedChart } from "../../../charts/placed-chart.ts";
import { chartSvg } from "../../../charts/svg.ts";
import { startDrag } from "../dragging.ts";
import { wantsStillness } from "../theme.ts";
import { useZoom } from "../zoom.ts";
import { Icon } from "./icon.tsx";

/** What a chart shows besides itself. */
export interface ChartViewProps {
  readonly chart: PlacedChart;
  readonly title: string;
  /** What stands above it, beside the buttons. */
  readonly caption?: ComponentChildren;
  /** The ids of the active states. */
  readonly lit?: readonly string[];
  /** The ids of the transitions that led there. */
  readonly taken?: readonly string[];
  /** Classes for states, by their ids: how steps stand, what colour is lit. */
  readonly marks?: Readonly<Record<string, string>>;
  readonly onPick?: (state: string) => void;
  /** Whether it keeps what is lit in sight. */
  readonly follows?: boolean;
}

/** Draws a chart. */
export function ChartView({
  chart,
  title,
  caption,
  lit = [],
  taken = [],
  marks = {},
  onPick,
  follows = false,
}: ChartViewProps) {
  const view = useRef<HTMLDivElement>(null);
  const paper = useRef<HTMLDivElement>(null);
  const svg = useMemo(() => chartSvg(chart, { title, isStyled: false }), [chart, title]);
  useLayoutEffect(() => {
    const drawing = new DOMParser().parseFromString(svg, "image/svg+xml");
    paper.current?.replaceChildren(document.importNode(drawing.documentElement, true));
  }, [svg]);
  const { scale, isMeasured, closer, further, fit } = useZoom({ view, paper, chart, svg });
  // With the rest of the page: a chart that is a frame behind its caption contradicts it.
  useLayoutEffect(() => {
    light(paper.current, { lit, taken, marks });
  }, [svg, lit.join(" "), taken.join(" "), JSON.stringify(marks)]);
  useEffect(() => {
    if (follows && isMeasured) keepInSight(view.current, lit.at(-1));
  }, [svg, lit.at(-1), follows, isMeasured]);

  return (
    <div class="chart">
      <div class="chart-head">
        <div class="chart-caption">{caption}</div>
        <div class="chart-tools" role="group" aria-label={`Size of: ${title}`}>
          <small class="quiet">{Math.round(scale * 100)} %</small>
          <button type="button" class="plain" onClick={further} aria-label="Further">
            <Icon name="minus" />
          </button>
          <button type="button" class="plain" onClick={fit} aria-label="As a whole">
            <Icon name="fit" />
          </button>
          <button type="button" class="plain" onClick={closer} aria-label="Closer">
            <Icon name="plus" />
          </button>
        </div>
      </div>
      <div
        ref={view}
        class="chart-view"
        tabIndex={0}
        role="group"
        aria-label={title}
        onKeyDown={(event) => {
          if (event.key === "+" || event.key === "=") closer();
          else if (event.key === "-") further();
          else if (event.key === "0") fit();
          else return;
          event.preventDefault();
        }}
        onPointerDown={(event) => startDrag(event.currentTarget, event)}
      >
        <div
          ref={paper}
          class={onPick === undefined ? "paper" : "paper pickable"}
          onClick={(event) => {
            const state = (event.target as Element).closest<SVGElement>("[data-state]")?.dataset["state"];
            if (state !== undefined) onPick?.(state);
          }}
        />
      </div>
    </div>
  );
}

function light(
  paper: HTMLElement | null,
  { lit, taken, marks }: Required<Pick<ChartViewProps, "lit" | "taken" | "marks">>,
): void {
  for (const group of paper?.querySelectorAll<SVGElement>("[data-state]") ?? []) {
    const id = group.dataset["state"] ?? "";
    group.classList.toggle("lit", lit.includes(id));
    for (const name of [...group.classList]) if (name.startsWith("hue-")) group.classList.remove(name);
    const mark = marks[id];
    if (mark !== undefined) group.classList.add(mark);
  }
  for (const group of paper?.querySelectorAll<SVGElement>("[data-transition]") ?? []) {
    group.classList.toggle("taken", taken.includes(group.dataset["transition"] ?? ""));
  }
}

/** What is this near to the edge is out of sight, in pixels. */
const EDGE = 36;

function keepInSight(view: HTMLElement | null, state: string | undefined): void {
  if (view === null || state === undefined) return;
  const group = [...view.querySelectorAll<SVGElement>("[data-state]")].find(
    (one) => one.dataset["state"] === state,
  );
  const box = group?.querySelector(".box")?.getBoundingClientRect();
  if (box === undefined) return;
  const frame = view.getBoundingClientRect();
  const isSeen =
    box.left >= frame.left &&
    box.right <= frame.right &&
    box.top >= frame.top + EDGE &&
    box.bottom <= frame.bottom - EDGE;
  if (isSeen) return;
  view.scrollBy({
    left: box.x + box.width / 2 - frame.x - frame.width / 2,
    top: box.y + box.height / 2 - frame.y - frame.height / 2,
    behavior: wantsStillness() ? "auto" : "smooth",
  });
}
