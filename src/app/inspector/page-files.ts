// The page's own files: built into the package, read when asked for, nothing from anywhere else.
// Invariant: only files of the page's folder are given, by names without a path; each answer forbids the browser to load,
// run or send anything but to this server.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { packageRoot } from "../package-root.ts";

/** Sent with each answer of the inspector. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  map: "application/json",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Fettle</title>
<h1>The inspector's page was not built</h1>
<p>This copy of Fettle has no page: run <code>npm run build</code> in its folder. The data is below <code>api/</code>.</p>
</html>
`;

/** A file of the page as an answer; null where there is none of that name. */
export async function pageFile(name: string, ifNoneMatch: string | undefined): Promise<Response | null> {
  const [, extension = ""] = /^[\w-]+(?:\.[\w-]+)*\.([a-z0-9]+)$/.exec(name) ?? [];
  const type = TYPES[extension];
  if (type === undefined) return null;
  const found = await readFile(new URL(`dist/src/app/inspector/page/${name}`, packageRoot())).catch(
    () => null,
  );
  if (found === null && name !== "index.html") return null;
  const body = found ?? Buffer.from(NOT_BUILT);
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const headers = { "Content-Type": type, "Cache-Control": "no-cache", ETag: tag };
  if (ifNoneMatch === tag) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(body), { headers });
}
