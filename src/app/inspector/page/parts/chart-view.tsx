// A chart on the page: drawn as for documents, with what is active lit, to be scrolled and zoomed.
// Invariant: the drawing is parsed as XML and never as HTML; lighting changes classes and nothing else.
import { useEffect, useRef, useState } from "preact/hooks";
import type { PlacedChart } from "../../../charts/placed-chart.ts";
import { chartSvg } from "../../../charts/svg.ts";
import { wantsStillness } from "../theme.ts";
import { Icon } from "./icon.tsx";

/** What a chart shows besides itself. */
export interface ChartViewProps {
  readonly chart: PlacedChart;
  readonly title: string;
  /** The ids of the active states. */
  readonly lit?: readonly string[];
  /** The ids of the transitions that led there. */
  readonly taken?: readonly string[];
  /** Classes for states, by their ids: how steps stand. */
  readonly marks?: Readonly<Record<string, string>>;
  readonly onPick?: (state: string) => void;
  /** Whether it keeps what is lit in sight. */
  readonly follows?: boolean;
}

const SCALE = { least: 0.2, most: 2, step: 1.25 };

/** Draws a chart. */
export function ChartView({
  chart,
  title,
  lit = [],
  taken = [],
  marks = {},
  onPick,
  follows = false,
}: ChartViewProps) {
  const view = useRef<HTMLDivElement>(null);
  const paper = useRef<HTMLDivElement>(null);
  const [scale, setScale] = useState<number | null>(null);
  const fitting = useFittingScale(view, chart.width);
  const now = scale ?? fitting;
  const zoom = (by: number) => setScale(Math.min(SCALE.most, Math.max(SCALE.least, now * by)));

  useEffect(() => {
    const drawing = new DOMParser().parseFromString(
      chartSvg(chart, { title, isStyled: false }),
      "image/svg+xml",
    );
    paper.current?.replaceChildren(document.importNode(drawing.documentElement, true));
  }, [chart, title]);
  useEffect(() => {
    const drawing = paper.current?.firstElementChild as SVGSVGElement | null | undefined;
    drawing?.setAttribute("width", String(chart.width * now));
    drawing?.setAttribute("height", String(chart.height * now));
  }, [chart, title, now]);
  const inLight = lit.join(" ");
  const onTheWay = taken.join(" ");
  useEffect(() => {
    light(paper.current, { lit, taken, marks });
    if (follows) keepInSight(view.current, lit.at(-1));
  }, [chart, title, inLight, onTheWay, JSON.stringify(marks), follows, now]);

  return (
    <div class="chart">
      <div class="chart-tools" role="group" aria-label={`Size of: ${title}`}>
        <button type="button" class="plain" onClick={() => zoom(1 / SCALE.step)} aria-label="Further">
          <Icon name="minus" />
        </button>
        <button type="button" class="plain" onClick={() => setScale(null)} aria-label="Fit">
          <Icon name="fit" />
        </button>
        <button type="button" class="plain" onClick={() => zoom(SCALE.step)} aria-label="Closer">
          <Icon name="plus" />
        </button>
      </div>
      <div
        ref={view}
        class="chart-view"
        tabIndex={0}
        role="group"
        aria-label={title}
        onKeyDown={(event) => {
          if (event.key === "+" || event.key === "=") zoom(SCALE.step);
          else if (event.key === "-") zoom(1 / SCALE.step);
          else if (event.key === "0") setScale(null);
          else return;
          event.preventDefault();
        }}
        onPointerDown={(event) => drag(view.current, event)}
      >
        <div
          ref={paper}
          class={onPick === undefined ? "paper" : "paper pickable"}
          onClick={(event) => {
            const state = (event.target as Element).closest("[data-state]")?.getAttribute("data-state");
            if (state !== null && state !== undefined) onPick?.(state);
          }}
        />
      </div>
    </div>
  );
}

/** The scale at which the whole width is seen; never larger than drawn. */
function useFittingScale(view: { readonly current: HTMLElement | null }, width: number): number {
  const [room, setRoom] = useState(width);
  useEffect(() => {
    if (view.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined && entry.contentRect.width > 0) setRoom(entry.contentRect.width);
    });
    observer.observe(view.current);
    return () => observer.disconnect();
  }, []);
  return Math.min(1, Math.max(0.35, room / width));
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

function keepInSight(view: HTMLElement | null, state: string | undefined): void {
  if (view === null || state === undefined) return;
  const group = [...view.querySelectorAll<SVGElement>("[data-state]")].find(
    (one) => one.dataset["state"] === state,
  );
  const box = group?.querySelector(".box")?.getBoundingClientRect();
  if (box === undefined) return;
  const frame = view.getBoundingClientRect();
  view.scrollTo({
    left: view.scrollLeft + box.x + box.width / 2 - frame.x - frame.width / 2,
    top: view.scrollTop + box.y + box.height / 2 - frame.y - frame.height / 2,
    behavior: wantsStillness() ? "auto" : "smooth",
  });
}

/** Moves the paper with a mouse; fingers scroll by themselves. */
function drag(view: HTMLElement | null, start: PointerEvent): void {
  if (view === null || start.pointerType !== "mouse" || start.button !== 0) return;
  const from = { x: view.scrollLeft + start.clientX, y: view.scrollTop + start.clientY };
  const move = (event: PointerEvent) => view.scrollTo(from.x - event.clientX, from.y - event.clientY);
  const end = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
}
