// Says what came of a deed, at the foot of the page.
import { hush, notice } from "../notices.ts";
import { useObservable } from "../observable.ts";
import { Icon } from "./icon.tsx";

/** The notice, where there is one. */
export function NoticeBar() {
  const now = useObservable(notice);
  return (
    <div class="notices" role="status" aria-live="polite">
      {now === null ? null : (
        <div class={`notice ${now.isError ? "hue-bad" : "hue-good"}`}>
          <span>{now.text}</span>
          <button type="button" class="plain" onClick={hush} aria-label="Close">
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
