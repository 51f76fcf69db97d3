// How large a chart is drawn: as wide as its place at first, but never too small to read; then as one wants it.
// Invariant: what is under the pointer, or in the middle, stays where it is.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** What is drawn, and where. */
export interface Drawn {
  readonly view: RefObject<HTMLElement | null>;
  /** Its first child is the drawing. */
  readonly paper: RefObject<HTMLElement | null>;
  readonly chart: { readonly width: number; readonly height: number };
  /** The drawing's source: another one is sized anew. */
  readonly svg: string;
}

/** The size, and what changes it. */
export interface Zoom {
  /** 1 as it was laid out. */
  readonly scale: number;
  /** Whether the place has been measured, so that the scale is the one that is seen. */
  readonly isMeasured: boolean;
  readonly closer: () => void;
  readonly further: () => void;
  /** Shows the whole. */
  readonly fit: () => void;
}

const STEP = 1.25;
const LEAST = 0.1;
const MOST = 3;
/** Texts are read down to this. */
const LEGIBLE = 0.75;
/** So many pixels of the wheel are one step. */
const WHEEL = 100;

/** Sizes a drawing. */
export function useZoom({ view, paper, chart, svg }: Drawn): Zoom {
  const { width, height } = chart;
  const [room, setRoom] = useState<{ readonly width: number; readonly height: number } | null>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const anchor = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const scale = chosen ?? Math.min(1, Math.max(LEGIBLE, (room?.width ?? width) / width));

  useEffect(() => {
    if (view.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined || entry.contentRect.width === 0) return;
      setRoom({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(view.current);
    return () => observer.disconnect();
  }, []);

  // After the drawing was put in, and before anything is seen.
  useLayoutEffect(() => {
    const [frame, drawing] = [view.current, paper.current?.firstElementChild];
    if (frame === null || drawing === null || drawing === undefined) return;
    const { left, top, width: seen, height: tall } = frame.getBoundingClientRect();
    const { x, y } = anchor.current ?? { x: left + seen / 2, y: top + tall / 2 };
    anchor.current = null;
    const before = drawing.getBoundingClientRect();
    drawing.setAttribute("width", String(width * scale));
    drawing.setAttribute("height", String(height * scale));
    const after = drawing.getBoundingClientRect();
    frame.scrollBy(
      after.left - x + ((x - before.left) / before.width) * after.width,
      after.top - y + ((y - before.top) / before.height) * after.height,
    );
  }, [svg, scale]);

  const zoom = (by: number) => setChosen((now) => Math.min(MOST, Math.max(LEAST, (now ?? scale) * by)));
  const turn = useRef(zoom);
  turn.current = zoom;
  useEffect(() => {
    const frame = view.current;
    const onWheel = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      // The page itself would be zoomed.
      event.preventDefault();
      anchor.current = { x: event.clientX, y: event.clientY };
      turn.current(STEP ** (-event.deltaY / WHEEL));
    };
    frame?.addEventListener("wheel", onWheel, { passive: false });
    return () => frame?.removeEventListener("wheel", onWheel);
  }, []);

  return {
    scale,
    isMeasured: room !== null,
    closer: () => zoom(STEP),
    further: () => zoom(1 / STEP),
    fit: () => {
      if (room === null) return;
      setChosen(Math.max(LEAST, Math.min(1, room.width / width, room.height / height)));
    },
  };
}
