// Moves what is scrolled with the mouse; fingers scroll by themselves.
// Invariant: what was a drag is no click.

/** From so many pixels on it is a drag. */
const LEAST = 4;

/** Follows the mouse from where it was pressed until it is let go. */
export function startDrag(view: HTMLElement, start: PointerEvent): void {
  if (start.pointerType !== "mouse" || start.button !== 0) return;
  const from = { left: view.scrollLeft, top: view.scrollTop };
  let isDrag = false;
  const move = ({ clientX, clientY }: PointerEvent) => {
    const [x, y] = [clientX - start.clientX, clientY - start.clientY];
    isDrag ||= Math.hypot(x, y) >= LEAST;
    view.classList.toggle("dragged", isDrag);
    if (isDrag) view.scrollTo(from.left - x, from.top - y);
  };
  const end = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", end);
    removeEventListener("pointercancel", end);
    view.classList.remove("dragged");
    if (!isDrag) return;
    const swallow = (event: MouseEvent) => event.stopPropagation();
    addEventListener("click", swallow, { capture: true });
    setTimeout(() => removeEventListener("click", swallow, { capture: true }));
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end);
  addEventListener("pointercancel", end);
}
