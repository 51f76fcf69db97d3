// Asks for the token, once for this tab.
import { useState } from "preact/hooks";
import { unlock } from "../server.ts";

/** Where the token is typed. */
export function Lock() {
  const [token, setToken] = useState("");
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
          It was printed where the inspector was started; there it is also set. It is kept for this tab only.
        </p>
        <label for="token">Token</label>
        <input
          id="token"
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
