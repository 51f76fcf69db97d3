// The keys of a task's page: they walk through its moments.
// Invariant: keys that a field, a chart or a dialog has a meaning for are left to it.
import { useEffect } from "preact/hooks";
import { isTyping } from "./keys.ts";
import type { Playing } from "./playing.ts";

/** Listens while the task is shown. */
export function useTaskKeys({ at, goTo, step, goLive, play }: Playing, length: number): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (isTyping(target) || target.closest(".chart-view, pre, select, dialog") !== null) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
      else if (event.key === "Home") goTo(0);
      else if (event.key === "End") goLive();
      else if (event.key === " " && target.closest("button, a, summary") === null) play();
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [at, length, play]);
}
