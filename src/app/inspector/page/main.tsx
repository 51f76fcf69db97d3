// The inspector's page begins here: what it is told is text, shown as such, and all it asks is its own server.
import { render } from "preact";
import { App } from "./app.tsx";
import { goLive } from "./live.ts";
import { followAddress } from "./route.ts";
import { takeToken } from "./server.ts";
import { applyTheme } from "./theme.ts";

takeToken();
applyTheme();
followAddress();
goLive();
const place = document.getElementById("app");
if (place !== null) render(<App />, place);
