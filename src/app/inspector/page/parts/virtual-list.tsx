// A long list of which only what is seen is drawn, read page by page as one comes near its end.
// Invariant: rows have one height, so that the place of each is known without drawing it.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useObservable } from "../observable.ts";
import { justLeft } from "../route.ts";

/** Rows drawn above and below what is seen: keys move the focus to them. */
const BEYOND = 16;

/** A list of many rows. */
export function VirtualList<T>(props: {
  readonly label: string;
  /** Names of the columns, for eyes alone: rows say what they are. */
  readonly head?: ComponentChildren;
  readonly rows: readonly T[];
  /** How many there are, read or not. */
  readonly total: number;
  readonly rowHeight: number;
  readonly keyOf: (row: T) => string;
  readonly draw: (row: T) => ComponentChildren;
  /** Called when the end of what was read comes near. */
  readonly onEnd: () => void;
}) {
  const { label, head, rows, total, rowHeight, keyOf, draw, onEnd } = props;
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
  useReturn(list, { rows, rowHeight, keyOf });
  useEffect(() => {
    if (rows.length < total && seen.last >= rows.length) onEnd();
  }, [rows, total, seen.last]);
  return (
    <div>
      {head === undefined ? null : <div aria-hidden="true">{head}</div>}
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
            style={{
              height: `${rowHeight}px`,
              transform: `translateY(${(seen.first + index) * rowHeight}px)`,
            }}
          >
            {draw(row)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Gives the focus back to the row that was just left, once it is read and drawn. */
function useReturn<T>(
  list: RefObject<HTMLUListElement | null>,
  {
    rows,
    rowHeight,
    keyOf,
  }: { readonly rows: readonly T[]; readonly rowHeight: number; readonly keyOf: (row: T) => string },
): void {
  const left = useObservable(justLeft);
  useEffect(() => {
    const at = left === null ? -1 : rows.findIndex((row) => keyOf(row) === left);
    if (at < 0) return;
    const row = list.current?.querySelector<HTMLElement>(`[aria-posinset="${at + 1}"] [data-row]`);
    if (row !== null && row !== undefined) {
      justLeft.set(null);
      row.focus();
      return;
    }
    const scroller = list.current?.closest("main");
    const top = list.current?.getBoundingClientRect().top ?? 0;
    scroller?.scrollBy(0, top + at * rowHeight - innerHeight / 2);
  });
}
