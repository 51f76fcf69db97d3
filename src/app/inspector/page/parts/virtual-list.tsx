// A long list of which only what is seen is drawn, read page by page as one comes near its end.
// Invariant: rows have one height, so that the place of each is known without drawing it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Rows drawn above and below what is seen: keys move the focus to them. */
const BEYOND = 8;

/** A list of many rows. */
export function VirtualList<T>(props: {
  readonly label: string;
  readonly rows: readonly T[];
  /** How many there are, read or not. */
  readonly total: number;
  readonly rowHeight: number;
  readonly keyOf: (row: T) => string;
  readonly draw: (row: T) => ComponentChildren;
  /** Called when the end of what was read comes near. */
  readonly onEnd: () => void;
}) {
  const { label, rows, total, rowHeight, keyOf, draw, onEnd } = props;
  const list = useRef<HTMLUListElement>(null);
  const [seen, setSeen] = useState({ first: 0, last: 40 });
  useEffect(() => {
    const scroller = list.current?.closest("main");
    if (scroller === null || scroller === undefined) return;
    const look = () => {
      const place = list.current?.getBoundingClientRect();
      const frame = scroller.getBoundingClientRect();
      if (place === undefined) return;
      const first = Math.max(0, Math.floor((frame.top - place.top) / rowHeight) - BEYOND);
      const last = Math.max(0, Math.ceil((frame.bottom - place.top) / rowHeight) + BEYOND);
      setSeen((now) => (now.first === first && now.last === last ? now : { first, last }));
    };
    look();
    scroller.addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      scroller.removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [rowHeight, total === 0]);
  useEffect(() => {
    if (rows.length < total && seen.last >= rows.length) onEnd();
  }, [rows, total, seen.last]);
  return (
    <ul
      ref={list}
      class="rows"
      aria-label={label}
      style={{ height: `${Math.max(total, rows.length) * rowHeight}px` }}
    >
      {rows.slice(seen.first, seen.last).map((row, index) => (
        <li
          key={keyOf(row)}
          aria-setsize={total}
          aria-posinset={seen.first + index + 1}
          style={{ height: `${rowHeight}px`, transform: `translateY(${(seen.first + index) * rowHeight}px)` }}
        >
          {draw(row)}
        </li>
      ))}
    </ul>
  );
}
