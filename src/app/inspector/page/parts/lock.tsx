// Asks for the token, once for this tab.
import { useEffect, useRef, useState } from "preact/hooks";
import { useObservable } from "../observable.ts";
import { unlock, wasRefused } from "../server.ts";

/** Where the token is typed. */
export function Lock() {
  const [token, setToken] = useState("");
  const refused = useObservable(wasRefused);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <main class="lock">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          unlock(token.trim());
        }}
      >
        <h1>This inspector needs a token</h1>
        <p id="token-help">
          It is the one that the inspector was started with: <code>FETTLE_INSPECT_TOKEN</code>, or the file of{" "}
          <code>--token-file</code>. It is kept for this tab only.
        </p>
        {refused ? (
          <p class="failure" role="alert">
            That was not the right token.
          </p>
        ) : null}
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="current-password"
          aria-describedby="token-help"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
          required
        />
        <button type="submit" class="main">
          Open
        </button>
      </form>
    </main>
  );
}
