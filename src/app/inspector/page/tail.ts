// Follows the end of a list that grows, as one follows a log.
// Invariant: whoever has scrolled away from the end is left where they are until they come back to it.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** So many pixels below what is seen still count as the end. */
const NEAR = 120;

/** Keeps the last element of a list in sight while `isOn`: whenever one of `inputs` changes, and as that element grows. */
export function useTail(
  list: RefObject<HTMLElement | null>,
  isOn: boolean,
  inputs: readonly unknown[],
): void {
  const isAtEnd = useRef(true);
  useEffect(() => {
    const look = () => {
      const end = list.current?.lastElementChild?.getBoundingClientRect().bottom;
      if (end !== undefined) isAtEnd.current = end < innerHeight + NEAR;
    };
    addEventListener("scroll", look, { capture: true, passive: true });
    return () => removeEventListener("scroll", look, { capture: true });
  }, []);
  useEffect(() => {
    isAtEnd.current ||= isOn;
  }, [isOn]);
  useEffect(() => {
    const last = list.current?.lastElementChild;
    if (!isOn || last === null || last === undefined) return;
    // Told of its size at once, too.
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) last.scrollIntoView({ block: "end" });
    });
    observer.observe(last);
    return () => observer.disconnect();
  }, [isOn, ...inputs]);
}
