// What is to be known before anything else is read: the server is away, or the answers come from a recording.
import { connection, mesh, tryNow } from "../live.ts";
import { useObservable } from "../observable.ts";
import { useNow } from "../reading.ts";

/** The banners that apply now. */
export function Banner() {
  const link = useObservable(connection);
  const seen = useObservable(mesh);
  const replayed = seen?.models.filter((model) => model.startsWith("replay/")) ?? [];
  return (
    <>
      {link.type === "away" ? <Away retryAt={link.retryAt} /> : null}
      {replayed.length > 0 ? (
        <p class="banner hue-ask">
          <strong>Replayed.</strong> No model is asked: answers are played back from a recording (
          {replayed.join(", ")}).
        </p>
      ) : null}
      {seen?.mode === "stored" ? (
        <p class="banner hue-idle">
          <strong>Stored.</strong> No program of this mesh is asked; this is what its data folder holds.
        </p>
      ) : null}
    </>
  );
}

function Away({ retryAt }: { readonly retryAt: number }) {
  const left = Math.max(0, Math.ceil((retryAt - useNow(250)) / 1000));
  return (
    <div class="banner hue-bad">
      <span role="status">
        <strong>The server is away.</strong> What is shown may be old.
      </span>
      <span class="quiet">{left === 0 ? "Trying…" : `Next try in ${left} s.`}</span>
      <button type="button" onClick={tryNow}>
        Try now
      </button>
    </div>
  );
}
