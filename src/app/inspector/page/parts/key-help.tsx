// The keys, told.
import { useEffect, useRef } from "preact/hooks";
import { KEYS, showsKeys } from "../keys.ts";
import { useObservable } from "../observable.ts";

/** The list of keys as a dialog. */
export function KeyHelp() {
  const shown = useObservable(showsKeys);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (shown) dialog.current?.showModal();
    else dialog.current?.close();
  }, [shown]);
  return (
    <dialog ref={dialog} aria-labelledby="keys-title" onCancel={() => showsKeys.set(false)}>
      <h2 id="keys-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(({ keys, deed }) => (
          <div key={deed}>
            <dt>{keys.map((key) => (key === "…" ? " … " : <kbd key={key}>{key}</kbd>))}</dt>
            <dd>{deed}</dd>
          </div>
        ))}
      </dl>
      <button type="button" onClick={() => showsKeys.set(false)}>
        Close
      </button>
    </dialog>
  );
}
