// Cancels a task, once one has said so twice: it cannot be taken back.
// Invariant: whoever asks and says no has the focus where it was.
import { useEffect, useRef, useState } from "preact/hooks";
import { perform } from "../notices.ts";

/** The button, and what it asks. */
export function CancelTask({ taskId }: { readonly taskId: string }) {
  const [isAsking, setAsking] = useState<boolean | null>(null);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isAsking !== null) first.current?.focus();
  }, [isAsking]);
  if (isAsking !== true) {
    return (
      <button key="ask" ref={first} type="button" class="small" onClick={() => setAsking(true)}>
        Cancel task
      </button>
    );
  }
  return (
    <span
      class="sure"
      role="group"
      aria-label="Cancel this task?"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        setAsking(false);
      }}
    >
      <button
        key="sure"
        ref={first}
        type="button"
        class="small danger"
        onClick={() => {
          setAsking(false);
          void perform(`tasks/${encodeURIComponent(taskId)}/cancel`, "The task is being cancelled.");
        }}
      >
        Yes, cancel it
      </button>
      <button type="button" class="small" onClick={() => setAsking(false)}>
        No
      </button>
    </span>
  );
}
