// The page that shows in a browser what the socket at the same address tells: in the inspector of Stately, which is a
// page of theirs inside it.
// Invariant: it says whose page that is and what it is given; the address, which lets in whoever knows it, is told to
// nobody.
import { createHash } from "node:crypto";

const STYLE = `
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif; color-scheme: light dark; }
p { margin: 0; padding: 8px 12px; }
iframe { flex: 1; border: 0; border-top: 1px solid #8888; }
`;

const SCRIPT = `
const frame = document.querySelector("iframe");
const told = document.querySelector("#told");
const own = new URL(frame.src).hostname;
let socket = null;
addEventListener("message", ({ source, origin, data }) => {
  const { hostname } = new URL(origin);
  if (source !== frame.contentWindow || data?.type !== "@statelyai.connected") return;
  if (hostname !== own && !hostname.endsWith("." + own)) return;
  if (socket !== null) socket.onclose = null;
  socket?.close();
  socket = new WebSocket(location.href.replace(/^http/, "ws"));
  socket.onmessage = (event) => source.postMessage(JSON.parse(event.data), origin);
  socket.onopen = () => (told.textContent = "Live.");
  socket.onclose = () => (told.textContent = "The program has ended, or cannot be reached.");
});
`;

/** The page at an address, around the inspector at another. */
export function bridgePage(own: URL, inspector: URL): Response {
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Fettle: charts</title>
<style>${STYLE}</style>
<p>What the charts of this program do, in Stately's inspector. The part below is a page from
<b>${inspector.origin}</b>, and is given all that is shown. <span id="told" role="status">Waiting for it…</span></p>
<iframe src="${inspector.href}" title="Stately's inspector" referrerpolicy="no-referrer"></iframe>
<script>${SCRIPT}</script>
</html>
`;
  const { host, protocol, origin } = inspector;
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    `script-src '${hashOf(SCRIPT)}'`,
    `connect-src ws://${own.host}`,
    `frame-src ${origin} ${protocol}//*.${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(html, {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy.join("; "),
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
